// Laws of pruning in the simulator (tests.md C2 20): nothing pruned is the identity, a pruned model
// is the native one where routing is equal, and experts that nobody uses are memory only.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/laws/planning/routing_cases.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::sim {
namespace {

using namespace tests;  // NOLINT: what cases are made of

TEST(PruningLaw, PruningNothingIsTheIdentity) {  // C2 20
  for (const char* routing : {kUniform, kSkewed}) {
    const Scenario plain = scenario_with(routing);
    for (const char* mode : {"reinitialised", "merged_logits"}) {
      const Scenario other = scenario_with(routing, mode);
      const Candidate candidate = ranks_of_four(Exchange::alltoall_per_rank);
      const Deployment deployment = placed(other, candidate);
      EXPECT_FALSE(deployment.router);
      const ServingMetrics a = serve(placed(plain, candidate));
      const ServingMetrics b = serve(deployment);
      EXPECT_EQ(a.ttft.p99, b.ttft.p99) << mode;
      EXPECT_EQ(a.tpot.p99, b.tpot.p99) << mode;
      EXPECT_EQ(by_phase(a.phases), by_phase(b.phases)) << mode;
    }
  }
}

TEST(PruningLaw, PrunedIsTheNativeModelWhereRoutingIsEqual) {  // C2 20
  // 64 of 128 experts against a model that has 64: equal for a router trained anew, whatever it was
  // before, and for a sliced one that was uniform; not for one that was skewed.
  const auto native = [](const Scenario& scenario) {
    Scenario small = scenario;
    small.architecture = models::with_experts(scenario.architecture, 64);
    const auto layers = routed_layers(small.architecture);
    small.routing = models::RoutedModel(layers, models::ModelRouting::uniform(layers),
                                        models::RouterMode::sliced, {64});
    return small;
  };
  const Candidate candidate = ranks_of_four(Exchange::alltoall_per_rank, 64);
  const auto pair = [&](const char* routing, const char* mode) {
    const Scenario scenario = scenario_with(routing, mode);
    return std::pair{price(scenario, candidate, 700), price(native(scenario), candidate, 700)};
  };
  const auto [uniform, uniform_native] = pair(kUniform, "sliced");
  EXPECT_EQ(by_phase(uniform), by_phase(uniform_native));
  const auto [anew, anew_native] = pair(kSkewed, "reinitialised");
  EXPECT_EQ(by_phase(anew), by_phase(anew_native));
  const auto [skewed, skewed_native] = pair(kSkewed, "sliced");
  EXPECT_NE(by_phase(skewed), by_phase(skewed_native));
}

// Experts that no token chose, in every layer: without them nothing but memory and the router's
// columns (that many fewer scores) changes, whatever runs.
TEST(PruningLaw, PruningIdleExpertsChangesMemoryOnly) {  // C2 20
  const tests::TemporaryDirectory directory;
  std::string counts = "layer,expert,count\n";
  for (int layer = 0; layer < 48; ++layer) {
    for (int expert = 0; expert < 128; ++expert) {
      const int busy = expert % 4 == 3 ? 0 : 1000 + 37 * ((expert * 5 + layer) % 64);
      counts += fmt::format("{},{},{}\n", layer, expert, busy);
    }
  }
  const std::string file = (directory / "counts.csv").string();
  text::write_file(file, counts);
  const Scenario scenario = scenario_with("{distribution: measured, file: " + file + "}");
  Candidate candidate{.experts_kept = 128, .gpus = 1};
  const Deployment all = placed(scenario, candidate);
  candidate.experts_kept = 96;
  const Deployment fewer = placed(scenario, candidate);
  EXPECT_LT(fewer.memory.expert_weights, all.memory.expert_weights);
  EXPECT_GT(fewer.memory.kv_blocks, all.memory.kv_blocks);
  for (const std::int64_t tokens : {1, 16, 300, 4000}) {
    const PhaseTimes a = ModelStepCost(all).cost(prefill(tokens, candidate));
    const PhaseTimes b = ModelStepCost(fewer).cost(prefill(tokens, candidate));
    for (std::size_t i = 0; i < kPhaseCount; ++i) {
      const auto phase = static_cast<Phase>(i);
      if (phase == Phase::router) {
        EXPECT_LE(b[phase], a[phase]) << tokens;
      } else {
        EXPECT_NEAR(in_seconds(b[phase]), in_seconds(a[phase]), 1e-9 * in_seconds(a[phase]) + 2e-12)
            << name_of(phase) << ", " << tokens << " tokens";
      }
    }
  }
}

}  // namespace
}  // namespace moeplan::sim
