// Laws of routing in the simulator (tests.md C2 2, 17, 21, 22): what experts' numbers,
// skew, placement and buffers may and may not change. Data-sheet laws, as in step_cost_test.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "models/routing/exchange_traffic.hpp"
#include "models/routing/split_mix.hpp"
#include "sim/serving/simulate.hpp"
#include "tests/laws/planning/routing_cases.hpp"

namespace moeplan::sim {
namespace {

using namespace tests;  // NOLINT: what cases are made of

TEST(RoutingLaw, LayersThatAreAlikeArePricedTogether) {
  // One kind of layer for one popularity, 48 kinds for 48 draws.
  const Candidate candidate = ranks_of_four(Exchange::alltoall_per_expert);
  EXPECT_EQ(placed(scenario_with(kUniform), candidate).experts.size(), 1u);
  EXPECT_EQ(placed(scenario_with("{distribution: power_law, alpha: 1}"), candidate).experts.size(),
            1u);
  const Scenario drawn = scenario_with(kSkewed);
  const Deployment deployment = placed(drawn, candidate);
  EXPECT_EQ(deployment.experts.size(), 48u);
  double layers = 0.0;
  for (const ExpertLayers& kind : deployment.experts) {
    layers += kind.count;
  }
  EXPECT_EQ(layers, 48.0);
  // Designs share what the scenario has prepared.
  EXPECT_EQ(placed(drawn, candidate).experts[7].routing, deployment.experts[7].routing);
}

TEST(RoutingLaw, RelabelledExpertsLeaveEveryMetric) {  // C2 17
  const Scenario scenario = scenario_with(kSkewed);
  Candidate candidate = ranks_of_four(Exchange::alltoall_per_rank);
  for (const std::int64_t redundant : {0, 16}) {
    candidate.placement = models::PlacementRule::balanced;
    candidate.redundant_experts = redundant;
    const Deployment before = placed(scenario, candidate);
    Deployment after = before;
    for (ExpertLayers& kind : after.experts) {
      std::vector<ExpertId> order;  // new expert i was order[i]: 37 and 128 have no common factor
      std::vector<std::int32_t> now(128);
      for (std::int32_t i = 0; i < 128; ++i) {
        order.emplace_back((37 * i + 11) % 128);
        now[static_cast<std::size_t>(order.back().index())] = i;
      }
      models::Placement::OnRank moved = kind.placement.on_rank();
      for (auto& own : moved) {
        for (ExpertId& expert : own) {
          expert = ExpertId(now[static_cast<std::size_t>(expert.index())]);
        }
      }
      kind.placement = models::Placement::from_ranks(moved, 128);
      kind.routing = std::make_shared<const models::Routing>(kind.routing->sliced(order));
      kind.placed = std::make_shared<const models::Routing>(kind.routing->placed(kind.placement));
    }
    const ServingMetrics a = serve(before);
    const ServingMetrics b = serve(after);
    const auto same = [](double x, double y, const char* what) {
      EXPECT_NEAR(x, y, 1e-12 * std::abs(x)) << what;
    };
    same(a.ttft.mean, b.ttft.mean, "ttft");
    same(a.ttft.p99, b.ttft.p99, "ttft p99");
    same(a.tpot.p50, b.tpot.p50, "tpot");
    same(a.tpot.p99, b.tpot.p99, "tpot p99");
    same(a.e2e.p99, b.e2e.p99, "e2e p99");
    same(a.output_tokens_per_s, b.output_tokens_per_s, "throughput");
    same(a.busy_fraction, b.busy_fraction, "busy");
    same(a.exchange_share, b.exchange_share, "exchange share");
    same(a.mean_batch, b.mean_batch, "batch");
  }
}

TEST(RoutingLaw, FewerExpertsNeverMeanMoreActiveOnesAndTheMeanPairsStay) {  // C2 21
  for (const char* mode : {"reinitialised", "sliced", "merged_logits"}) {
    const Scenario scenario = scenario_with(kSkewed, mode);
    std::vector<double> last(48, 1e9);
    for (const std::int64_t kept : {128, 96, 64, 32}) {
      const Candidate candidate = ranks_of_four(Exchange::alltoall_per_expert, kept);
      const Deployment deployment = placed(scenario, candidate);
      const auto pruned = scenario.routing.at(kept);
      double pairs_per_token = 0.0;
      for (std::size_t i = 0; i < 48; ++i) {
        const models::Routing& layer = pruned->routing.layer(i);
        const double active = layer.expected_active(64.0);
        if (mode != std::string("reinitialised") || kept < 128) {  // trained anew: even, so more
          EXPECT_LE(active, last[i] + 1e-9) << mode << " " << kept << " layer " << i;
          last[i] = active;
        }
        pairs_per_token += layer.effective_top_k();
        if (mode != std::string("merged_logits")) {
          EXPECT_NEAR(layer.effective_top_k(), 8.0, 1e-6);
        }
      }
      // Four ranks of 100 tokens: T k pairs a layer in all, so T k / P on the mean rank.
      ModelStepCost cost(deployment);
      const ExpertRows rows = cost.expert_rows(prefill(100, candidate));
      EXPECT_NEAR(rows.routed, 400.0 * pairs_per_token, 1e-9 * rows.routed);
      EXPECT_EQ(rows.dropped, 0.0);
    }
  }
}

TEST(RoutingLaw, AnyExchangeOfTheSameTotalTakesAtLeastTheUniformOne) {  // C2 22
  // Off-diagonal rows drawn at random, scaled to the uniform matrix's total.
  models::SplitMix words(7);
  for (int trial = 0; trial < 200; ++trial) {
    constexpr int kRanks = 5;
    std::vector<double> rows;
    double total = 0.0;
    for (int i = 0; i < kRanks * kRanks; ++i) {
      const bool diagonal = i % (kRanks + 1) == 0;
      rows.push_back(diagonal ? 0.0 : std::pow(words.uniform(), 3.0));
      total += rows.back();
    }
    const double even = total / (kRanks * (kRanks - 1));
    std::vector<double> uniform;
    for (int i = 0; i < kRanks * kRanks; ++i) {
      uniform.push_back(i % (kRanks + 1) == 0 ? 0.0 : even);
    }
    EXPECT_GE(models::ExchangeTraffic(kRanks, rows).busiest(),
              models::ExchangeTraffic(kRanks, uniform).busiest() - 1e-12);
  }
  // And the priced step: the same copies of every token, unevenly spread.
  const Candidate candidate = ranks_of_four(Exchange::alltoall_per_expert);
  const PhaseTimes even = price(scenario_with(kUniform), candidate, 4096);
  const PhaseTimes uneven = price(scenario_with(kSkewed), candidate, 4096);
  EXPECT_GT(uneven[Phase::dispatch], even[Phase::dispatch]);
  EXPECT_GT(uneven[Phase::combine], even[Phase::combine]);
}

TEST(RoutingLaw, SkewSlowsComputeAndMemoryFollowsTheActiveExperts) {  // C2 22
  // 16384 tokens in all are compute-bound: the busiest rank of uneven routing takes longer.
  const Candidate candidate = ranks_of_four(Exchange::alltoall_per_expert);
  const Scenario even = scenario_with(kUniform);
  EXPECT_GT(price(scenario_with(kSkewed), candidate, 4096)[Phase::expert],
            price(even, candidate, 4096)[Phase::expert]);
  // Few tokens are memory-bound, where skew may be faster; time never falls with active experts.
  const models::ExpertLatency& law = even.hardware.front().laws.expert;
  const models::ExpertShape shape{
      .hidden = 2048, .intermediate = 768, .top_k = 8, .experts = 128, .local_experts = 128};
  for (const double tokens : {1.0, 16.0, 256.0}) {
    double last = 0.0;
    for (double active = 8.0; active <= std::min(128.0, 8.0 * tokens); active += 1.0) {
      const double now =
          law.estimate(shape, {.tokens = tokens, .pairs = 8.0 * tokens, .active_experts = active})
              .duration.value();
      EXPECT_GE(now, last) << tokens << " tokens, " << active << " active";
      last = now;
    }
  }
}

TEST(RoutingLaw, BalancedPlacementsAreNoSlowerAndCopiesTakeMemory) {
  const Scenario scenario = scenario_with(kSkewed);
  Candidate candidate = ranks_of_four(Exchange::alltoall_per_expert);
  const Deployment contiguous = placed(scenario, candidate);
  const PhaseTimes before = price(scenario, candidate, 4096);
  candidate.placement = models::PlacementRule::balanced;
  const PhaseTimes balanced = price(scenario, candidate, 4096);
  EXPECT_LT(balanced[Phase::expert], before[Phase::expert]);
  EXPECT_LT(balanced[Phase::dispatch], before[Phase::dispatch]);
  candidate.redundant_experts = 32;
  const Deployment copies = placed(scenario, candidate);
  // 128 + 32 experts over 4 ranks instead of 128.
  EXPECT_DOUBLE_EQ(copies.memory.expert_weights / contiguous.memory.expert_weights, 160.0 / 128.0);
  EXPECT_EQ(copies.experts.front().local_experts(), 40);
  EXPECT_EQ(copies.candidate.layout_name(), "TP1 DP4 EP4 alltoall_per_expert balanced+32");
  EXPECT_LT(copies.memory.kv, contiguous.memory.kv);
}

TEST(RoutingLaw, WhatCannotBePlacedSaysWhy) {
  const Scenario scenario = scenario_with(kUniform);
  const auto why = [&](const Candidate& candidate) {
    const auto result = deploy(scenario, candidate);
    return std::get<Infeasible>(result);
  };
  Candidate candidate = ranks_of_four(Exchange::alltoall_per_rank);
  candidate.placement = models::PlacementRule::balanced;
  candidate.redundant_experts = 6;
  EXPECT_EQ(why(candidate).code, "expert_parallel");
  EXPECT_NE(why(candidate).reason.find("128 experts and 6 redundant ones"), std::string::npos);
  EXPECT_NE(why(candidate).reason.find("experts 132 to 133"), std::string::npos);
  candidate.redundant_experts = 388;
  EXPECT_EQ(why(candidate).code, "placement");
  EXPECT_NE(why(candidate).reason.find("at most 384"), std::string::npos);
  candidate = ranks_of_four(Exchange::alltoall_per_rank);
  candidate.expert_parallel = false;
  EXPECT_EQ(why(candidate).code, "exchange");
}

TEST(RoutingLaw, CountsThatBreakRouterGroupsAreInfeasible) {
  // DeepSeek-V3 has 256 experts in 8 groups, of which a token uses 4.
  ScenarioFile file;
  file.set("model", "{architecture: deepseek-v3}").set("pruning", "{experts_kept: [256, 100]}");
  file.set("hardware", "{gpu: h200-sxm, gpus: 8, profile: datasheet}");
  const Scenario scenario = file.load();
  const auto result = deploy(
      scenario, {.experts_kept = 100, .gpus = 8, .data_parallel = 8, .expert_parallel = true});
  ASSERT_TRUE(std::holds_alternative<Infeasible>(result));
  EXPECT_EQ(std::get<Infeasible>(result).code, "pruning");
  EXPECT_NE(std::get<Infeasible>(result).reason.find("100 experts do not divide into the 8 router "
                                                     "groups"),
            std::string::npos);
}

// The paper's 354M model with 32 experts (top 1, capacity factor 1, at least 4 rows), 12 MoE layers
// over two ranks.
class Buffers : public testing::Test {
 protected:
  Buffers() {
    file_.set("model", "{architecture: paper-354m-32e}").set("pruning", "");
    file_.set("hardware", "{gpu: a10, gpus: 2, profile: datasheet}");
    file_.set("workload",
              "{rate: 50 requests/s, requests: 200, input_tokens: {tokens: 200}, "
              "output_tokens: {tokens: 20}}");
  }
  Candidate candidate(Exchange exchange) const {
    return {.experts_kept = 32,
            .gpus = 2,
            .data_parallel = 2,
            .expert_parallel = true,
            .exchange = exchange};
  }
  ScenarioFile file_;
};

TEST_F(Buffers, ADropIsAPairBeyondTheCapacity) {
  // 64 tokens a rank: capacity max(4, ceil(64 / 32)) = 4. An expert gets Binomial(64, 1/32) tokens
  // of a rank; 32 experts, 2 ranks and 12 layers drop E[max(0, N - 4)] each.
  const Scenario scenario = file_.load();
  const Deployment deployment = placed(scenario, candidate(Exchange::capacity_padded));
  ModelStepCost cost(deployment);
  const ExpertRows rows = cost.expert_rows(prefill(64, deployment.candidate));
  double beyond = 0.0;
  double probability = std::pow(31.0 / 32.0, 64.0);
  for (int n = 0; n <= 64; ++n) {
    beyond += std::max(0, n - 4) * probability;
    probability *= (64.0 - n) / (n + 1.0) / 31.0;
  }
  EXPECT_NEAR(rows.routed, 12.0 * 2 * 64, 1e-9);
  EXPECT_NEAR(rows.dropped, 12.0 * 2 * 32 * beyond, 1e-9);
  EXPECT_GT(rows.dropped, 0.0);
  EXPECT_EQ(rows.buffer_rows, 12.0 * 2 * 32 * 4);
  // A rank with nothing to do drops nothing; the others' buffers are sent all the same.
  std::vector<RankBatch> half = prefill(64, deployment.candidate);
  half[1].clear();
  const ExpertRows one = cost.expert_rows(half);
  EXPECT_NEAR(one.dropped, 0.5 * rows.dropped, 1e-9);
  EXPECT_EQ(one.buffer_rows, rows.buffer_rows);
}

TEST_F(Buffers, RoutedPairsAreTokensTimesTopKLessCountedDrops) {  // C2 2
  const Scenario scenario = file_.load();
  for (const Exchange exchange : {Exchange::capacity_padded, Exchange::alltoall_per_rank,
                                  Exchange::allgather_reducescatter}) {
    const Deployment deployment = placed(scenario, candidate(exchange));
    ModelStepCost cost(deployment);
    SimulationSetup setup;
    setup.limits = {.scheduler = {.max_sequences = 256,
                                  .max_batched_tokens = 2048,
                                  .kv_blocks = deployment.memory.kv_blocks},
                    .data_parallel = 2};
    setup.mix = {.arrivals = PoissonArrivals{PerSecond(50.0)},
                 .prompt = FixedLength{200},
                 .output = FixedLength{20},
                 .request_count = 200};
    const ServingTrace trace = simulate(setup, cost);
    const ExpertRows& rows = trace.expert_rows;
    // top 1, 12 layers.
    EXPECT_NEAR(rows.routed, 12.0 * static_cast<double>(trace.batched_tokens), 1e-9 * rows.routed);
    const ServingMetrics m = summarize(trace, {});
    if (exchange == Exchange::capacity_padded) {
      ASSERT_TRUE(m.buffers);
      EXPECT_GT(m.buffers->dropped_fraction, 0.0);
      EXPECT_LT(m.buffers->dropped_fraction, 0.5);
      EXPECT_NEAR(rows.routed * (1.0 - m.buffers->dropped_fraction),
                  rows.buffer_rows * (1.0 - m.buffers->padding_fraction), 1e-9 * rows.routed)
          << "computed pairs fill the rows that are not padding";
    } else {
      EXPECT_FALSE(m.buffers) << "dropless";
      EXPECT_EQ(rows.dropped, 0.0);
    }
  }
}

TEST_F(Buffers, HaveNoRoomForCopies) {
  const Scenario scenario = file_.load();
  Candidate padded = candidate(Exchange::capacity_padded);
  padded.placement = models::PlacementRule::balanced;
  padded.redundant_experts = 2;
  const auto result = deploy(scenario, padded);
  EXPECT_EQ(std::get<Infeasible>(result).code, "placement");
}

}  // namespace
}  // namespace moeplan::sim
