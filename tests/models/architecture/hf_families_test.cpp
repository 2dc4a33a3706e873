// The families beyond Llama, Qwen, Mixtral and DeepSeek: layer kinds, widths and what only they
// have (formats.md 1.1). Configs are the catalog's, transcribed from genuine files.

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
using models::GroupedQueryAttention;
using models::MoeFfn;
using models::Precision;
using models::RouterScoring;
using models::SmoeArchitecture;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

SmoeArchitecture catalog(const std::string& id) {
  return models::read_catalog_architecture(data_dir() / "architectures", id);
}
template <class... Parts>
void refused(const std::string& json, const std::string& code, const Parts&... parts) {
  SCOPED_TRACE(json);
  expect_input_error([&] { read_config(json); }, code, parts...);
}

TEST(GptOss, WindowsInTurnBiasesAndMxfp4Experts) {
  const SmoeArchitecture a = catalog("gpt-oss-120b");
  EXPECT_EQ(a.layers.size(), 36u);
  EXPECT_EQ(a.moe_layers().size(), 36u);
  EXPECT_EQ(gqa_of(a, 0).window, 128);
  EXPECT_EQ(gqa_of(a, 1).window, std::nullopt);
  EXPECT_EQ(gqa_of(a, 34).window, 128);
  EXPECT_EQ(gqa_of(a, 0).head_dim, 64);  // not 2880 / 64 = 45
  EXPECT_TRUE(gqa_of(a, 0).qkv_bias);
  EXPECT_TRUE(gqa_of(a, 0).output_bias);
  const MoeFfn& moe = moe_of(a, 0);
  EXPECT_EQ(moe.experts, 128);
  EXPECT_EQ(moe.top_k, 4);
  EXPECT_EQ(moe.intermediate, 2880);
  EXPECT_TRUE(moe.bias);
  EXPECT_TRUE(moe.router.bias);
  EXPECT_EQ(a.weight_precision, Precision::bf16);
  EXPECT_EQ(a.expert_precision, Precision::mxfp4);
  EXPECT_THAT(a.warnings, ElementsAre(HasSubstr("attention sinks")));
}

// transformers' GptOssConfig: even layers slide when the file has no layer_types.
TEST(GptOss, EvenLayersSlideByDefaultAndHeadDimIsNeeded) {
  const std::string config = R"({"model_type": "gpt_oss", "hidden_size": 2880,
    "vocab_size": 201088, "max_position_embeddings": 131072, "num_hidden_layers": 4,
    "num_attention_heads": 64, "num_key_value_heads": 8, "head_dim": 64,
    "sliding_window": 128, "intermediate_size": 2880, "num_local_experts": 32,
    "num_experts_per_tok": 4, "experts_per_token": 4, "torch_dtype": "bfloat16"})";
  const SmoeArchitecture a = read_config(config);
  EXPECT_EQ(gqa_of(a, 2).window, 128);
  EXPECT_EQ(gqa_of(a, 3).window, std::nullopt);
  EXPECT_EQ(a.expert_precision, std::nullopt);
  refused(with(config, R"("head_dim": 64,)", ""), "E_MISSING", "head_dim");
  // Both names of top-k are there and must agree.
  refused(with(config, R"("experts_per_token": 4)", R"("experts_per_token": 2)"), "E_VALUE",
          "num_experts_per_tok = 4", "experts_per_token = 2");
}

// Mistake 1 of others (BLIS: L / (step + 1)): Scout has 48 MoE layers, not 24; Maverick 24, not 16.
TEST(Llama4, MoeLayersOfScoutAndMaverick) {
  const SmoeArchitecture scout = catalog("llama-4-scout");
  EXPECT_EQ(scout.moe_layers().size(), 48u);
  const SmoeArchitecture maverick = catalog("llama-4-maverick");
  EXPECT_EQ(maverick.moe_layers().size(), 24u);
  EXPECT_EQ(maverick.moe_layers().front(), 1u);
  EXPECT_EQ(maverick.moe_layers().back(), 47u);
  EXPECT_EQ(std::get<DenseFfn>(maverick.layers[0].ffn).intermediate, 16384);
  const MoeFfn& moe = moe_of(maverick, 1);
  EXPECT_EQ(moe.experts, 128);
  EXPECT_EQ(moe.top_k, 1);
  EXPECT_EQ(moe.intermediate, 8192);
  EXPECT_EQ(moe.shared_intermediate, 8192);  // no field says so
  EXPECT_EQ(moe.router.scoring, RouterScoring::sigmoid);
  EXPECT_EQ(gqa_of(maverick, 0).window, 8192);
  EXPECT_EQ(gqa_of(maverick, 3).window, std::nullopt);  // every fourth layer attends to all
  EXPECT_THAT(maverick.origin.at("shared_intermediate"), HasSubstr("always one shared expert"));
  EXPECT_EQ(maverick.origin.at("experts"), "text_config.num_local_experts = 128");
  EXPECT_THAT(maverick.warnings, Contains(HasSubstr("vision_config")));
}

std::string small_llama4(const std::string& which) {
  return R"({"model_type": "llama4_text", "hidden_size": 64, "vocab_size": 100,
    "max_position_embeddings": 512, "num_hidden_layers": 6, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 32,
    "intermediate_size_mlp": 128, "num_local_experts": 4, "num_experts_per_tok": 1,
    "torch_dtype": "bfloat16", )" +
         which + "}";
}

// range(step - 1, layers, step); a list wins over the step.
TEST(Llama4, StepAndList) {
  EXPECT_THAT(read_config(small_llama4(R"("interleave_moe_layer_step": 2)")).moe_layers(),
              ElementsAre(1, 3, 5));
  EXPECT_THAT(read_config(small_llama4(R"("interleave_moe_layer_step": 3)")).moe_layers(),
              ElementsAre(2, 5));
  EXPECT_THAT(read_config(small_llama4(R"("interleave_moe_layer_step": 1,
                                            "moe_layers": [0, 4])"))
                  .moe_layers(),
              ElementsAre(0, 4));
  refused(small_llama4(R"("moe_layers": [0, 6])"), "E_VALUE", "layer 6", "num_hidden_layers is 6");
  refused(small_llama4(R"("no_rope_layers": [1, 0])"), "E_VALUE", "no_rope_layers has 2 entries");
  // Dense layers have a width of their own: without it the model is not read with the experts'.
  refused(with(small_llama4(R"("interleave_moe_layer_step": 2)"),
               R"("intermediate_size_mlp": 128,)", ""),
          "E_MISSING", "intermediate_size_mlp");
}

TEST(Glm4Moe, GroupedQueriesFirstDenseLayersAndPredictionLayer) {
  const SmoeArchitecture a = catalog("glm-4.5-air");
  EXPECT_EQ(a.layers.size(), 46u);
  EXPECT_EQ(a.moe_layers().size(), 45u);
  EXPECT_EQ(a.moe_layers().front(), 1u);
  EXPECT_EQ(gqa_of(a, 0),
            (GroupedQueryAttention{.heads = 96, .kv_heads = 8, .head_dim = 128, .qkv_bias = true}));
  EXPECT_EQ(std::get<DenseFfn>(a.layers[0].ffn).intermediate, 10944);
  EXPECT_EQ(moe_of(a, 1).shared_intermediate, 1408);
  EXPECT_TRUE(moe_of(a, 1).router.correction_bias);
  EXPECT_THAT(a.warnings, ElementsAre(HasSubstr("1 multi-token-prediction layer")));
  EXPECT_EQ(catalog("glm-4.5").moe_layers().front(), 3u);
  EXPECT_TRUE(gqa_of(catalog("glm-4.5"), 0).qk_norm);
}

TEST(MinimaxM2, AllLayersMoeWithBlockFp8) {
  const SmoeArchitecture a = catalog("minimax-m2");
  EXPECT_EQ(a.moe_layers().size(), 62u);
  EXPECT_EQ(moe_of(a, 61).intermediate, 1536);
  EXPECT_EQ(gqa_of(a, 0).head_dim, 128);  // not 3072 / 48 = 64
  EXPECT_TRUE(gqa_of(a, 0).qk_norm_whole);
  EXPECT_EQ(a.weight_precision, Precision::fp8_block);
  EXPECT_THAT(a.warnings, ElementsAre(HasSubstr("3 multi-token-prediction layer")));
}

std::string small_ernie(const std::string& which) {
  return R"({"model_type": "ernie4_5_moe", "hidden_size": 64, "vocab_size": 100,
    "max_position_embeddings": 512, "num_hidden_layers": 8, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": null, "intermediate_size": 128,
    "moe_intermediate_size": 32, "moe_num_experts": 16, "moe_k": 6, "torch_dtype": "bfloat16", )" +
         which + "}";
}

TEST(Ernie, LayersFromStartEndAndInterval) {
  const SmoeArchitecture a = catalog("ernie-4.5-21b-a3b");
  EXPECT_EQ(a.moe_layers().size(), 27u);
  EXPECT_EQ(moe_of(a, 1).top_k, 6);
  EXPECT_EQ(moe_of(a, 1).shared_intermediate, 2 * 1536);
  EXPECT_EQ(std::get<DenseFfn>(a.layers[0].ffn).intermediate, 12288);
  EXPECT_TRUE(a.tied_embeddings);
  EXPECT_EQ(catalog("ernie-4.5-300b-a47b").moe_layers().front(), 3u);
  // (i + 1) % 2 == 0 and 2 <= i <= 6: 3, 5; -1 is the last layer: 3, 5, 7.
  EXPECT_THAT(read_config(small_ernie(R"("moe_layer_interval": 2, "moe_layer_start_index": 2,
                                         "moe_layer_end_index": 6)"))
                  .moe_layers(),
              ElementsAre(3, 5));
  EXPECT_THAT(read_config(small_ernie(R"("moe_layer_interval": 2, "moe_layer_start_index": 2,
                                         "moe_layer_end_index": -1)"))
                  .moe_layers(),
              ElementsAre(3, 5, 7));
  refused(small_ernie(R"("moe_layer_start_index": 5, "moe_layer_end_index": 4)"), "E_VALUE",
          "no layer is MoE", "start 5", "end 4");
  refused(small_ernie(R"("moe_layer_end_index": 8)"), "E_VALUE", "moe_layer_end_index 8",
          "8 layers");
}

// Ernie-VL writes one entry per modality: the first is the text experts'.
TEST(Ernie, ListsTakeTheFirstEntryAndSaySo) {
  const std::string config =
      with(with(small_ernie(R"("moe_layer_start_index": [1, 2], "moe_layer_end_index": [7, 7])"),
                R"("moe_num_experts": 16)", R"("moe_num_experts": [16, 8])"),
           R"("moe_intermediate_size": 32)", R"("moe_intermediate_size": [32, 8])");
  const SmoeArchitecture a = read_config(config);
  EXPECT_EQ(moe_of(a, 1).experts, 16);
  EXPECT_EQ(moe_of(a, 1).intermediate, 32);
  EXPECT_EQ(a.moe_layers().size(), 7u);
  EXPECT_THAT(a.warnings, Contains(HasSubstr("moe_num_experts is a list of 2 different values")));
}

// The sub-configs carry transformers' defaults: tie_word_embeddings true and top_k 50 mean nothing.
TEST(Dbrx, SubConfigsWithTheirJunk) {
  const std::string config = R"({"model_type": "dbrx", "d_model": 6144, "vocab_size": 100352,
    "max_seq_len": 32768, "n_layers": 40, "n_heads": 48, "tie_word_embeddings": false,
    "router_aux_loss_coef": 0.05, "torch_dtype": "bfloat16",
    "attn_config": {"kv_n_heads": 8, "clip_qkv": 8, "top_k": 50, "tie_word_embeddings": true,
                    "torch_dtype": null, "model_type": ""},
    "ffn_config": {"ffn_hidden_size": 10752, "moe_num_experts": 16, "moe_top_k": 4, "top_k": 50,
                   "moe_jitter_eps": 0, "moe_loss_weight": 0.05, "moe_normalize_expert_weights": 1,
                   "uniform_expert_assignment": false, "tie_word_embeddings": true,
                   "model_type": ""}})";
  const SmoeArchitecture a = read_config(config);
  EXPECT_FALSE(a.tied_embeddings);
  EXPECT_EQ(a.moe_layers().size(), 40u);
  EXPECT_EQ(moe_of(a, 0).experts, 16);
  EXPECT_EQ(moe_of(a, 0).top_k, 4);
  EXPECT_EQ(moe_of(a, 0).intermediate, 10752);
  EXPECT_TRUE(moe_of(a, 0).router.normalise_top_k);
  EXPECT_EQ(gqa_of(a, 0), (GroupedQueryAttention{.heads = 48, .kv_heads = 8, .head_dim = 128}));
  EXPECT_EQ(a.origin.at("experts"), "ffn_config.moe_num_experts = 16");
  EXPECT_THAT(a.warnings, ::testing::IsEmpty());
  EXPECT_EQ(a.layers, catalog("dbrx").layers);
  refused(with(config, "ffn_config", "ffn_conf"), "E_MISSING", "ffn_config");
}

// Kimi-K2 is DeepSeek-V3's shape with one dense layer, half the heads and no groups.
TEST(KimiK2, ShapeOfDeepseekV3) {
  const SmoeArchitecture a = catalog("kimi-k2");
  EXPECT_EQ(a.model_type, "kimi_k2");
  EXPECT_EQ(a.moe_layers().size(), 60u);
  EXPECT_EQ(moe_of(a, 1).experts, 384);
  EXPECT_EQ(moe_of(a, 1).router.groups, 1);
  EXPECT_TRUE(moe_of(a, 1).router.correction_bias);
  EXPECT_EQ(std::get<models::LatentAttention>(a.layers[0].attention).heads, 64);
  EXPECT_EQ(models::kv_bytes_per_token(a, Precision::bf16), Bytes(61.0 * 576.0 * 2.0));
  EXPECT_THAT(a.warnings, ::testing::IsEmpty());
}

// MiMo-V2-Flash and GLM-5.2 list the layers one by one.
TEST(LayerLists, FrequencyListAndLayerTypes) {
  const std::string six =
      with(full_deepseek_v3(), R"("num_hidden_layers": 61)", R"("num_hidden_layers": 6)");
  const std::string listed =
      with(with(six, R"("moe_layer_freq": 1)", R"("moe_layer_freq": [0, 1, 1, 0, 1, 1])"),
           R"("first_k_dense_replace": 3,)", "");
  EXPECT_THAT(read_config(listed).moe_layers(), ElementsAre(1, 2, 4, 5));
  refused(with(listed, "[0, 1, 1, 0, 1, 1]", "[0, 1, 1]"), "E_VALUE",
          "moe_layer_freq has 3 entries", "num_hidden_layers is 6");
  const std::string types =
      with(six, R"("moe_layer_freq": 1)",
           R"("moe_layer_freq": 1, "mlp_layer_types": ["dense", "sparse", "dense", "sparse",
              "sparse", "sparse"])");
  EXPECT_THAT(read_config(types).moe_layers(), ElementsAre(1, 3, 4, 5));
  refused(with(types, R"(["dense", "sparse", "dense")", R"(["dense", "sparse", "moe")"), "E_VALUE",
          "layer 2", "moe");
}

}  // namespace
}  // namespace moeplan::tests
