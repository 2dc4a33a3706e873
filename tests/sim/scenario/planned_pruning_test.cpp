// Does a scenario take over what pruning_plan.json says, and refuse a plan of another model?
#include <gtest/gtest.h>

#include "models/pruning/plan_json.hpp"
#include "models/text/load.hpp"
#include "sim/scenario/scenario.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::sim {
namespace {

using models::RouterMode;
using tests::expect_input_error;
using tests::TemporaryDirectory;

// Mixtral-8x7B: 32 layers of 8 experts, top 2. The first layer keeps `first` experts, the others 4:
// pairs of neighbours merged. Expert e was chosen by 100 + 10 e of 540 tokens (sum 1080 = 2 x 540).
models::PrunedModelFile plan(RouterMode router, std::int64_t first = 4) {
  models::PrunedModelFile file{.router = router, .layout = "native"};
  for (std::int64_t l = 0; l < 32; ++l) {
    models::PrunedLayer layer;
    layer.plan = {.layer = l, .experts = 8};
    const std::int32_t kept = static_cast<std::int32_t>(l == 0 ? first : 4);
    for (std::int32_t k = 0; k < kept; ++k) {
      if (kept == 8) {
        layer.plan.kept.push_back({k, {k}, {1.0}});
      } else {
        layer.plan.kept.push_back({2 * k, {2 * k, 2 * k + 1}, {0.5, 0.5}});
      }
      layer.routing.pairs.push_back(kept == 8 ? 100 + 10 * k : 270);
    }
    layer.top_k = 2;
    layer.tokens = 540;
    layer.selected = {100, 110, 120, 130, 140, 150, 160, 170};
    layer.routing.effective_top_k = 2.0;
    file.layers.push_back(std::move(layer));
  }
  return file;
}

std::filesystem::path scenario(const TemporaryDirectory& dir, const models::PrunedModelFile& file,
                               const std::string& more = "") {
  dir.write("plan.json", models::pruning_plan_json(file).pretty());
  return dir.write("scenario.yaml",
                   "name: planned\nmodel: {architecture: mixtral-8x7b}\n"
                   "pruning: {plan: plan.json" +
                       more +
                       "}\n"
                       "hardware: {gpu: h100-sxm, gpus: 2}\n"
                       "workload:\n  rate: 1 requests/s\n"
                       "  input_tokens: {distribution: fixed, tokens: 100}\n"
                       "  output_tokens: {distribution: fixed, tokens: 10}\n"
                       "objectives: {ttft_p99: 1 s}\n"
                       "prices: {book: 2026-11}\n");
}

TEST(PlannedPruning, IsACandidateBesideTheUnprunedModel) {
  const TemporaryDirectory dir;
  const Scenario loaded = load_scenario(scenario(dir, plan(RouterMode::sliced)));
  EXPECT_EQ(loaded.experts_kept, (std::vector<std::int64_t>{8, 4}));
  EXPECT_EQ(loaded.router, RouterMode::sliced);
  // The unpruned routing is what the task's tokens chose; the pruned one what the plan says.
  EXPECT_NEAR(loaded.routing.unpruned().layer(3).inclusion()[7], 170.0 / 540.0, 1e-9);
  EXPECT_NEAR(loaded.routing.at(4)->routing.layer(3).inclusion()[1], 0.5, 1e-9);
}

TEST(PlannedPruning, MergedLogitsLeadMembersToOneExpert) {
  const TemporaryDirectory dir;
  const Scenario loaded = load_scenario(scenario(dir, plan(RouterMode::merged_logits)));
  const models::Routing& routing = loaded.routing.at(4)->routing.layer(0);
  EXPECT_LT(routing.effective_top_k(), 2.0);  // both of a token's experts may be one cluster
  EXPECT_GT(routing.inclusion()[3], routing.inclusion()[0]);
}

// 8, 4, 4, ...: the mean of 32 layers is 4.125, called 4.
TEST(PlannedPruning, LayersMayKeepDifferentCounts) {
  const TemporaryDirectory dir;
  const Scenario loaded = load_scenario(scenario(dir, plan(RouterMode::sliced, 8)));
  EXPECT_EQ(loaded.experts_kept, (std::vector<std::int64_t>{8, 4}));
  EXPECT_EQ(loaded.experts_per_layer(4)[0], 8);
  EXPECT_EQ(loaded.experts_per_layer(4)[31], 4);
  EXPECT_EQ(loaded.experts_per_layer(8)[31], 8);
  EXPECT_EQ(loaded.routing.at(4)->routing.layer(0).experts(), 8);
}

TEST(PlannedPruning, PlansOfOtherModelsAreRefused) {
  const TemporaryDirectory dir;
  models::PrunedModelFile file = plan(RouterMode::sliced);
  file.layers.pop_back();
  const auto path = scenario(dir, file);
  expect_input_error([&] { load_scenario(path); }, "E_VALUE", "another model", "31 layers");
  file = plan(RouterMode::sliced);
  file.layers[5].top_k = 1;
  const auto other = scenario(dir, file);
  expect_input_error([&] { load_scenario(other); }, "E_VALUE", "layer 5: 8 experts, top 1");
}

TEST(PlannedPruning, ReplacesTheOtherKeys) {
  const TemporaryDirectory dir;
  const auto path = scenario(dir, plan(RouterMode::sliced), ", experts_kept: 4");
  expect_input_error([&] { load_scenario(path); }, "E_VALUE", "/pruning/experts_kept");
  const auto missing = scenario(dir, plan(RouterMode::sliced));
  std::filesystem::remove(dir / "plan.json");
  expect_input_error([&] { load_scenario(missing); }, "E_IO", "plan.json");
}

}  // namespace
}  // namespace moeplan::sim
