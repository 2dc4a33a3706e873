// Are figures of one world those of a full simulation of it?

#include "sim/uncertainty/sample.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "sim/plan/capacity.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

struct Small : ScenarioFile {
  Small() {
    set("hardware", "{gpu: h100-sxm, gpus: [1, 2]}");
    set("prices", "{book: 2026-11, provider: RunPod}");
  }
};

Design judged(const Scenario& scenario, const Candidate& candidate) {
  return std::get<Design>(judge(scenario, candidate));
}

TEST(Sample, AsEstimatedIsThePlansOwn) {
  const Scenario scenario = Small().load();
  const Design design = judged(scenario, {.experts_kept = 64});
  const UncertainInputs inputs(scenario, std::vector{design.candidate});
  const Sample sample = DesignSampler(scenario, design).sample(inputs.apply(inputs.estimate()));
  EXPECT_EQ(sample[Figure::ttft_p99], design.metrics.ttft.p99);
  EXPECT_EQ(sample[Figure::tpot_p50], design.metrics.tpot.p50);
  EXPECT_EQ(sample[Figure::capacity], design.capacity.load);
  EXPECT_EQ(sample[Figure::replicas], static_cast<double>(design.replicas));
  EXPECT_EQ(sample[Figure::tokens_cost], design.money.usd_per_million_tokens);
  EXPECT_EQ(sample[Figure::month_cost], design.money.usd_per_month);
  EXPECT_EQ(sample[Figure::capacity_cost], design.money.usd_per_million_tokens_at_capacity);
  EXPECT_TRUE(std::isnan(sample[Figure::accuracy])) << "no curve";
  EXPECT_TRUE(sample.meets);
  EXPECT_TRUE(sample.can_serve);
}

// In every world the capacity is what a full search of it finds.
TEST(Sample, CapacitiesAreThoseOfAFullSearch) {
  const Scenario scenario =
      Small()
          .set("workload",
               "{arrivals: closed_loop, concurrency: 200, requests: 600, input_tokens: {tokens: "
               "500}, output_tokens: {tokens: 60}}")
          .load();
  const Design design = judged(scenario, {.experts_kept = 64});
  const UncertainInputs inputs(scenario, std::vector{design.candidate});
  const DesignSampler sampler(scenario, design);
  for (const std::uint64_t draw : {0u, 1u, 2u}) {
    const DrawnScenario world = inputs.apply(inputs.draw(draw));
    const auto placed = deploy(world.scenario, design.candidate);
    EXPECT_EQ(sampler.sample(world)[Figure::capacity],
              find_capacity(std::get<Deployment>(placed), world.errors[0]).load);
  }
}

TEST(Sample, PricesAndAccuracyStandBesideTheSimulation) {
  const Scenario scenario = Small()
                                .set("pruning", "{experts_kept: [128, 96, 64]}")
                                .set("accuracy", "{curve: qwen3-30b-a3b-reap-code}")
                                .set("objectives",
                                     "{ttft_p99: 2 s, tpot_p99: 50 ms, accuracy_loss: 0.02, "
                                     "budget: 1000 USD/h}")
                                .load();
  const Design design = judged(scenario, {.experts_kept = 96});
  ASSERT_TRUE(design.accuracy_change);
  const UncertainInputs inputs(scenario, std::vector{design.candidate});
  const DesignSampler sampler(scenario, design);
  DrawnScenario world = inputs.apply(inputs.estimate());
  const Sample before = sampler.sample(world);
  EXPECT_TRUE(before.meets);
  world.price["h100-sxm"] = 2.0;
  world.accuracy[96] = 0.01;
  const Sample dear = sampler.sample(world);
  EXPECT_DOUBLE_EQ(dear[Figure::month_cost], 2.0 * before[Figure::month_cost]);
  EXPECT_DOUBLE_EQ(dear[Figure::input_cost], 2.0 * before[Figure::input_cost]);
  EXPECT_EQ(dear[Figure::tpot_p99], before[Figure::tpot_p99]);
  EXPECT_NEAR(dear[Figure::accuracy], before[Figure::accuracy] + 0.01, 1e-12);
  EXPECT_TRUE(dear.meets);
  // The same loss, because the unpruned model would be worse too; then really worse.
  world.accuracy = {{96, -0.05}, {128, -0.05}};
  EXPECT_TRUE(sampler.sample(world).meets);
  world.accuracy = {{96, -0.05}};
  EXPECT_FALSE(sampler.sample(world).meets);
  EXPECT_FALSE(sampler.sample(world).can_serve);
  world.accuracy.clear();
  world.price["h100-sxm"] = 1e4;
  EXPECT_FALSE(sampler.sample(world).meets) << "above the budget";
}

TEST(Sample, AWorldWithoutAnyCapacityCostsMoreThanAnything) {
  const Scenario scenario = Small().load();
  const Design design = judged(scenario, {.experts_kept = 64});
  const UncertainInputs inputs(scenario, std::vector{design.candidate});
  DrawnScenario world = inputs.apply(inputs.estimate());
  world.errors = {LawErrors(12.0)};  // three times slower, and more
  const Sample sample = DesignSampler(scenario, design).sample(world);
  EXPECT_EQ(sample[Figure::capacity], 0.0);
  EXPECT_TRUE(std::isinf(sample[Figure::month_cost]));
  EXPECT_TRUE(std::isinf(sample[Figure::ttft_p99])) << "the fleet as planned is overloaded";
  EXPECT_FALSE(sample.meets);
  EXPECT_FALSE(sample.can_serve);
}

TEST(Sample, AFixedFleetIsAssessed) {
  const Scenario scenario = Small().load();
  const auto assessed = assess(scenario, {.experts_kept = 64}, 4);
  const Design& design = std::get<Design>(assessed);
  const UncertainInputs inputs(scenario, std::vector{design.candidate});
  const DesignSampler sampler = DesignSampler::fixed(scenario, design);
  const Sample sample = sampler.sample(inputs.apply(inputs.estimate()));
  EXPECT_EQ(sample[Figure::tpot_p99], design.metrics.tpot.p99);
  EXPECT_EQ(sample[Figure::month_cost], design.money.usd_per_month);
  EXPECT_TRUE(std::isnan(sample[Figure::capacity]));
  EXPECT_TRUE(std::isnan(sample[Figure::capacity_cost]));
  const DrawnScenario world = inputs.apply(inputs.draw(3));
  const auto drawn = assess(world.scenario, {.experts_kept = 64}, 4, world.errors[0]);
  EXPECT_EQ(sampler.sample(world)[Figure::ttft_p99], std::get<Design>(drawn).metrics.ttft.p99);
  EXPECT_NE(sampler.sample(world)[Figure::ttft_p99], design.metrics.ttft.p99);
}

}  // namespace
}  // namespace moeplan::sim
