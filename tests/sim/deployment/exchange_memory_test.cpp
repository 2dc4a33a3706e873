// What experts and their exchange allot on a GPU, by hand, and which engines it decides.

#include "sim/deployment/exchange_memory.hpp"

#include <gtest/gtest.h>

#include "models/catalog/catalog.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using models::Precision;

// 16 experts of 32 columns over 4 GPUs, two a token, hidden 64; 100 tokens on each of 4 ranks.
class ExchangeMemory : public testing::Test {
 protected:
  ExchangeMemory() {
    moe.experts = 16;
    moe.top_k = 2;
    moe.intermediate = 32;
    moe.gated = true;
    c.gpus = c.data_parallel = 4;
    c.expert_parallel = true;
    engine.max_batched_tokens = 100;
  }
  double workspace(Exchange exchange, Precision precision = Precision::bf16,
                   bool low_latency = false) {
    c.exchange = exchange;
    return expert_workspace(
               moe, 64, c, engine,
               {.precision = precision, .bytes_per_element = 2.0, .low_latency = low_latency})
        .value();
  }
  models::MoeFfn moe;
  Candidate c;
  EngineOptions engine;
};

TEST_F(ExchangeMemory, AllGatherHoldsEveryRanksTokens) {
  // 400 tokens x 2 experts x (max(2 x 32, 64) + 32) x 2 bytes.
  EXPECT_DOUBLE_EQ(workspace(Exchange::allgather_reducescatter), 400 * 2 * (64 + 32) * 2);
  // One data-parallel rank of four GPUs has its own 100 only, whatever the exchange is called.
  c.data_parallel = 1;
  c.tensor_parallel = 4;
  EXPECT_DOUBLE_EQ(workspace(Exchange::alltoall_per_rank), 100 * 2 * (64 + 32) * 2);
}

TEST_F(ExchangeMemory, AllToAllHoldsWhatARankReceives) {
  // A copy per expert: 400 x 2 / 4 = 200 rows of 64, received and returned in 2 bytes; the fused
  // kernel allots 2 rows to each.
  EXPECT_DOUBLE_EQ(workspace(Exchange::alltoall_per_expert),
                   200 * 64 * (2 + 2) + 200 * 2 * (64 + 32) * 2);
  // A copy per rank: a token misses a given rank's 4 experts with chance C(12,2)/C(16,2) = 66/120,
  // so 400 x 54/120 = 180 copies reach it.
  EXPECT_NEAR(workspace(Exchange::alltoall_per_rank), 180 * 64 * (2 + 2) + 180 * 2 * (64 + 32) * 2,
              1e-6);
  // DeepGEMM: 200 pairs, and up to 127 rows of padding for each of 4 experts; two 16-bit workspaces
  // of max(64, 64) and max(32, 64) columns and the 8-bit input; 8-bit copies arrive, 16-bit leave.
  EXPECT_NEAR(workspace(Exchange::alltoall_per_rank, Precision::fp8_block),
              180 * 64 * (1 + 2) + (200 + 4 * 127) * ((64 + 64) * 2 + 64), 1e-6);
}

TEST_F(ExchangeMemory, LowLatencyBuffersHoldEveryExpertsWorst) {
  // 16 experts x min(256, 100) tokens, each 64 x 1 byte received and two 16-bit workspaces of 64.
  const double batched = 16 * 100 * (64 * 1 + (64 + 64) * 2);
  EXPECT_DOUBLE_EQ(workspace(Exchange::alltoall_per_rank, Precision::fp8_block, true), batched)
      << "more than the normal kernels' rows, so it decides";
  engine.max_batched_tokens = 8192;
  EXPECT_EQ(workspace(Exchange::alltoall_per_rank, Precision::fp8_block, true),
            workspace(Exchange::alltoall_per_rank, Precision::fp8_block, false))
      << "16 x 256 rows are few beside 16384 pairs";
}

TEST_F(ExchangeMemory, PaddedBuffersFollowTheCapacity) {
  moe.router.capacity_factor = 1.0;
  moe.router.minimum_capacity = 4;
  // ceil(2 x 100 / 16) = 13 rows for each of 16 experts.
  EXPECT_DOUBLE_EQ(workspace(Exchange::capacity_padded), 16 * 13 * (64 + 32 + 2 * 64) * 2);
}

TEST_F(ExchangeMemory, CommunicationBuffers) {
  const double gib = 1024.0 * 1024.0 * 1024.0;
  c.exchange = Exchange::alltoall_per_rank;
  EXPECT_EQ(exchange_buffers(moe, 64, c, engine, 1, false).value(), gib);
  EXPECT_EQ(exchange_buffers(moe, 64, c, engine, 2, false).value(), 2 * gib);
  EXPECT_EQ(exchange_buffers(moe, 64, c, engine, 1, true).value(),
            gib + 4.0 * 16 * 100 * (2 * 64 + 16));
  c.exchange = Exchange::allgather_reducescatter;
  EXPECT_EQ(exchange_buffers(moe, 64, c, engine, 2, true).value(), 0.0);
}

// vLLM issue 57894: 448 experts of hidden 5120 take 31.94 GiB of low-latency buffers at 1840 tokens
// a rank: 17.775 MiB a token.
TEST_F(ExchangeMemory, LowLatencyBuffersAgreeWithTheSizesDeepEpPrints) {
  moe.experts = 448;
  c.exchange = Exchange::alltoall_per_rank;
  engine.max_batched_tokens = 256;
  const double with = exchange_buffers(moe, 5120, c, engine, 1, true).value();
  const double without = exchange_buffers(moe, 5120, c, engine, 1, false).value();
  const double printed = 31.94 * 1024 * 1024 * 1024 / 1840 * 256;
  EXPECT_NEAR((with - without) / printed, 1.0, 0.03);
}

std::variant<Deployment, Infeasible> deepseek(const std::string& gpu, int gpus, Exchange exchange) {
  static std::map<std::string, Scenario> scenarios;
  if (scenarios.count(gpu) == 0) {
    scenarios.emplace(gpu, tests::ScenarioFile()
                               .set("model", "{architecture: deepseek-v3, precision: fp8_block}")
                               .set("pruning", "")
                               .set("hardware", "{gpu: " + gpu + ", gpus: [8, 16]}")
                               .set("engine", "{memory_utilization: 0.95}")
                               .load());
  }
  const Scenario& scenario = scenarios.at(gpu);
  Candidate c;
  c.experts_kept = scenario.pretrained_experts();
  c.gpus = c.data_parallel = gpus;
  c.expert_parallel = true;
  c.exchange = exchange;
  return deploy(scenario, c);
}

// DeepSeek-V3 in fp8, attention replicated, experts spread, 8192 tokens a step on every rank.
//   experts: 58 layers x 256 x 3 x 7168 x 2048 bytes = 609 GiB: 76 GiB on each of 8 GPUs, 38 of 16.
// Eight H100 (80 GB) cannot hold them. On 16, all-gather brings 131072 tokens to every rank, and
// 131072 x 8 x (7168 + 2048) x 2 bytes = 18 GiB do not fit beside some 55 GiB of weights; by
// all-to-all a rank computes 65536 pairs. (vLLM pull requests 19298 and 20228 make this layout
// run.)
TEST(ExchangeMemoryDecides, DeepSeekOnSixteenH100NeedsAllToAll) {
  for (const Exchange exchange : {Exchange::allgather_reducescatter, Exchange::alltoall_per_rank}) {
    EXPECT_TRUE(std::holds_alternative<Infeasible>(deepseek("h100-sxm", 8, exchange)));
  }
  EXPECT_TRUE(std::holds_alternative<Infeasible>(
      deepseek("h100-sxm", 16, Exchange::allgather_reducescatter)));
  const auto placed = deepseek("h100-sxm", 16, Exchange::alltoall_per_rank);
  ASSERT_TRUE(std::holds_alternative<Deployment>(placed)) << std::get<Infeasible>(placed).reason;
  const MemoryBudget& memory = std::get<Deployment>(placed).memory;
  // The low-latency buffers: 4 x 256 experts x 256 tokens x (2 x 7168 + 16) bytes.
  EXPECT_DOUBLE_EQ(memory.buffers.value(),
                   (1.5 + 2.0) * 1024 * 1024 * 1024 + 4.0 * 256 * 256 * (2 * 7168 + 16));
}

// TP1 DP8 on one node of H200 (141 GB) is how vLLM's users run it.
TEST(ExchangeMemoryDecides, DeepSeekOnEightH200Fits) {
  const auto placed = deepseek("h200-sxm", 8, Exchange::alltoall_per_rank);
  ASSERT_TRUE(std::holds_alternative<Deployment>(placed)) << std::get<Infeasible>(placed).reason;
  const auto gathered = deepseek("h200-sxm", 8, Exchange::allgather_reducescatter);
  ASSERT_TRUE(std::holds_alternative<Deployment>(gathered));
  EXPECT_LT(std::get<Deployment>(placed).memory.activations,
            std::get<Deployment>(gathered).memory.activations);
}

}  // namespace
}  // namespace moeplan::sim
