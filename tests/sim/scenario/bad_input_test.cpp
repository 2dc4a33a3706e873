// Wrong scenarios that the field table alone cannot see, and what the message must say
// (tests.md C3 rows 4 to 24).

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::expect_input_error_with;

struct Wrong {
  const char* name;
  std::string section;
  std::string yaml;
  std::string code;
  std::vector<std::string> says;
};

class BadScenario : public testing::TestWithParam<Wrong> {};

TEST_P(BadScenario, IsRefusedWithItsPlaceAndAHint) {
  tests::ScenarioFile file;
  file.set(GetParam().section, GetParam().yaml);
  std::vector<std::string> parts = GetParam().says;
  parts.push_back(".yaml:");  // the line follows
  expect_input_error_with([&] { file.load(); }, GetParam().code, parts);
}

const std::string kLengths = "input_tokens: {tokens: 500}, output_tokens: {tokens: 100}}";

INSTANTIATE_TEST_SUITE_P(
    Rows, BadScenario,
    testing::Values(
        Wrong{"KeyOfAnotherSection",
              "hardware",
              "{gpu: h100-sxm, tensor_parallel: 2}",
              "E_UNKNOWN_KEY",
              {"/hardware/tensor_parallel", "belongs under parallelism"}},
        Wrong{"TypoOfAKeyOfAnotherSection",
              "hardware",
              "{gpu: h100-sxm, tensor_paralel: 2}",
              "E_UNKNOWN_KEY",
              {"did you mean 'parallelism.tensor_parallel'?"}},
        Wrong{"BeginningOfAGpuName",
              "hardware",
              "{gpu: h100}",
              "E_VALUE",
              {"/hardware/gpu", "got h100", "did you mean 'h100-pcie' or 'h100-sxm'?"}},
        Wrong{"SecondGpuOfTheList",
              "hardware",
              "{gpu: [h100-sxm, h100-smx]}",
              "E_VALUE",
              {"/hardware/gpu/1", "got h100-smx", "did you mean 'h100-sxm'?"}},
        Wrong{"BeginningOfAModelName",
              "model",
              "{architecture: qwen3-30b}",
              "E_VALUE",
              {"/model/architecture", "did you mean 'qwen3-30b-a3b'?"}},
        Wrong{"MissingModelFile",
              "model",
              "{architecture: ./nowhere/config.json}",
              "E_IO",
              {"/model/architecture", "nowhere/config.json", "No such file or directory"}},
        Wrong{"UnknownProfile",
              "hardware",
              "{gpu: h100-sxm, profile: h100}",
              "E_VALUE",
              {"/hardware/profile", "did you mean 'h100-sxm'?"}},
        Wrong{"MissingProfileFile",
              "hardware",
              "{gpu: h100-sxm, profile: p.json}",
              "E_IO",
              {"/hardware/profile", "p.json", "No such file"}},
        Wrong{"ProfileOfAnotherGpu",
              "hardware",
              "{gpu: h100-sxm, profile: a100-sxm}",
              "E_VALUE",
              {"/hardware/profile", "got 'a100-sxm'", "expected 'h100-sxm'"}},
        Wrong{"TopKAboveExpertsLeft",
              "pruning",
              "{experts_kept: [128, 6]}",
              "E_RANGE",
              {"/pruning/experts_kept/1", "top_k 8 > 6 experts in layer 0", "got 6", "8 to 128"}},
        Wrong{"MoreExpertsThanPretrained",
              "pruning",
              "{experts_kept: 256}",
              "E_RANGE",
              {"/pruning/experts_kept", "pretrained with 128", "got 256"}},
        Wrong{"TensorParallelNoEngineHas",
              "parallelism",
              "{tensor_parallel: [1, 3]}",
              "E_VALUE",
              {"/parallelism/tensor_parallel/1", "1 or 2 GPUs", "got 3",
               "a divisor of one of hardware.gpus"}},
        Wrong{"GpusNoTensorParallelSuits",
              "parallelism",
              "{tensor_parallel: 2}",
              "E_VALUE",
              {"/hardware/gpus/0", "an engine of 1 GPUs", "a multiple of"}},
        Wrong{"CurveOfAnotherModel",
              "accuracy",
              "{curve: mixtral-8x7b-naee}",
              "E_VALUE",
              {"/accuracy/curve", "Mixtral-8x7B has 8 experts and top_k 2", "has 128 and 8"}},
        Wrong{"CurveOfAModelWithAsManyExperts",
              "accuracy",
              "{curve: glm-4.5-air-reap-code}",
              "E_VALUE",
              {"/accuracy/curve", "GLM-4.5-Air (glm-4.5-air) has 46 layers of hidden size 4096",
               "qwen3-30b-a3b has 48 of 2048", "accuracy.allow_other_model: true"}},
        Wrong{"SamePriceBookTwice",
              "prices",
              "{book: [2026-11, 2026-11]}",
              "E_DUPLICATE",
              {"/prices/book/1", "'2026-11' is in the list twice"}},
        Wrong{"UnknownTierInAList",
              "prices",
              "{book: 2026-11, tier: [on_demand, sport]}",
              "E_VALUE",
              {"/prices/tier", "did you mean 'spot'?"}},
        Wrong{"UnknownCurve",
              "accuracy",
              "{curve: qwen3-30b-a3b-reep-code}",
              "E_VALUE",
              {"/accuracy/curve", "did you mean 'qwen3-30b-a3b-reap-code'?"}},
        Wrong{"UnknownProvider",
              "prices",
              "{book: 2026-11, provider: Asw}",
              "E_VALUE",
              {"/prices/provider", "did you mean 'AWS'?"}},
        Wrong{"NoSuchDay",
              "prices",
              "{book: 2026-11, as_of: 2026-13-01}",
              "E_VALUE",
              {"/prices/as_of", "YYYY-MM-DD"}},
        Wrong{"NotFiniteRate",
              "workload",
              "{rate: 1e999 requests/s, " + kLengths,
              "E_UNIT",
              {"/workload/rate", "does not start with a finite number"}},
        Wrong{"NotANumberRate",
              "workload",
              "{rate: .nan requests/s, " + kLengths,
              "E_UNIT",
              {"/workload/rate", "finite number"}},
        Wrong{"MinusZeroRate",
              "workload",
              "{rate: -0 requests/s, " + kLengths,
              "E_RANGE",
              {"/workload/rate", "expected > 0 requests/s"}},
        Wrong{"HugeCount",
              "pruning",
              "{experts_kept: 1000000000000000000}",
              "E_OVERFLOW",
              {"/pruning/experts_kept", "a whole number 1 to 100000"}},
        Wrong{"HugeTokens",
              "workload",
              "{rate: 1 requests/s, input_tokens: {tokens: 1e18}, output_tokens: {tokens: 1}}",
              "E_OVERFLOW",
              {"/workload/input_tokens/tokens", "1 to 10000000"}},
        Wrong{"AmbiguousUnit",
              "engine",
              "{buffer_memory: 400Gb}",
              "E_UNIT",
              {"ambiguous unit 'Gb'", "Gbit or GB"}},
        Wrong{"YamlNo",
              "parallelism",
              "{expert_parallel: no}",
              "E_TYPE",
              {"YAML versions read this value differently", "write false"}},
        Wrong{"Octal", "hardware", "{gpu: h100-sxm, gpus: 0o12}", "E_TYPE", {"0o12"}},
        Wrong{"Alias", "hardware", "&a {gpu: h100-sxm}", "E_SYNTAX", {"an anchor"}},
        Wrong{"MergeKey", "hardware", "{<<: {gpu: h100-sxm}}", "E_SYNTAX", {"merge key"}},
        Wrong{"NoRequestsAfterWarmUp",
              "workload",
              "{rate: 1 requests/s, requests: 500, warmup_requests: 500, " + kLengths,
              "E_RANGE",
              {"0 requests after warm-up"}}),
    [](const auto& test) { return std::string(test.param.name); });

TEST(BadScenarioFile, DenseModelHasNoLayoutOfThreeGpus) {
  tests::ScenarioFile file;
  file.set("model", "{architecture: llama-3.1-8b}").set("pruning", "");
  file.set("hardware", "{gpu: h100-sxm, gpus: [1, 3]}");
  expect_input_error_with([&] { file.load(); }, "E_VALUE",
                          {"/hardware/gpus/1", "power of two GPUs, not 3"});
  file.set("hardware", "{gpu: h100-sxm, gpus: 2}").set("parallelism", "{tensor_parallel: 1}");
  expect_input_error_with([&] { file.load(); }, "E_VALUE",
                          {"/parallelism/tensor_parallel", "no data parallelism"});
}

TEST(BadScenarioFile, DenseModelTakesNoAccuracyCurve) {
  tests::ScenarioFile file;
  file.set("model", "{architecture: llama-3.1-8b}").set("pruning", "");
  file.set("accuracy", "{curve: mixtral-8x7b-naee}");
  expect_input_error_with([&] { file.load(); }, "E_VALUE",
                          {"/accuracy/curve", "Mixtral-8x7B", "is a dense model"});
}

TEST(ScenarioOverride, SeedIsTheCommandLines) {
  const tests::ScenarioFile file;
  const Scenario scenario = load_scenario(file.write(), {.seed = 42});
  EXPECT_EQ(scenario.seed, 42U);
  EXPECT_EQ(scenario.values.text("seed"), "42");
}

}  // namespace
}  // namespace moeplan::sim
