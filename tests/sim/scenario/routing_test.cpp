// Does workload.routing reach the scenario, and does wrong routing say where it is wrong?
// (tests.md C3 38)

#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::expect_input_error_with;

// Mixtral-8x7B: 32 layers of 8 experts, top 2.
class MeasuredRouting : public testing::Test {
 protected:
  MeasuredRouting() {
    file_.set("model", "{architecture: mixtral-8x7b}").set("pruning", "{experts_kept: [8, 4]}");
  }
  void routing(const std::string& yaml) {
    file_.set("workload",
              "{rate: 1 requests/s, input_tokens: {tokens: 500}, output_tokens: {tokens: 100}, "
              "routing: " +
                  yaml + "}");
  }
  // Every expert of every layer used ten times, but for what `change` makes of a row.
  template <class Change>
  void counts(Change change) {
    std::string csv = "layer,expert,count\n";
    for (int layer = 0; layer < 32; ++layer) {
      for (int expert = 0; expert < 8; ++expert) {
        csv += change(layer, expert);
      }
    }
    text::write_file(file_.folder() / "counts.csv", csv);
    routing("{distribution: measured, file: counts.csv}");
  }
  static std::string row(int layer, int expert, int count) {
    return std::to_string(layer) + "," + std::to_string(expert) + "," + std::to_string(count) +
           "\n";
  }
  void expect(const std::string& code, std::vector<std::string> parts) {
    expect_input_error_with([&] { file_.load(); }, code, parts);
  }
  tests::ScenarioFile file_;
};

TEST_F(MeasuredRouting, CountsOfEveryLayerArriveInTheModel) {
  // Expert 3 of layer 5 is used 30 times, the others 10: 30 of 100 pairs, two a token: 0.6.
  counts([](int layer, int expert) {
    return row(layer, expert, layer == 5 && expert == 3 ? 30 : 10);
  });
  const Scenario scenario = file_.load();
  const models::ModelRouting& routing = scenario.routing.unpruned();
  ASSERT_EQ(routing.layers(), 32u);
  EXPECT_NEAR(routing.layer(5).inclusion()[3], 0.6, 1e-12);
  EXPECT_NEAR(routing.layer(4).inclusion()[3], 0.25, 1e-12);
  const models::SkewStatistics skew = models::skew_statistics(routing);
  EXPECT_NEAR(skew.worst, 0.6 / 0.25, 1e-12);
  EXPECT_EQ(skew.worst_layer, 5u);
  EXPECT_NEAR(skew.median, 1.0, 1e-12);
  EXPECT_EQ(scenario.workload.routing.sha256,
            text::sha256(text::read_file(file_.folder() / "counts.csv")));
  EXPECT_EQ(scenario.routing.at(4)->routing.layer(5).experts(), 4);
}

TEST_F(MeasuredRouting, WrongRowsAreLocatedInTheirFile) {
  // Layer 2, expert 7 is line 1 + 2 * 8 + 8 = 25.
  counts(
      [](int layer, int expert) { return row(layer, layer == 2 && expert == 7 ? 8 : expert, 10); });
  expect("E_RANGE", {"counts.csv:25", "layer 2", "8"});
  counts([](int layer, int expert) { return layer == 31 ? "" : row(layer, expert, 10); });
  expect("E_MISSING", {"counts.csv", "1 of the model's 32 MoE layers are not in the file", "31"});
  counts([](int layer, int expert) { return row(layer + 1, expert, 10); });
  expect("E_RANGE", {"counts.csv:250", "32"});
  std::string shares = "layer,expert,probability\n";
  for (int layer = 0; layer < 32; ++layer) {
    for (int expert = 0; expert < 8; ++expert) {
      shares += std::to_string(layer) + "," + std::to_string(expert) + "," +
                (layer == 9 ? "0.11" : "0.125") + "\n";
    }
  }
  text::write_file(file_.folder() / "counts.csv", shares);
  expect("E_VALUE", {"counts.csv:74", "layer 9 do not sum to 1", "0.88"});
  text::write_file(file_.folder() / "counts.csv", "layer,expert_1\n0,3\n");
  expect("E_MISSING", {"counts.csv", "expert_2"});
}

TEST_F(MeasuredRouting, MissingFileIsLocatedAtItsKey) {
  routing("{distribution: measured, file: nowhere.csv}");
  expect("E_IO", {"/workload/routing/file", "nowhere.csv", "No such file"});
}

TEST_F(MeasuredRouting, UnknownTaskNamesTheTasks) {
  std::string csv = "task,layer,expert,count\n";
  for (int i = 0; i < 32 * 8; ++i) {
    csv += "chat," + row(i / 8, i % 8, 10);
  }
  text::write_file(file_.folder() / "counts.csv", csv);
  routing("{distribution: measured, file: counts.csv, task: chta}");
  expect("E_VALUE", {"counts.csv", "no rows of this task", "did you mean 'chat'?"});
  routing("{distribution: measured, file: counts.csv, task: chat}");
  EXPECT_EQ(file_.load().workload.routing.task, "chat");
}

TEST_F(MeasuredRouting, KeysOfAnotherDistributionAreRefused) {
  routing("{distribution: uniform, alpha: 1.0}");
  expect("E_VALUE", {"/workload/routing/alpha", "alpha has no meaning for uniform routing"});
  routing("{distribution: dirichlet, concentration: 1.0, file: a.csv}");
  expect("E_VALUE", {"/workload/routing/file", "for dirichlet routing", "concentration"});
  routing("{distribution: power_law, concentration: 1.0}");
  expect("E_VALUE", {"/workload/routing/concentration", "for power_law routing", "alpha"});
  routing("{distribution: dirichlet}");
  expect("E_MISSING", {"workload.routing.concentration: NUMBER"});
  routing("{distribution: measured}");
  expect("E_MISSING", {"workload.routing.file: PATH"});
  routing("{distribution: dirichlet, concentration: 0.001}");
  expect("E_RANGE", {"/workload/routing/concentration"});
}

TEST_F(MeasuredRouting, DenseModelsRouteNothing) {
  file_.set("model", "{architecture: llama-3.1-8b}").set("pruning", "");
  routing("{distribution: dirichlet, concentration: 1.0}");
  expect("E_VALUE", {"/workload/routing/distribution", "dense model"});
}

TEST_F(MeasuredRouting, DirichletDrawsFollowTheSeed) {
  routing("{distribution: dirichlet, concentration: 1.0}");
  const auto first = [&](std::uint64_t seed) {
    return load_scenario(file_.write(), {.seed = seed}).routing.unpruned().layer(0).inclusion();
  };
  EXPECT_EQ(first(3), first(3));
  EXPECT_NE(first(3), first(4));
}

TEST_F(MeasuredRouting, CopiesNeedABalancedPlacement) {
  file_.set("parallelism", "{placement: [contiguous, round_robin], redundant_experts: [0, 8]}");
  expect("E_VALUE", {"/parallelism/redundant_experts/1", "parallelism.placement: balanced"});
  file_.set("parallelism", "{placement: [contiguous, balanced], redundant_experts: [0, 8]}");
  EXPECT_EQ(file_.load().placement.size(), 2u);
  file_.set("parallelism", "{placement: blanced}");
  expect("E_VALUE", {"/parallelism/placement", "did you mean 'balanced'?"});
}

}  // namespace
}  // namespace moeplan::sim
