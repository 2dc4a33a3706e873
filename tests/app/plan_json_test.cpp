// Is `plan --format json` of the default scenario what interface.md promises, key by key, and do
// its numbers agree with each other?

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <set>

#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "tests/app/process.hpp"
#include "tests/app/scenario_text.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using text::Kind;
using text::Node;

class PlanJson : public testing::Test {
 protected:
  // The default scenario with short runs, planned once for all tests.
  static const Node& plan() {
    static const text::Document document = [] {
      const TemporaryDirectory folder;
      const std::string scenario = with(read_bytes(data_dir() / "scenarios/default.yaml"),
                                        "workload:\n", "workload:\n  requests: 1000\n");
      const Finished run = run_moeplan(
          {"plan", folder.write("default.yaml", scenario).string(), "--format", "json"});
      EXPECT_EQ(run.exit_code, 0) << run.err;
      return text::parse_json(run.out, "stdout");
    }();
    return document.root;
  }

  static const Node& at(const Node& node, const std::string& key) {
    const Node* found = node.find(key);
    if (found == nullptr) {
      throw std::runtime_error("no key " + key);
    }
    return *found;
  }
  static double number(const Node& node, const std::string& key) {
    return parse_number(at(node, key).scalar).value();
  }
  // recommendation, baseline, runner_up and every entry of pareto[].
  static std::vector<const Node*> designs() {
    std::vector<const Node*> result = {&at(plan(), "recommendation"), &at(plan(), "baseline"),
                                       &at(plan(), "runner_up")};
    for (const Node& design : at(plan(), "pareto").items) {
      result.push_back(&design);
    }
    return result;
  }
};

TEST_F(PlanJson, TopLevelKeysAreThere) {
  EXPECT_EQ(at(plan(), "schema_version").kind, Kind::number);
  for (const char* key : {"recommendation", "baseline", "runner_up", "provenance"}) {
    EXPECT_EQ(at(plan(), key).kind, Kind::map) << key;
  }
  EXPECT_EQ(at(plan(), "baseline_reason").kind, Kind::null) << "there is a baseline";
  EXPECT_EQ(at(plan(), "pareto").kind, Kind::sequence);
  EXPECT_EQ(at(plan(), "infeasible").kind, Kind::sequence);
  EXPECT_GE(at(plan(), "pareto").items.size(), 2U);
}

TEST_F(PlanJson, EveryDesignHasEveryKeyWithItsType) {
  for (const Node* design : designs()) {
    for (const char* key : {"experts_kept", "gpus", "tensor_parallel", "expert_parallel",
                            "data_parallel", "pipeline_parallel", "replicas"}) {
      const double value = number(*design, key);
      EXPECT_EQ(value, std::floor(value)) << key;
      EXPECT_GE(value, 1.0) << key;
    }
    for (const char* key :
         {"cost_usd_per_million_tokens", "cost_usd_per_million_input_tokens",
          "cost_usd_per_million_output_tokens", "cost_usd_per_million_tokens_at_capacity",
          "cost_usd_per_month", "ttft_p50_s", "ttft_p99_s", "tpot_p50_s", "tpot_p99_s",
          "throughput_tokens_per_s"}) {
      EXPECT_EQ(at(*design, key).kind, Kind::number) << key;
      EXPECT_GT(number(*design, key), 0.0) << key;
    }
    for (const char* key : {"accuracy", "accuracy_low", "accuracy_high"}) {
      EXPECT_GE(number(*design, key), 0.0) << key;
      EXPECT_LE(number(*design, key), 1.0) << "a fraction: " << key;
    }
    EXPECT_EQ(at(*design, "gpu").scalar, "h100-sxm");
    EXPECT_EQ(at(*design, "exchange").kind, Kind::string);
    EXPECT_EQ(at(*design, "accuracy_distinguishable").kind, Kind::boolean);
    EXPECT_EQ(at(*design, "extrapolated").kind, Kind::sequence);
    const std::set<std::string> known = {"ttft",   "tpot",   "throughput", "accuracy",
                                         "memory", "budget", "none"};
    EXPECT_EQ(known.count(at(*design, "binding_constraint").scalar), 1U)
        << at(*design, "binding_constraint").scalar;
  }
}

TEST_F(PlanJson, NumbersOfADesignAgree) {
  for (const Node* design : designs()) {
    EXPECT_EQ(number(*design, "gpus"),
              number(*design, "replicas") * number(*design, "data_parallel") *
                  number(*design, "tensor_parallel") * number(*design, "pipeline_parallel"));
    EXPECT_LE(number(*design, "ttft_p50_s"), number(*design, "ttft_p99_s"));
    EXPECT_LE(number(*design, "tpot_p50_s"), number(*design, "tpot_p99_s"));
    EXPECT_LE(number(*design, "accuracy_low"), number(*design, "accuracy"));
    EXPECT_LE(number(*design, "accuracy"), number(*design, "accuracy_high"));
    // Whole experts on ranks: as many as an engine has GPUs; else every expert is sharded.
    const double engine = number(*design, "gpus") / number(*design, "replicas");
    const double ranks = number(*design, "expert_parallel");
    EXPECT_TRUE(ranks == 1.0 || ranks == engine) << ranks << " of " << engine;
  }
}

TEST_F(PlanJson, CostsAreRentOverTokens) {
  for (const Node* design : designs()) {
    const double month = number(*design, "cost_usd_per_month");
    const double tokens_per_s = number(*design, "throughput_tokens_per_s");
    const double per_million = number(*design, "cost_usd_per_million_tokens");
    // 730 h of rent; the rent of an hour over the tokens of an hour.
    EXPECT_NEAR(per_million, month / 730.0 / (tokens_per_s * 3600.0) * 1e6, 1e-9 * per_million);
    // The two split the same money: weighted by tokens they give the mean again.
    const double output = number(*design, "throughput_output_tokens_per_s");
    const double split =
        (number(*design, "cost_usd_per_million_input_tokens") * (tokens_per_s - output) +
         number(*design, "cost_usd_per_million_output_tokens") * output) /
        tokens_per_s;
    EXPECT_NEAR(split, per_million, 1e-9 * per_million);
    EXPECT_LE(number(*design, "cost_usd_per_million_tokens_at_capacity"),
              per_million * (1.0 + 1e-9));
    // p5.48xlarge: 8 GPUs for 55.04 USD/h (models/data/prices/2026-11.yaml), whole instances.
    EXPECT_NEAR(std::remainder(month, 55.04 * 730.0), 0.0, 1e-6 * month);
    EXPECT_GE(month * 8.0 / (55.04 * 730.0), number(*design, "gpus") * (1.0 - 1e-9));
  }
}

TEST_F(PlanJson, RolesOfTheDesignsHold) {
  const Node& chosen = at(plan(), "recommendation");
  EXPECT_EQ(number(at(plan(), "baseline"), "experts_kept"), 128.0) << "unpruned";
  EXPECT_LE(number(chosen, "cost_usd_per_month"),
            number(at(plan(), "baseline"), "cost_usd_per_month"));
  EXPECT_LE(number(chosen, "cost_usd_per_month"),
            number(at(plan(), "runner_up"), "cost_usd_per_month"));
  double before = 0.0;
  for (const Node& design : at(plan(), "pareto").items) {
    EXPECT_GE(number(design, "cost_usd_per_month"), before) << "cheapest first";
    before = number(design, "cost_usd_per_month");
  }
}

TEST_F(PlanJson, ProvenanceNamesWhatItRestsOn) {
  const Node& provenance = at(plan(), "provenance");
  EXPECT_EQ(at(provenance, "tool").scalar, "moeplan");
  EXPECT_EQ(at(provenance, "scenario_sha256").scalar.size(), 64U);
  EXPECT_EQ(number(provenance, "seed"), 1.0);
  EXPECT_EQ(at(provenance, "price_book").scalar, "2026-11");
  for (const Node& law : at(provenance, "laws").items) {
    EXPECT_FALSE(at(law, "source").scalar.empty());
    EXPECT_EQ(at(law, "datasheet").kind, Kind::boolean);
  }
}

TEST(PlanJsonInfeasible, RowsHaveTheirKeys) {
  const TemporaryDirectory folder;
  // 127 experts do not divide over 2 expert-parallel ranks; 64 do.
  const std::string file =
      folder.write("s.yaml", with(kScenario, "[128, 64]", "[127, 64]")).string();
  const Finished run = run_moeplan({"plan", file, "--format", "json"});
  const text::Document plan = text::parse_json(run.out, "stdout");
  const Node& rows = *plan.root.find("infeasible");
  ASSERT_EQ(rows.items.size(), 2U) << "TP1 EP2 and TP2 EP2";
  for (const Node& row : rows.items) {
    std::set<std::string> keys;
    for (const Node::Entry& entry : row.entries) {
      keys.insert(entry.key);
    }
    EXPECT_EQ(keys, (std::set<std::string>{"experts_kept", "gpu", "gpus", "tensor_parallel",
                                           "expert_parallel", "data_parallel", "pipeline_parallel",
                                           "placement", "redundant_experts", "code", "reason"}));
    EXPECT_EQ(row.find("code")->scalar, "expert_parallel");
    EXPECT_THAT(row.find("reason")->scalar, testing::HasSubstr("127 experts of layer 0"));
  }
  EXPECT_EQ(plan.root.find("baseline")->kind, Kind::null);
  EXPECT_EQ(plan.root.find("baseline_reason")->kind, Kind::string);
}

}  // namespace
}  // namespace moeplan::tests
