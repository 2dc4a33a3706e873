// Models with layers that no law covers are refused by name; encoder-decoders are counted only.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architecture/counts.hpp"
#include "models/architecture/read_architecture.hpp"
#include "tests/models/architecture/configs.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::tests {
namespace {

using models::DenseFfn;
using models::MoeFfn;
using models::SmoeArchitecture;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <class... Parts>
void refused(const std::string& json, const Parts&... parts) {
  SCOPED_TRACE(json);
  expect_input_error([&] { read_config(json); }, "E_VALUE", parts...);
}

TEST(Refused, HybridsNameTheirLayersAndWhatCanBeCosted) {
  refused(R"({"model_type": "qwen3_next", "num_hidden_layers": 8, "num_experts": 512,
              "full_attention_interval": 4})",
          "qwen3_next", "layers 3, 7 are full_attention",
          "layers 0, 1, 2, 4, 5, 6 are linear_attention", "grouped-query attention");
  refused(R"({"text_config": {"model_type": "qwen3_5_moe_text", "num_experts": 256,
              "layer_types": ["linear_attention", "full_attention"]}})",
          "layers 0 are linear_attention", "layers 1 are full_attention");
  refused(R"({"model_type": "nemotron_h", "hybrid_override_pattern": "ME*E"})", "Mamba-2",
          "layers 0 are mamba", "layers 2 are attention", "layers 1, 3 are moe");
  refused(R"({"model_type": "kimi_linear", "num_experts": 256})", "delta attention",
          "all its layers");
  refused(R"({"text_config": {"model_type": "kimi_k3_text", "num_experts": 896, "top_k": 50,
              "routed_expert_hidden_size": 3584}})",
          "kimi_k3", "delta attention", "narrower latent width");
  refused(R"({"model_type": "glm_moe_dsa", "mlp_layer_types": ["dense"]})", "indexer");
  refused(R"({"model_type": "deepseek_v32", "kv_lora_rank": 512})", "indexer", "all its layers");
}

// num_key_value_heads 1 and head_dim 512 look like grouped-query attention and are not.
TEST(Refused, DeepseekV4IsNotReadAsGroupedQueries) {
  refused(R"({"model_type": "deepseek_v4", "hidden_size": 7168, "num_attention_heads": 128,
              "num_key_value_heads": 1, "head_dim": 512, "n_routed_experts": 256,
              "num_experts_per_tok": 6, "moe_intermediate_size": 2048, "n_shared_experts": 1,
              "expert_dtype": "fp4"})",
          "deepseek_v4", "compressed sparse attention", "kv_lora_rank");
}

std::string small_jamba(const std::string& which) {
  return R"({"model_type": "jamba", "hidden_size": 64, "vocab_size": 100,
    "max_position_embeddings": 512, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "intermediate_size": 128, "num_experts": 16,
    "num_experts_per_tok": 2, "torch_dtype": "bfloat16", "expert_layer_period": 2,
    "expert_layer_offset": 1, )" +
         which + "}";
}

TEST(Refused, JambaWithMambaLayersButNotWithout) {
  refused(small_jamba(R"("attn_layer_period": 4, "attn_layer_offset": 2)"),
          "layers 0, 1, 3 of 4 are Mamba");
  const SmoeArchitecture a =
      read_config(small_jamba(R"("attn_layer_period": 1, "attn_layer_offset": 0)"));
  EXPECT_THAT(a.moe_layers(), ElementsAre(1, 3));
  refused(small_jamba(R"("attn_layer_period": 4, "attn_layer_offset": 4)"),
          "attn_layer_offset 4 >= attn_layer_period 4");
}

// MiniMax-01's lightning attention under the newer name.
TEST(Refused, LightningAttention) {
  refused(R"({"model_type": "minimax_m2", "hidden_size": 64, "vocab_size": 100,
    "max_position_embeddings": 512, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 32, "num_local_experts": 4,
    "num_experts_per_tok": 2, "attn_type_list": [0, 1], "torch_dtype": "bfloat16"})",
          "attn_type_list", "lightning");
}

// MiniMax-M3: dense layers by list with a width of their own, and block-sparse attention.
TEST(Refused, MinimaxM3) {
  const std::string config = R"({"model_type": "minimax_m2", "hidden_size": 64, "vocab_size": 100,
    "max_position_embeddings": 512, "num_hidden_layers": 3, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 32, "num_local_experts": 4,
    "dense_intermediate_size": 128, "moe_layer_freq": [0, 1, 1], "num_experts_per_tok": 2,
    "torch_dtype": "bfloat16"})";
  const SmoeArchitecture a = read_config(config);
  EXPECT_THAT(a.moe_layers(), ElementsAre(1, 2));
  EXPECT_EQ(std::get<DenseFfn>(a.layers[0].ffn).intermediate, 128);
  refused(with(config, R"("torch_dtype")",
               R"("sparse_attention_config": {"use_sparse_attention": true}, "torch_dtype")"),
          "sparse_attention_config", "block-sparse");
  refused(R"({"model_type": "minimax_m3_vl", "text_config": {"num_local_experts": 128}})",
          "minimax_m3_vl", "block-sparse");
}

// T5-base with experts in every second layer: d_ff 3072, 12 + 12 layers, as switch-base (Fedus et
// al., arXiv:2101.03961).
std::string switch_base(int experts) {
  return R"({"model_type": "switch_transformers", "d_model": 768, "d_kv": 64, "d_ff": 3072,
    "num_heads": 12, "num_layers": 12, "num_decoder_layers": 12, "vocab_size": 32128,
    "num_sparse_encoder_layers": 6, "num_sparse_decoder_layers": 6, "expert_capacity": 64,
    "router_type": "tokens_masked", "torch_dtype": "bfloat16", "num_experts": )" +
         std::to_string(experts) + "}";
}

// Embeddings 32128 x 768 = 24,674,304; 36 attentions of 4 x 768^2 = 84,934,656; FFN 2 x 768 x 3072
// = 4,718,592: 12 dense and 12 x E experts; routers 12 x 768 E; norms 768 (2 x 12 + 3 x 12 + 2).
// Google's paper gives switch-base with 128 experts 7.4 B.
TEST(EncoderDecoder, SwitchCountsBothStacks) {
  const SmoeArchitecture a = read_config(switch_base(8));
  EXPECT_EQ(a.layers.size(), 24u);
  EXPECT_EQ(a.encoder_layers, 12u);
  EXPECT_THAT(a.moe_layers(), ElementsAre(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23));
  EXPECT_FALSE(a.layers[11].cross_attention);
  EXPECT_TRUE(a.layers[12].cross_attention);
  EXPECT_EQ(std::get<MoeFfn>(a.layers[1].ffn).top_k, 1);
  EXPECT_FALSE(std::get<MoeFfn>(a.layers[1].ffn).gated);
  const auto total = [](std::int64_t experts) {
    return 24'674'304 + 84'934'656 + 12 * 4'718'592 + 12 * experts * (4'718'592 + 768) + 768 * 62;
  };
  EXPECT_EQ(models::count_parameters(a).total(), total(8));
  const auto large = models::count_parameters(read_config(switch_base(128)));
  EXPECT_EQ(large.total(), total(128));
  EXPECT_NEAR(static_cast<double>(large.total()) / 1e9, 7.4, 0.05);
}

TEST(EncoderDecoder, IsMarkedAsNotServed) {
  const SmoeArchitecture a = read_config(switch_base(8));
  ASSERT_TRUE(a.why_not_served().has_value());
  EXPECT_THAT(*a.why_not_served(), HasSubstr("encoder-decoder"));
  EXPECT_THAT(a.warnings, Contains(HasSubstr("layers 0 to 11")));
  EXPECT_THAT(a.warnings, Contains(HasSubstr("expert_capacity 64")));
  EXPECT_EQ(read_config(full_llama()).why_not_served(), std::nullopt);
}

// Only the 12 decoder layers cache: 2 x 12 heads x 64 x 2 B each.
TEST(EncoderDecoder, CacheOfTheDecoderOnly) {
  EXPECT_EQ(models::kv_bytes_per_token(read_config(switch_base(8)), models::Precision::bf16),
            Bytes(12.0 * 2.0 * 12.0 * 64.0 * 2.0));
}

// step = layers / sparse layers; i % step == 1, or every layer when step is 1, none when 0.
TEST(EncoderDecoder, SwitchStep) {
  const SmoeArchitecture a =
      read_config(with(with(switch_base(8), R"("num_sparse_encoder_layers": 6)",
                            R"("num_sparse_encoder_layers": 3)"),
                       R"("num_sparse_decoder_layers": 6)", R"("num_sparse_decoder_layers": 0)"));
  EXPECT_THAT(a.moe_layers(), ElementsAre(1, 5, 9));
  refused(with(switch_base(8), R"("num_sparse_encoder_layers": 6)",
               R"("num_sparse_encoder_layers": 13)"),
          "num_sparse_encoder_layers 13 > 12 layers");
}

TEST(EncoderDecoder, NllbEveryFourthLayer) {
  const SmoeArchitecture a =
      models::read_catalog_architecture(data_dir() / "architectures", "nllb-moe-54b");
  EXPECT_EQ(a.encoder_layers, 24u);
  EXPECT_THAT(a.moe_layers(), ElementsAre(3, 7, 11, 15, 19, 23, 27, 31, 35, 39, 43, 47));
  EXPECT_EQ(std::get<MoeFfn>(a.layers[3].ffn).top_k, 2);
  EXPECT_EQ(std::get<DenseFfn>(a.layers[0].ffn).intermediate, 8192);
  EXPECT_TRUE(a.why_not_served().has_value());
}

}  // namespace
}  // namespace moeplan::tests
