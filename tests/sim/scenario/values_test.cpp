// Does the field table refuse what it should, naming line, key, what was got and what is expected?
// (tests.md C3 rows 8 to 13, 16, 17)

#include "sim/scenario/values.hpp"

#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::expect_input_error;

const std::string kValid =
    "name: test\n"                     // 1
    "model:\n"                         // 2
    "  architecture: qwen3-30b-a3b\n"  // 3
    "hardware:\n"                      // 4
    "  gpu: h100-sxm\n"                // 5
    "workload:\n"                      // 6
    "  rate: 10 requests/s\n"          // 7
    "  input_tokens: {tokens: 100}\n"  // 8
    "  output_tokens: {tokens: 10}\n"  // 9
    "objectives:\n"                    // 10
    "  ttft_p99: 2 s\n"                // 11
    "prices:\n"                        // 12
    "  book: 2026-11\n";               // 13

ScenarioValues parse(const std::string& yaml) {
  const text::Document document = text::parse_yaml(yaml, "s.yaml");
  text::Problems problems(document);
  ScenarioValues values = ScenarioValues::parse(document, problems);
  problems.throw_if_any();
  return values;
}

// kValid with one line replaced.
std::string with_line(int number, const std::string& replacement) {
  std::string out;
  int line = 1;
  std::size_t begin = 0;
  while (begin < kValid.size()) {
    const std::size_t end = kValid.find('\n', begin);
    out += line++ == number ? replacement : kValid.substr(begin, end - begin);
    out += "\n";
    begin = end + 1;
  }
  return out;
}

TEST(ScenarioValues, ValidFileGetsItsDefaults) {
  const ScenarioValues values = parse(kValid);
  EXPECT_EQ(values.text("hardware.gpu"), "h100-sxm");
  EXPECT_DOUBLE_EQ(values.number("workload.rate"), 10.0);
  EXPECT_TRUE(values.given("workload.rate"));
  EXPECT_EQ(values.count("engine.max_sequences"), 256);
  EXPECT_FALSE(values.given("engine.max_sequences"));
  EXPECT_FALSE(values.has("pruning.experts_kept"));
  EXPECT_EQ(values.numbers("parallelism.expert_parallel"), (std::vector<double>{1.0, 0.0}));
  EXPECT_EQ(values.mark("workload.rate").line, 7);
}

TEST(ScenarioValues, UnknownKeysNameTheNearestOne) {
  expect_input_error([] { parse(with_line(5, "  gpu: h100-sxm\n  gpuss: 2")); }, "E_UNKNOWN_KEY",
                     "s.yaml:6:3", "/hardware/gpuss", "did you mean 'gpus'");
  expect_input_error([] { parse(kValid + "paralelism:\n  tensor_parallel: 2\n"); }, "E_UNKNOWN_KEY",
                     "s.yaml:14:1", "did you mean 'parallelism'");
}

TEST(ScenarioValues, WrongTypesSayWhatWasGotAndExpected) {
  expect_input_error([] { parse(with_line(8, "  input_tokens: {tokens: \"8\"}")); }, "E_TYPE",
                     "s.yaml:8:", "/workload/input_tokens/tokens", "8");
  expect_input_error([] { parse(with_line(8, "  input_tokens: {tokens: true}")); }, "E_TYPE",
                     "s.yaml:8:");
  expect_input_error([] { parse(with_line(8, "  input_tokens: {tokens: 8.5}")); }, "E_TYPE", "8.5");
  expect_input_error([] { parse(with_line(8, "  input_tokens: 100")); }, "E_TYPE",
                     "/workload/input_tokens");
  expect_input_error([] { parse(with_line(5, "  gpu: [h100-sxm]\n  gpus: on")); }, "E_TYPE",
                     "s.yaml:6:");
}

TEST(ScenarioValues, QuantitiesNeedAUnitOfTheRightKind) {
  expect_input_error([] { parse(with_line(11, "  ttft_p99: 2")); }, "E_UNIT", "s.yaml:11:", "ms");
  expect_input_error([] { parse(with_line(11, "  ttft_p99: 0")); }, "E_UNIT", "s.yaml:11:");
  expect_input_error([] { parse(with_line(11, "  ttft_p99: 2 GB")); }, "E_UNIT", "GB");
  expect_input_error([] { parse(with_line(11, "  ttft_p99: 2 parsecs")); }, "E_UNIT", "parsecs");
}

TEST(ScenarioValues, RangesAreChecked) {
  for (const char* rate : {"0 requests/s", "-1 requests/s", "-0 requests/s"}) {
    expect_input_error([&] { parse(with_line(7, std::string("  rate: ") + rate)); }, "E_RANGE",
                       "s.yaml:7:", "/workload/rate");
  }
  expect_input_error([] { parse(with_line(5, "  gpu: h100-sxm\n  gpus: 0")); }, "E_RANGE",
                     "/hardware/gpus");
  expect_input_error([] { parse(with_line(8, "  input_tokens: {tokens: 1000000000000000000}")); },
                     "E_OVERFLOW", "/workload/input_tokens/tokens");
}

TEST(ScenarioValues, MissingSectionsAndKeysAreAllReportedAtOnce) {
  const auto problems = expect_input_error([] { parse("name: x\n"); }, "E_MISSING", "model");
  EXPECT_EQ(problems.size(), 5u) << "model, hardware, workload, objectives, prices";
  expect_input_error([] { parse(with_line(3, "  precision: bf16")); }, "E_MISSING",
                     "model.architecture");
}

TEST(ScenarioValues, ListsAreForFieldsThatTakeThem) {
  expect_input_error([] { parse(with_line(7, "  rate: [1 requests/s, 2 requests/s]")); }, "E_TYPE",
                     "s.yaml:7:", "a sequence");
  expect_input_error([] { parse(with_line(5, "  gpu: [h100-sxm, h100-sxm]")); }, "E_DUPLICATE",
                     "h100-sxm");
  expect_input_error([] { parse(with_line(5, "  gpu: []")); }, "E_VALUE", "empty");
}

TEST(ScenarioValues, ChoicesAreListed) {
  expect_input_error([] { parse(with_line(7, "  arrivals: poison\n  rate: 1 requests/s")); },
                     "E_VALUE", "poisson", "closed_loop");
}

// vLLM's list: 1, 2, 4, every 8 below 256, every 16 from there.
TEST(GraphSizes, AreVllmsUnlessStated) {
  using Sizes = std::vector<std::int64_t>;
  EXPECT_EQ(default_graph_sizes(10, 8192), (Sizes{1, 2, 4, 8, 16}));
  EXPECT_EQ(default_graph_sizes(256, 12), (Sizes{1, 2, 4, 8}));
  const Sizes all = default_graph_sizes(1000, 8192);
  EXPECT_EQ(all.size(), 3u + 31u + 17u);  // 8..248 and 256..512
  EXPECT_EQ(all.back(), 512);
  EXPECT_EQ(all[all.size() - 17], 256);
  const auto sizes = [](const std::string& text) {
    return tests::ScenarioFile().set("engine", "{cuda_graph_sizes: " + text + "}").load();
  };
  EXPECT_EQ(sizes("none").engine.graph_sizes, Sizes{});
  EXPECT_EQ(sizes("[32, 8]").engine.graph_sizes, (Sizes{8, 32}));
  EXPECT_EQ(sizes("default").engine.graph_sizes, default_graph_sizes(256, 8192));
  EXPECT_THROW(sizes("[default, 8]"), InputError);
  EXPECT_THROW(sizes("some"), InputError);
}

TEST(ChunkedPrefill, OffNeedsStepsThatHoldTheLongestPrompt) {
  const auto engine = [](const std::string& text) {
    return tests::ScenarioFile().set("engine", "{chunked_prefill: false" + text + "}").load();
  };
  EXPECT_FALSE(engine(", max_model_length: 8192").engine.chunked_prefill);
  EXPECT_THROW(engine(""), InputError);  // the model allows 40960 tokens, a step 8192
}

TEST(PipelineParallel, MustDivideAnEngine) {
  const auto layout = [](const std::string& text) {
    return tests::ScenarioFile()
        .set("hardware", "{gpu: h100-sxm, gpus: [2, 4]}")
        .set("parallelism", "{pipeline_parallel: " + text + "}")
        .load();
  };
  EXPECT_EQ(layout("[1, 2]").pipeline_parallel, (std::vector<std::int64_t>{1, 2}));
  EXPECT_THROW(layout("3"), InputError);
  EXPECT_THROW(layout("4"), InputError);  // two GPUs have no four stages
  EXPECT_THROW(layout("[1, 4], tensor_parallel: 3"), InputError);
}

// The catalog's laws of 4-bit experts are taken as engines serve them; the same file as a user's
// own profile is believed.
TEST(Hardware, AUsersOwnProfileIsBelieved) {
  const auto loaded = [](const std::string& profile) {
    return tests::ScenarioFile()
        .set("model", "{architecture: gpt-oss-120b}")
        .set("pruning", "")
        .set("hardware", "{gpu: h100-sxm, gpus: 2, profile: " + profile + "}")
        .load();
  };
  const Scenario catalog = loaded("catalog");
  const Scenario own = loaded((tests::data_dir() / "profiles/h100-sxm.json").string());
  EXPECT_TRUE(catalog.hardware[0].request.as_served);
  EXPECT_FALSE(own.hardware[0].request.as_served);
  EXPECT_LT(catalog.hardware[0].laws.expert.theta().compute,
            own.hardware[0].laws.expert.theta().compute / 3.0);
}

}  // namespace
}  // namespace moeplan::sim
