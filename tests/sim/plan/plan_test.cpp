// Does the planner list, judge, compare and explain as it says?

#include "sim/plan/plan.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sim/plan/candidates.hpp"
#include "sim/report/plan_json.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

Design design(double month, double accuracy, double tpot) {
  Design d;
  d.money.usd_per_month = month;
  d.accuracy = models::AccuracyEstimate{.value = accuracy, .low = accuracy, .high = accuracy};
  d.metrics.tpot.p99 = tpot;
  return d;
}

TEST(Plan, ParetoFrontKeepsWhatNoOtherBeatsInEverything) {
  // B is dearer and worse than A in all; C is dearest but most accurate; D equals A.
  const std::vector<Design> designs = {design(100, 0.8, 0.05), design(120, 0.7, 0.06),
                                       design(200, 0.9, 0.05), design(100, 0.8, 0.05)};
  EXPECT_EQ(pareto_front(designs), (std::vector<std::size_t>{0, 3, 2}));
}

TEST(Plan, CheaperIsPreferredThenMoreAccurateThenFaster) {
  EXPECT_TRUE(preferred(design(1, 0.1, 9), design(2, 0.9, 1)));
  EXPECT_TRUE(preferred(design(1, 0.9, 9), design(1, 0.1, 1)));
  EXPECT_TRUE(preferred(design(1, 0.9, 1), design(1, 0.9, 9)));
  EXPECT_FALSE(preferred(design(1, 0.9, 1), design(1, 0.9, 1)));
}

TEST(Plan, CandidatesAreEveryLayoutOnce) {
  // 2 expert counts x (1 GPU: 1 layout; 2 GPUs: TP2 with or without expert parallelism, TP1 DP2
  // with or without) = 2 x (1 + 4).
  const Scenario scenario = ScenarioFile().load();
  const std::vector<Candidate> all = candidates(scenario);
  EXPECT_EQ(all.size(), 10u);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(std::count(all.begin(), all.end(), all[i]), 1);
    EXPECT_EQ(all[i].gpus, all[i].tensor_parallel * all[i].data_parallel);
  }
  EXPECT_EQ(all.front().experts_kept, 128) << "unpruned first";
}

TEST(Plan, ExchangesOnlyMultiplyLayoutsThatHaveOne) {
  const Scenario scenario =
      ScenarioFile()
          .set("hardware", "{gpu: h100-sxm, gpus: 2}")
          .set("pruning", "{experts_kept: 128}")
          .set("parallelism",
               "{exchange: [allgather_reducescatter, alltoall_per_rank, alltoall_per_expert]}")
          .load();
  // TP2 EP, TP2 sharded, DP2 sharded: one each; DP2 EP: three.
  EXPECT_EQ(candidates(scenario).size(), 6u);
}

TEST(Plan, PlacementsOnlyMultiplyLayoutsOfWholeExperts) {
  const Scenario scenario =
      ScenarioFile()
          .set("hardware", "{gpu: h100-sxm, gpus: 2}")
          .set("pruning", "{experts_kept: 128}")
          .set("parallelism",
               "{placement: [contiguous, round_robin, balanced], redundant_experts: [0, 8, 16]}")
          .load();
  // TP2 and DP2: with whole experts contiguous, dealt round, and balanced with three numbers of
  // copies; with sharded experts one each.
  EXPECT_EQ(candidates(scenario).size(), 2u * (5 + 1));
}

// What a reader must know of a pruned router: merged experts coincide, unnormalised gates grow.
TEST(Plan, SaysWhatPruningDidToTheRouter) {
  const auto plan_of = [](const std::string& router, bool normalised) {
    ScenarioFile file;
    file.set("hardware", "{gpu: h100-sxm, gpus: 1}");
    file.set("pruning", "{experts_kept: [128, 64], router: " + router + "}");
    file.set("workload",
             "{rate: 5 requests/s, requests: 300, input_tokens: {tokens: 200}, output_tokens: "
             "{tokens: 20}, routing: {distribution: power_law, alpha: 0.5}}");
    Scenario scenario = file.load();
    std::vector<models::RoutedLayer> layers = scenario.routing.layers();
    for (models::RoutedLayer& layer : layers) {
      layer.gates.normalised = normalised;
    }
    scenario.routing = models::RoutedModel(layers, scenario.routing.unpruned(), scenario.router,
                                           scenario.experts_kept);
    scenario.experts_kept = {64};
    return std::pair{make_plan(scenario, {}), scenario};
  };
  const auto says = [](const Plan& plan, const std::string& part) {
    return std::any_of(plan.warnings.begin(), plan.warnings.end(), [&](const std::string& line) {
      return line.find(part) != std::string::npos;
    });
  };
  const auto [sliced, scenario] = plan_of("sliced", false);
  ASSERT_TRUE(sliced.recommended);
  EXPECT_TRUE(says(sliced, "scales MoE layers' outputs"));
  EXPECT_FALSE(says(sliced, "Merged experts coincide"));
  const std::string json = design_json(sliced.designs.front()).pretty();
  for (const char* key : {"\"mode\": \"sliced\"", "\"skew_unpruned\"", "\"effective_top_k\"",
                          "\"output_scale\"", "\"buffers\": null"}) {
    EXPECT_NE(json.find(key), std::string::npos) << key;
  }
  const std::string from = provenance_json(scenario, {"test"}).pretty();
  EXPECT_NE(from.find("\"skew_worst_layer\""), std::string::npos);
  EXPECT_NE(from.find("power_law, alpha 0.5"), std::string::npos);
  EXPECT_FALSE(says(plan_of("sliced", true).first, "scales MoE layers' outputs"));
  const Plan merged = plan_of("merged_logits", false).first;
  EXPECT_TRUE(says(merged, "Merged experts coincide"));
  EXPECT_FALSE(says(merged, "scales MoE layers' outputs"));
}

TEST(Plan, DenseModelsHaveReplicasInsteadOfAttentionDataParallelism) {
  const Scenario scenario =
      ScenarioFile().set("model", "{architecture: llama-3.1-8b}").set("pruning", "").load();
  for (const Candidate& candidate : candidates(scenario)) {
    EXPECT_EQ(candidate.data_parallel, 1);
    EXPECT_EQ(candidate.experts_kept, 0);
  }
}

TEST(Plan, WholeInstancesArePaidAndEnginesSpanMachinesNodeByNode) {
  // AWS rents 8 H100s at a time: three engines of 2 GPUs share one instance, five need two.
  const Scenario aws = ScenarioFile().set("prices", "{book: 2026-11, provider: AWS}").load();
  for (const auto& [replicas, instances] : {std::pair{3, 1}, std::pair{4, 1}, std::pair{5, 2}}) {
    const auto offer = cheapest_offer(aws.prices, "h100-sxm", 2, 8, replicas);
    EXPECT_EQ(std::get<Offer>(offer).instances, instances);
  }
  // RunPod rents single GPUs in machines of up to 8: an engine of 2 takes two of them.
  const Scenario pod = ScenarioFile().set("prices", "{book: 2026-11, provider: RunPod}").load();
  const auto single = cheapest_offer(pod.prices, "h100-sxm", 2, 8, 5);
  EXPECT_EQ(std::get<Offer>(single).price->gpus, 1);
  EXPECT_EQ(std::get<Offer>(single).instances, 10);
  // An engine of 16 GPUs takes two machines of 8, from either; nobody has machines of 64.
  EXPECT_EQ(std::get<Offer>(cheapest_offer(aws.prices, "h100-sxm", 16, 8, 3)).instances, 6);
  EXPECT_EQ(std::get<Offer>(cheapest_offer(pod.prices, "h100-sxm", 16, 8, 3)).instances, 48);
  // Two pools on machines of 8: 2 x 1 and 1 x 2 GPUs fit one; 4 and 4 fill one; 8 and 9 x 1 take
  // 1 + 2; 3 x 5 leave 3 GPUs in each of three, which hold 9 x 1 but not 10.
  const auto instances = [&](std::vector<EnginePool> pools) {
    return std::get<Offer>(cheapest_offer(aws.prices, "h100-sxm", std::move(pools), 8)).instances;
  };
  EXPECT_EQ(instances({{1, 2}, {2, 1}}), 1);
  EXPECT_EQ(instances({{4, 1}, {4, 1}}), 1);
  EXPECT_EQ(instances({{8, 1}, {1, 9}}), 3);
  EXPECT_EQ(instances({{1, 9}, {5, 3}}), 3);
  EXPECT_EQ(instances({{1, 10}, {5, 3}}), 4);
  const auto none = cheapest_offer(aws.prices, "h100-sxm", 64, 64, 1);
  EXPECT_NE(std::get<std::string>(none).find("64 GPUs"), std::string::npos);
  const auto unknown = cheapest_offer(aws.prices, "no-such-gpu", 1, 8, 1);
  EXPECT_NE(std::get<std::string>(unknown).find("no on_demand price"), std::string::npos);
}

class SmallPlan : public ::testing::Test {
 protected:
  static Plan plan_of(const Scenario& scenario, int threads) {
    return make_plan(scenario, {.threads = threads});
  }
};

TEST_F(SmallPlan, RecommendsTheCheapestAndTheMoneyAddsUp) {
  const Scenario scenario =
      ScenarioFile().set("objectives", "{ttft_p99: 2 s, tpot_p99: 100 ms}").load();
  const Plan plan = plan_of(scenario, 2);
  ASSERT_TRUE(plan.recommended.has_value());
  ASSERT_TRUE(plan.baseline.has_value());
  const Design& chosen = plan.designs[*plan.recommended];
  EXPECT_EQ(plan.designs[*plan.baseline].candidate.experts_kept, 128);
  for (const Design& d : plan.designs) {
    EXPECT_LE(chosen.money.usd_per_month, d.money.usd_per_month);
    // The objectives hold at the operating point, and the fleet carries the wanted rate.
    EXPECT_LE(d.metrics.ttft.p99, 2.0);
    EXPECT_LE(d.metrics.tpot.p99, 0.1);
    EXPECT_GE(d.capacity.load * static_cast<double>(d.replicas), 60.0 * (1 - 1e-9));
    EXPECT_NEAR(d.load * static_cast<double>(d.replicas), 60.0, 1e-6);
    // Cost per token x tokens = rent; a month is 730 h.
    const double rent_per_s = d.money.usd_per_million_tokens * d.fleet_tokens_per_s / 1e6;
    EXPECT_NEAR(rent_per_s, d.money.rent.value(), 1e-9 * rent_per_s);
    EXPECT_NEAR(d.money.usd_per_month, rent_per_s * 730 * 3600, 1e-6);
    // The split spends the same money: input share x input price + output share x output price.
    const double in = scenario.workload.mean_input();
    const double out = scenario.workload.mean_output();
    EXPECT_NEAR(
        (in * d.money.usd_per_million_input_tokens + out * d.money.usd_per_million_output_tokens) /
            (in + out),
        d.money.usd_per_million_tokens, 1e-9);
    EXPECT_LE(d.money.usd_per_million_tokens_at_capacity,
              d.money.usd_per_million_tokens * (1 + 1e-9));
  }
}

TEST_F(SmallPlan, ThreadsChangeNothing) {
  const Scenario scenario = ScenarioFile().load();
  const ReportContext context{"test"};
  EXPECT_EQ(plan_json(plan_of(scenario, 1), scenario, context).pretty(),
            plan_json(plan_of(scenario, 3), scenario, context).pretty());
}

TEST_F(SmallPlan, AnotherGpuOrFewerExpertsMoveTheNumbersTheRightWay) {
  const Scenario scenario = ScenarioFile().load();
  const Plan plan = plan_of(scenario, 2);
  const auto find = [&](std::int64_t kept, int tp) {
    return std::find_if(plan.designs.begin(), plan.designs.end(), [&](const Design& d) {
      return d.candidate.experts_kept == kept && d.candidate.gpus == 2 &&
             d.candidate.tensor_parallel == tp && d.candidate.expert_parallel;
    });
  };
  const auto full = find(128, 2);
  const auto half = find(64, 2);
  ASSERT_NE(full, plan.designs.end());
  ASSERT_NE(half, plan.designs.end());
  EXPECT_GT(half->capacity.load, full->capacity.load) << "fewer experts carry more traffic";
  EXPECT_GT(half->memory.kv, full->memory.kv) << "and leave more memory to the cache";
}

TEST_F(SmallPlan, UnreachableObjectivesSayTheFloorAndItsLargestTerm) {
  const Scenario scenario = ScenarioFile()
                                .set("objectives", "{ttft_p99: 2 s, tpot_p99: 100 us}")
                                .set("hardware", "{gpu: h100-sxm, gpus: 2}")
                                .load();
  const Plan plan = plan_of(scenario, 2);
  EXPECT_FALSE(plan.recommended.has_value());
  ASSERT_FALSE(plan.infeasible.empty());
  EXPECT_EQ(plan.infeasible.front().code, "latency");
  EXPECT_NE(plan.infeasible.front().reason.find("even without load"), std::string::npos);
  EXPECT_NE(plan.infeasible.front().reason.find("largest term"), std::string::npos);
}

TEST_F(SmallPlan, ABudgetIsAHardLimit) {
  const Scenario scenario =
      ScenarioFile().set("objectives", "{ttft_p99: 2 s, budget: 1 USD/h}").load();
  const Plan plan = plan_of(scenario, 2);
  EXPECT_FALSE(plan.recommended.has_value());
  const bool any_budget = std::any_of(plan.infeasible.begin(), plan.infeasible.end(),
                                      [](const Infeasible& why) { return why.code == "budget"; });
  EXPECT_TRUE(any_budget);
}

TEST_F(SmallPlan, ClosedLoopPlansSizeByUsers) {
  const Scenario scenario =
      ScenarioFile()
          .set("hardware", "{gpu: h100-sxm, gpus: 2}")
          .set("pruning", "{experts_kept: 128}")
          .set("workload",
               "{arrivals: closed_loop, concurrency: 400, requests: 1200, input_tokens: {tokens: "
               "500}, output_tokens: {tokens: 100}}")
          .set("objectives", "{tpot_p99: 20 ms}")
          .load();
  const Plan plan = plan_of(scenario, 2);
  ASSERT_TRUE(plan.recommended.has_value());
  for (const Design& d : plan.designs) {
    EXPECT_GE(d.load * static_cast<double>(d.replicas), 400.0);
    EXPECT_LE(d.metrics.tpot.p99, 0.02);
  }
}

TEST(PlanInput, CrossChecksNameTheKeys) {
  const auto fails = [](const char* section, const char* yaml, const char* code,
                        const std::string& a, const std::string& b) {
    ScenarioFile file;
    file.set(section, yaml);
    tests::expect_input_error([&] { file.load(); }, code, a, b);
  };
  fails("model", "{architecture: qwen3-30b-a4b}", "E_VALUE", "/model/architecture",
        "qwen3-30b-a3b");
  fails("hardware", "{gpu: h100-smx}", "E_VALUE", "/hardware/gpu", "h100-sxm");
  fails("pruning", "{experts_kept: 6}", "E_RANGE", "top_k 8 > 6 experts", "8 to 128");
  fails("pruning", "{experts_kept: 256}", "E_RANGE", "256 experts kept", "128");
  fails("accuracy", "{curve: no-such-curve}", "E_VALUE", "/accuracy/curve", "no-such-curve");
  fails("prices", "{book: 1999-01}", "E_VALUE", "/prices/book", "2026-11");
  fails("prices", "{book: 2026-11, as_of: 2026-02-30}", "E_VALUE", "/prices/as_of", "YYYY-MM-DD");
  fails("objectives", "{accuracy_loss: 0.02, ttft_p99: 1 s}", "E_VALUE", "accuracy_loss",
        "accuracy.curve");
  fails("objectives", "{accuracy_loss: 0.02}", "E_MISSING", "latency objective", "tpot_p99");
  fails("workload", "{input_tokens: {tokens: 5}, output_tokens: {tokens: 5}}", "E_MISSING",
        "/workload/rate", "requests/s");
  fails("workload",
        "{rate: 1 requests/s, requests: 10, warmup_requests: 10, input_tokens: {tokens: 5}, "
        "output_tokens: {tokens: 5}}",
        "E_RANGE", "0 requests after warm-up", "");
  fails("engine", "{max_batched_tokens: 1000000, max_sequences: 70000}", "E_RANGE",
        "/engine/max_sequences", "65536");
}

}  // namespace
}  // namespace moeplan::sim
