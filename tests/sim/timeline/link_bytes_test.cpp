// Are the bytes of a step's exchanges those that a person adds up? Qwen3-30B-A3B: 48 MoE layers,
// hidden size 2048, 8 of 128 experts a token, bf16: a row is 4096 bytes.

#include "sim/timeline/link_bytes.hpp"

#include <gtest/gtest.h>

#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

constexpr double kRow = 4096.0;
constexpr double kLayers = 48.0;

PhaseBytes bytes_of(const Candidate& candidate, std::int64_t tokens_a_rank) {
  tests::ScenarioFile file;
  const Scenario scenario =
      file.set("hardware", "{gpu: h100-sxm, gpus: [1, 2, 16], profile: datasheet}").load();
  const auto placed = deploy(scenario, candidate);
  const auto& deployment = std::get<Deployment>(placed);
  RankBatch batch;
  batch.decode_sequences = tokens_a_rank;
  return LinkBytes(deployment)
      .of(std::vector<RankBatch>(static_cast<std::size_t>(candidate.data_parallel), batch));
}

const models::WireBytes& in(const PhaseBytes& bytes, Phase phase) {
  return bytes[static_cast<std::size_t>(phase)];
}

TEST(LinkBytes, OneGpuSendsNothing) {
  for (const models::WireBytes& bytes : bytes_of({.experts_kept = 128}, 10)) {
    EXPECT_EQ(bytes.near, 0.0);
    EXPECT_EQ(bytes.far, 0.0);
  }
}

// All-reduce over two ranks: each sends 2 (2 - 1) / 2 = once the vector. 10 tokens: one after the
// embedding, one after each attention; combine is one per MoE layer.
TEST(LinkBytes, TensorParallelRanksReduceEveryLayer) {
  const PhaseBytes bytes = bytes_of({.experts_kept = 128, .gpus = 2, .tensor_parallel = 2}, 10);
  EXPECT_DOUBLE_EQ(in(bytes, Phase::allreduce).near, 10 * kRow * (kLayers + 1));
  EXPECT_DOUBLE_EQ(in(bytes, Phase::combine).near, 10 * kRow * kLayers);
  EXPECT_EQ(in(bytes, Phase::dispatch).near, 0.0);
  EXPECT_EQ(in(bytes, Phase::combine).far, 0.0);
}

// All-gather of the rows and router logits (128 x 2 bytes) of two ranks: each sends its own half.
TEST(LinkBytes, GatheredRowsTakeTheirLogitsAlong) {
  const PhaseBytes bytes =
      bytes_of({.experts_kept = 128, .gpus = 2, .data_parallel = 2, .expert_parallel = true}, 10);
  EXPECT_DOUBLE_EQ(in(bytes, Phase::dispatch).near, 10 * (kRow + 256) * kLayers);
  EXPECT_DOUBLE_EQ(in(bytes, Phase::combine).near, 10 * kRow * kLayers);
  EXPECT_EQ(in(bytes, Phase::allreduce).near, 0.0);
}

// Sixteen ranks on two nodes of eight, uniform routing: a token has 8 / 16 copies for each rank;
// 7 other ranks on its node, 8 on the other one.
TEST(LinkBytes, CopiesCrossTheTierTheyMust) {
  const PhaseBytes bytes = bytes_of({.experts_kept = 128,
                                     .gpus = 16,
                                     .data_parallel = 16,
                                     .expert_parallel = true,
                                     .exchange = Exchange::alltoall_per_expert},
                                    10);
  for (const Phase phase : {Phase::dispatch, Phase::combine}) {
    EXPECT_NEAR(in(bytes, phase).near, 10 * 3.5 * kRow * kLayers, 1e-3);
    EXPECT_NEAR(in(bytes, phase).far, 10 * 4.0 * kRow * kLayers, 1e-3);
  }
}

}  // namespace
}  // namespace moeplan::sim
