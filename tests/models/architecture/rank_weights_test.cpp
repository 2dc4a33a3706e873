// Weight bytes of the fullest rank of a layout (serving.md 1).

#include <gtest/gtest.h>

#include "models/architecture/counts.hpp"
#include "tests/models/architecture/configs.hpp"

namespace moeplan::tests {
namespace {

using models::Precision;
using models::rank_weights;
using models::RankLayout;
using models::RankWeights;
using models::SmoeArchitecture;

// One rank holds every parameter once: total parameters x 2 B.
TEST(RankWeights, OneRankHoldsEverything) {
  for (const std::string& config :
       {full_qwen3_moe(), full_mixtral(), full_llama(), full_deepseek_v3()}) {
    const SmoeArchitecture a = read_config(config);
    EXPECT_EQ(models::weight_bytes(a, Precision::bf16).value(),
              2.0 * static_cast<double>(models::count_parameters(a).total()));
  }
}

// TP 4 over 4 KV heads: everything sharded is a quarter, router and norms stay whole.
TEST(RankWeights, TensorParallel) {
  const SmoeArchitecture a = read_config(full_qwen3_moe());
  const RankWeights whole = rank_weights(a, {}, Precision::bf16);
  const RankWeights quarter = rank_weights(a, {.tensor_parallel = 4}, Precision::bf16);
  EXPECT_EQ(quarter.attention, whole.attention / 4.0);
  EXPECT_EQ(quarter.experts, whole.experts / 4.0);  // width 768 / 4
  EXPECT_EQ(quarter.embeddings, whole.embeddings / 4.0);
  EXPECT_EQ(quarter.lm_head, whole.lm_head / 4.0);
  EXPECT_EQ(quarter.router, whole.router);
  EXPECT_EQ(quarter.norms, whole.norms);
}

// TP 8 over 4 KV heads: each rank keeps one. q and o: 2 x 2048 x 4 x 128; k and v: 2 x 2048 x 128;
// 48 layers, 2 B.
TEST(RankWeights, KvHeadsAreReplicatedBeyondTheirNumber) {
  const SmoeArchitecture a = read_config(full_qwen3_moe());
  const RankWeights w = rank_weights(a, {.tensor_parallel = 8}, Precision::bf16);
  EXPECT_EQ(w.attention, Bytes(48.0 * 2.0 * (2.0 * 2048 * 512 + 2.0 * 2048 * 128)));
  EXPECT_EQ(models::rank_kv_bytes_per_token(a, 8, Precision::bf16),
            models::rank_kv_bytes_per_token(a, 4, Precision::bf16));
  EXPECT_EQ(models::rank_kv_bytes_per_token(a, 4, Precision::bf16), Bytes(98304.0 / 4.0));
}

// DP replicates attention and embeddings; experts are spread over TP x DP whichever way.
TEST(RankWeights, DataParallelSpreadsOnlyExperts) {
  const SmoeArchitecture a = read_config(full_qwen3_moe());
  const RankWeights whole = rank_weights(a, {}, Precision::bf16);
  const RankLayout sharded{.tensor_parallel = 2, .data_parallel = 4};
  const RankLayout placed{.tensor_parallel = 2, .data_parallel = 4, .expert_parallel = true};
  const RankWeights s = rank_weights(a, sharded, Precision::bf16);
  const RankWeights p = rank_weights(a, placed, Precision::bf16);
  EXPECT_EQ(s.attention, whole.attention / 2.0);
  EXPECT_EQ(s.experts, whole.experts / 8.0);
  EXPECT_EQ(p.experts, whole.experts / 8.0);
  EXPECT_EQ(p.total(), s.total());
}

// 128 experts on 48 ranks: the fullest rank holds 3.
TEST(RankWeights, UnevenExpertsRoundUp) {
  const SmoeArchitecture a = read_config(full_qwen3_moe());
  const RankWeights w = rank_weights(
      a, {.tensor_parallel = 1, .data_parallel = 48, .expert_parallel = true}, Precision::bf16);
  EXPECT_EQ(w.experts, Bytes(48.0 * 3.0 * 3.0 * 2048.0 * 768.0 * 2.0));
}

// Block fp8: matrices 1 + 4/16384 B, embeddings, head, router and norms 2 B.
TEST(RankWeights, QuantisationLeavesThePlainPartsAlone) {
  const SmoeArchitecture a = read_config(full_qwen3_moe());
  const RankWeights bf16 = rank_weights(a, {}, Precision::bf16);
  const RankWeights fp8 = rank_weights(a, {}, Precision::fp8_block);
  EXPECT_EQ(fp8.embeddings, bf16.embeddings);
  EXPECT_EQ(fp8.router, bf16.router);
  EXPECT_EQ(fp8.norms, bf16.norms);
  EXPECT_DOUBLE_EQ(fp8.experts / bf16.experts, (1.0 + 4.0 / 16384.0) / 2.0);
  EXPECT_DOUBLE_EQ(fp8.attention / bf16.attention, (1.0 + 4.0 / 16384.0) / 2.0);
}

TEST(RankWeights, ExpertsInTheirOwnPrecision) {
  SmoeArchitecture a = read_config(full_qwen3_moe());
  a.expert_precision = Precision::mxfp4;
  const RankWeights w = rank_weights(a, {}, Precision::bf16);
  EXPECT_EQ(w.experts, Bytes(48.0 * 603'979'776.0 * 17.0 / 32.0));
  EXPECT_EQ(w.attention, Bytes(48.0 * 18'874'368.0 * 2.0));
}

// MLA on 8 ranks: down projections 7168 x 1536 and 7168 x 576 whole, the rest for 16 heads.
TEST(RankWeights, LatentAttention) {
  const SmoeArchitecture a = read_config(full_deepseek_v3());
  const RankWeights w = rank_weights(a, {.tensor_parallel = 8}, Precision::bf16);
  const double layer =
      7168.0 * 1536 + 1536.0 * 16 * 192 + 7168.0 * 576 + 512.0 * 16 * 256 + 16.0 * 128 * 7168;
  EXPECT_EQ(w.attention, Bytes(61.0 * 2.0 * layer));
  EXPECT_EQ(models::rank_kv_bytes_per_token(a, 8, Precision::bf16),
            models::kv_bytes_per_token(a, Precision::bf16));
}

TEST(RankWeights, LayoutsArePositive) {
  const SmoeArchitecture a = read_config(full_llama());
  EXPECT_THROW(rank_weights(a, {.tensor_parallel = 0}, Precision::bf16), std::logic_error);
}

}  // namespace
}  // namespace moeplan::tests
