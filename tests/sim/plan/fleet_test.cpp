// Fleets that are simulated as a whole: what plans refuse, what is paid, what one engine is given.

#include <gtest/gtest.h>

#include "sim/plan/design.hpp"
#include "sim/plan/plan.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

Scenario fleet(const std::string& parallelism) {
  return tests::ScenarioFile()
      .set("pruning", "{experts_kept: 128}")
      .set("hardware", "{gpu: h100-sxm, gpus: 2}")
      .set("parallelism", "{tensor_parallel: 2, expert_parallel: false, " + parallelism + "}")
      .set("workload",
           "{rate: 12 requests/s, requests: 300, warmup_requests: 30, input_tokens: {tokens: 800}, "
           "output_tokens: {tokens: 60}}")
      .set("prices", "{book: 2026-11, provider: AWS}")
      .load();
}

const Candidate kTwoGpus = {.experts_kept = 128, .gpus = 2, .tensor_parallel = 2};

TEST(Fleet, PlansRefuseWhatTheyDoNotSearch) {
  for (const auto& [parallelism, part] :
       {std::pair{"replica_router: least_loaded", "/parallelism/replica_router"},
        std::pair{"disaggregation: {prefill_engines: 1, decode_engines: 1}",
                  "/parallelism/disaggregation/prefill_engines"}}) {
    const Scenario scenario = fleet(parallelism);
    tests::expect_input_error([&] { make_plan(scenario, {}); }, "E_VALUE", part);
  }
}

// A unit of 2 x 1 + 1 x 2 GPUs; three of them are 12 GPUs, 2 machines of 8, 4 idle.
TEST(Fleet, BothPoolsArePaid) {
  const std::string pools =
      "disaggregation: {prefill_engines: 2, decode_engines: 1, prefill_gpus: 1}";
  const Design split = std::get<Design>(assess(fleet(pools), kTwoGpus, 3));
  const Design routed =
      std::get<Design>(assess(fleet("replica_router: least_loaded, " + pools), kTwoGpus, 3));
  for (const Design* design : {&split, &routed}) {
    EXPECT_EQ(design->gpus_total(), 12);
    EXPECT_EQ(design->money.instances, 2);
    EXPECT_EQ(design->money.stranded_gpus, 4);
    ASSERT_TRUE(design->prefill);
    EXPECT_EQ(design->prefill->candidate.gpus, 1);
    EXPECT_EQ(design->prefill->candidate.tensor_parallel, 1);
    EXPECT_EQ(design->metrics.completed, design->metrics.arrived);
    ASSERT_TRUE(design->metrics.handover);
    EXPECT_GT(design->metrics.handover->transfer.p50, 0.0);
    EXPECT_EQ(design->load, 4.0);
    // The figures are those of one unit: 4 of the fleet's 12 requests/s.
    EXPECT_NEAR(design->metrics.requests_per_s, 4.0, 0.6);
  }
  EXPECT_EQ(split.metrics.arrived, 300) << "one unit";
  EXPECT_EQ(routed.metrics.arrived, 900) << "three units together";
}

TEST(Fleet, TensorParallelSizesThatTearHeadsApartAreInfeasible) {
  const auto result =
      assess(fleet("disaggregation: {prefill_engines: 1, decode_engines: 1, prefill_gpus: 3}"),
             kTwoGpus, 1);
  EXPECT_EQ(std::get<Infeasible>(result).code, "tensor_parallel");
}

TEST(Fleet, PipelinesHaveNeitherPoolsNorPrefixCaching) {
  const Candidate pipeline = {.experts_kept = 128, .gpus = 2, .pipeline_parallel = 2};
  const auto why = [&](const Scenario& scenario) {
    return std::get<Infeasible>(assess(scenario, pipeline, 1));
  };
  const Infeasible pools = why(fleet("disaggregation: {prefill_engines: 1, decode_engines: 1}"));
  EXPECT_EQ(pools.code, "pipeline_parallel");
  EXPECT_NE(pools.reason.find("pools"), std::string::npos);
  Scenario caching = fleet("replica_router: least_loaded");
  caching.engine.prefix_caching = true;
  EXPECT_EQ(why(caching).code, "pipeline_parallel");
  // A router stands before pipelines as before any engine.
  const Design routed =
      std::get<Design>(assess(fleet("replica_router: least_loaded"), pipeline, 2));
  EXPECT_EQ(routed.metrics.completed, 600);
}

// One engine behind any router is the engine alone.
TEST(Fleet, ARouterOfOneEngineChangesNothing) {
  const Design alone = std::get<Design>(assess(fleet("exchange: alltoall_per_rank"), kTwoGpus, 1));
  const Design routed =
      std::get<Design>(assess(fleet("replica_router: power_of_two"), kTwoGpus, 1));
  EXPECT_EQ(alone.metrics.ttft.p99, routed.metrics.ttft.p99);
  EXPECT_EQ(alone.metrics.itl.mean, routed.metrics.itl.mean);
  EXPECT_EQ(alone.money.usd_per_month, routed.money.usd_per_month);
}

}  // namespace
}  // namespace moeplan::sim
