// Traps of formats.md 1.1 and the mistakes that others made on its table, each as a test.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "models/architecture/counts.hpp"
#include "models/architecture/hf_config.hpp"
#include "models/architecture/read_architecture.hpp"
#include "tests/models/architecture/configs.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::tests {
namespace {

using models::MoeFfn;
using models::SmoeArchitecture;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const MoeFfn& first_moe(const SmoeArchitecture& a) {
  return std::get<MoeFfn>(a.layers.at(a.moe_layers().at(0)).ffn);
}

// Experts under each of the four names; a file with two of them that disagree is refused, whichever
// would win (vLLM: num_experts > moe_num_experts > n_routed_experts > num_local_experts).
TEST(Traps, ExpertCountSynonyms) {
  for (const char* name :
       {"num_experts", "moe_num_experts", "n_routed_experts", "num_local_experts"}) {
    SCOPED_TRACE(name);
    const SmoeArchitecture a = read_config(
        with(full_qwen3_moe(), R"("num_experts": 128)", "\"" + std::string(name) + "\": 128"));
    EXPECT_EQ(first_moe(a).experts, 128);
    EXPECT_EQ(a.origin.at("experts"), std::string(name) + " = 128");
  }
  const SmoeArchitecture both =
      read_config(with(full_qwen3_moe(), R"("num_experts": 128)",
                       R"("num_local_experts": 128, "n_routed_experts": 128, "num_experts": 128)"));
  EXPECT_EQ(both.origin.at("experts"), "num_experts = 128");
  expect_input_error(
      [] {
        read_config(with(full_qwen3_moe(), R"("num_experts": 128)",
                         R"("num_local_experts": 16, "num_experts": 128)"));
      },
      "E_VALUE", "num_experts = 128", "num_local_experts = 16");
}

TEST(Traps, TopKSynonymsButNeverTheSamplingParameter) {
  for (const char* name : {"num_experts_per_tok", "num_experts_per_token", "experts_per_token",
                           "moe_top_k", "moe_k", "top_k_experts"}) {
    SCOPED_TRACE(name);
    const SmoeArchitecture a = read_config(with(full_qwen3_moe(), R"("num_experts_per_tok": 8)",
                                                "\"" + std::string(name) + "\": 8, \"top_k\": 50"));
    EXPECT_EQ(first_moe(a).top_k, 8);
    EXPECT_THAT(a.warnings, ::testing::IsEmpty());
  }
  // Kimi-K3 ships top_k 50: alone it is no top-k.
  expect_input_error(
      [] { read_config(with(full_qwen3_moe(), R"("num_experts_per_tok": 8)", R"("top_k": 50)")); },
      "E_MISSING", "num_experts_per_tok", "top_k_experts");
}

// A list gives its first entry, null is as if it were not there.
TEST(Traps, ListsAndNulls) {
  const SmoeArchitecture listed =
      read_config(with(full_qwen3_moe(), R"("num_experts": 128)", R"("num_experts": [128, 64])"));
  EXPECT_EQ(first_moe(listed).experts, 128);
  EXPECT_THAT(listed.warnings, Contains(HasSubstr("the first, 128, is used")));
  // null is skipped, and the next synonym is used.
  const SmoeArchitecture next =
      read_config(with(full_qwen3_moe(), R"("num_experts": 128)",
                       R"("num_experts": null, "n_routed_experts": 128)"));
  EXPECT_EQ(next.origin.at("experts"), "n_routed_experts = 128");
  // n_shared_experts null (MiMo-V2-Flash): none.
  EXPECT_EQ(first_moe(read_config(with(full_deepseek_v3(), R"("n_shared_experts": 1)",
                                       R"("n_shared_experts": null)")))
                .shared_intermediate,
            0);
  // A dense model with the null keys of its MoE sister (Gemma-4-31B): dense, and no warning.
  const SmoeArchitecture dense =
      read_config(with(full_llama(), R"("use_cache": true)",
                       R"("num_experts": null, "top_k_experts": null, "enable_moe_block": false)"));
  EXPECT_FALSE(dense.is_moe());
  EXPECT_THAT(dense.warnings, ::testing::IsEmpty());
}

// Mistake 2 (InferSim reads num_routed_experts and num_experts only): the genuine DeepSeek file has
// n_routed_experts and is not dense.
TEST(MistakesOfOthers, GenuineDeepseekIsNotDense) {
  const SmoeArchitecture a = read_config(full_deepseek_v3());
  EXPECT_EQ(a.moe_layers().size(), 58u);
  EXPECT_EQ(a.origin.at("experts"), "n_routed_experts = 256");
  // An unknown name is never silently dense: a MoE family without its count is E_MISSING...
  expect_input_error(
      [] {
        read_config(
            with(full_deepseek_v3(), R"("n_routed_experts": 256)", R"("num_routed_experts": 256)"));
      },
      "E_MISSING", "n_routed_experts", "num_routed_experts");
  // ... and a dense family with one is a warning that says so.
  const SmoeArchitecture odd = read_config(
      with(full_llama(), R"("use_cache": true)", R"("num_routed_experts": 64, "moe_width": 256)"));
  EXPECT_THAT(odd.warnings,
              ElementsAre(AllOf(HasSubstr("num_routed_experts (64)"), HasSubstr("as dense")),
                          HasSubstr("moe_width (256)")));
}

// Mistake 4 (aiconfigurator #1390): with expert parallelism 8 a GPU holds an eighth of the experts,
// not all of them; attention and the cache are its own. 128 experts / 8 = 16.
TEST(MistakesOfOthers, ExpertParallelRanksHoldTheirShare) {
  const SmoeArchitecture a =
      models::read_catalog_architecture(data_dir() / "architectures", "qwen3-30b-a3b");
  const models::RankLayout one;
  const models::RankLayout eight{.data_parallel = 8, .expert_parallel = true};
  const models::RankWeights all = models::rank_weights(a, one, models::Precision::bf16);
  const models::RankWeights share = models::rank_weights(a, eight, models::Precision::bf16);
  EXPECT_DOUBLE_EQ(share.experts.value(), all.experts.value() / 8.0);
  EXPECT_DOUBLE_EQ(share.attention.value(), all.attention.value());
}

// The cache of latent attention is per token kv_lora_rank + qk_rope_head_dim, not heads x head_dim.
TEST(Traps, LatentAttentionIffKvLoraRank) {
  const SmoeArchitecture a = read_config(full_deepseek_v3());
  const models::Attention& mla = a.layers[0].attention;
  ASSERT_TRUE(std::holds_alternative<models::LatentAttention>(mla));
  EXPECT_EQ(models::kv_bytes_per_token(mla, models::Precision::bf16), Bytes((512.0 + 64.0) * 2.0));
}

// OLMoE's class default is 2048 and its checkpoints have 1024: without the key nothing is guessed.
TEST(Traps, NoWidthIsGuessedFromTheClass) {
  expect_input_error([] { read_config(without_line(full_mixtral(), R"("intermediate_size")")); },
                     "E_MISSING", "intermediate_size");
}

TEST(Traps, EveryModelTypeIsSortedOnce) {
  std::vector<std::string> types = models::hf_model_types();
  EXPECT_TRUE(std::is_sorted(types.begin(), types.end()));
  EXPECT_EQ(std::adjacent_find(types.begin(), types.end()), types.end());
}

}  // namespace
}  // namespace moeplan::tests
