// Genuine configs are understood: every family, synonym and layer rule (formats.md 1.1).

#include "models/architecture/hf_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architecture/counts.hpp"
#include "tests/models/architecture/configs.hpp"

namespace moeplan::tests {
namespace {

using models::DenseFfn;
using models::GroupedQueryAttention;
using models::LatentAttention;
using models::MoeFfn;
using models::Precision;
using models::SmoeArchitecture;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(HfConfig, Qwen3MoeWithItsFullKeySet) {
  const SmoeArchitecture a = read_config(full_qwen3_moe());
  EXPECT_EQ(a.model_type, "qwen3_moe");
  EXPECT_EQ(a.hidden, 2048);
  EXPECT_EQ(a.vocabulary, 151936);
  EXPECT_EQ(a.max_positions, 40960);
  EXPECT_FALSE(a.tied_embeddings);
  EXPECT_FALSE(a.layer_norm);
  EXPECT_EQ(a.weight_precision, Precision::bf16);
  EXPECT_EQ(a.layers.size(), 48u);
  EXPECT_EQ(a.moe_layers().size(), 48u);
  EXPECT_EQ(gqa_of(a),
            (GroupedQueryAttention{.heads = 32, .kv_heads = 4, .head_dim = 128, .qk_norm = true}));
  const MoeFfn& moe = moe_of(a, 47);
  EXPECT_EQ(moe.experts, 128);
  EXPECT_EQ(moe.top_k, 8);
  EXPECT_EQ(moe.intermediate, 768);
  EXPECT_TRUE(moe.gated);
  EXPECT_EQ(moe.shared_intermediate, 0);
  EXPECT_TRUE(moe.router.normalise_top_k);
  EXPECT_THAT(a.warnings, IsEmpty());
  EXPECT_EQ(a.origin.at("experts"), "num_experts = 128");
  EXPECT_EQ(a.origin.at("head_dim"), "head_dim = 128");
}

TEST(HfConfig, DenseLayersOfQwenMoe) {
  // Layer i is MoE when (i + 1) % 2 == 0 and it is not named: 1, 3, 5, ... without 3.
  const SmoeArchitecture a = read_config(with(
      with(with(full_qwen3_moe(), R"("decoder_sparse_step": 1)", R"("decoder_sparse_step": 2)"),
           R"("mlp_only_layers": [])", R"("mlp_only_layers": [3, 4])"),
      R"("num_hidden_layers": 48)", R"("num_hidden_layers": 8)"));
  EXPECT_THAT(a.moe_layers(), ElementsAre(1, 5, 7));
  EXPECT_EQ(std::get<DenseFfn>(a.layers[3].ffn).intermediate, 6144);
}

// transformers 5 writes num_local_experts, dtype and rope_parameters, and null pad tokens.
TEST(HfConfig, NamesOfTransformersFive) {
  const SmoeArchitecture a = read_config(
      with(with(full_qwen3_moe(), R"("num_experts": 128)", R"("num_local_experts": 128)"),
           R"("torch_dtype": "bfloat16")", R"("dtype": "float16", "pad_token_id": null)"));
  EXPECT_EQ(moe_of(a, 0).experts, 128);
  EXPECT_EQ(a.origin.at("experts"), "num_local_experts = 128");
  EXPECT_EQ(a.weight_precision, Precision::fp16);
}

// The shared expert of Qwen3-Coder is there with width 0.
TEST(HfConfig, SharedExpertOfWidthZeroIsNone) {
  const SmoeArchitecture a = read_config(
      with(full_qwen3_moe(), R"("use_cache": true)", R"("shared_expert_intermediate_size": 0)"));
  EXPECT_EQ(moe_of(a, 0).shared_experts, 0);
  EXPECT_THAT(a.warnings, IsEmpty());
}

TEST(HfConfig, Mixtral) {
  const SmoeArchitecture a = read_config(full_mixtral());
  EXPECT_EQ(a.moe_layers().size(), 32u);
  EXPECT_EQ(moe_of(a, 0).experts, 8);
  EXPECT_EQ(moe_of(a, 0).top_k, 2);
  EXPECT_EQ(moe_of(a, 0).intermediate, 14336);
  EXPECT_EQ(gqa_of(a), (GroupedQueryAttention{.heads = 32, .kv_heads = 8, .head_dim = 128}));
  EXPECT_EQ(a.origin.at("experts"), "num_local_experts = 8");
  EXPECT_EQ(a.origin.at("head_dim"), "hidden_size / num_attention_heads = 128");
  EXPECT_THAT(a.warnings, IsEmpty());
}

TEST(HfConfig, MixtralWithWindow) {
  const SmoeArchitecture a =
      read_config(with(full_mixtral(), R"("sliding_window": null)", R"("sliding_window": 4096)"));
  EXPECT_EQ(gqa_of(a, 31).window, 4096);
}

TEST(HfConfig, Llama) {
  const SmoeArchitecture a = read_config(full_llama());
  EXPECT_FALSE(a.is_moe());
  EXPECT_EQ(a.layers.size(), 32u);
  EXPECT_EQ(std::get<DenseFfn>(a.layers[0].ffn).intermediate, 14336);
  EXPECT_EQ(gqa_of(a).head_dim, 128);
  EXPECT_EQ(a.vocabulary, 128256);
  EXPECT_THAT(a.warnings, IsEmpty());
}

// Llama 2 7B states no num_key_value_heads: multi-head attention.
TEST(HfConfig, LlamaWithoutKvHeads) {
  const SmoeArchitecture a = read_config(without_line(full_llama(), "num_key_value_heads"));
  EXPECT_EQ(gqa_of(a).kv_heads, 32);
  EXPECT_THAT(a.origin.at("kv_heads"), HasSubstr("default"));
}

TEST(HfConfig, Qwen2HasQkvBiasAndASwitchedOffWindow) {
  const std::string json = R"({"model_type": "qwen2", "hidden_size": 5120,
    "intermediate_size": 27648, "max_position_embeddings": 131072, "max_window_layers": 64,
    "num_attention_heads": 40, "num_hidden_layers": 64, "num_key_value_heads": 8,
    "sliding_window": 131072, "torch_dtype": "bfloat16", "use_sliding_window": false,
    "vocab_size": 152064, "tie_word_embeddings": false})";
  const SmoeArchitecture off = read_config(json);
  EXPECT_TRUE(gqa_of(off).qkv_bias);
  EXPECT_FALSE(gqa_of(off).output_bias);
  EXPECT_FALSE(gqa_of(off).window);
  // Switched on, layers 60 to 63 have it.
  const SmoeArchitecture on = read_config(
      with(with(json, R"("use_sliding_window": false)", R"("use_sliding_window": true)"),
           R"("max_window_layers": 64)", R"("max_window_layers": 60)"));
  EXPECT_FALSE(gqa_of(on, 59).window);
  EXPECT_EQ(gqa_of(on, 60).window, 131072);
}

TEST(HfConfig, LayerTypesWin) {
  const std::string json = R"({"model_type": "qwen3", "hidden_size": 64, "head_dim": 32,
    "intermediate_size": 96, "max_position_embeddings": 512, "max_window_layers": 9,
    "num_attention_heads": 4, "num_hidden_layers": 3, "num_key_value_heads": 2,
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    "sliding_window": 128, "torch_dtype": "float32", "use_sliding_window": true,
    "vocab_size": 100, "tie_word_embeddings": true})";
  const SmoeArchitecture a = read_config(json);
  EXPECT_EQ(gqa_of(a, 0).window, 128);
  EXPECT_FALSE(gqa_of(a, 1).window);
  EXPECT_TRUE(gqa_of(a, 1).qk_norm);
  EXPECT_TRUE(a.tied_embeddings);
  EXPECT_EQ(a.weight_precision, Precision::fp32);
}

TEST(HfConfig, Qwen2MoeSharedExpert) {
  const SmoeArchitecture a = read_config(R"({"architectures": ["Qwen2MoeForCausalLM"],
    "model_type": "qwen2_moe", "decoder_sparse_step": 1, "hidden_size": 2048,
    "intermediate_size": 5632, "max_position_embeddings": 8192, "max_window_layers": 21,
    "moe_intermediate_size": 1408, "norm_topk_prob": false, "num_attention_heads": 16,
    "num_experts": 60, "num_experts_per_tok": 4, "num_hidden_layers": 24,
    "num_key_value_heads": 16, "output_router_logits": false, "router_aux_loss_coef": 0.001,
    "shared_expert_intermediate_size": 5632, "sliding_window": 32768,
    "tie_word_embeddings": false, "torch_dtype": "bfloat16", "use_sliding_window": false,
    "vocab_size": 151936})");
  EXPECT_EQ(moe_of(a, 0).shared_intermediate, 5632);
  EXPECT_TRUE(moe_of(a, 0).shared_gate);
  EXPECT_FALSE(moe_of(a, 0).router.normalise_top_k);
  EXPECT_TRUE(gqa_of(a).qkv_bias);
  EXPECT_THAT(a.warnings, IsEmpty());
}

TEST(HfConfig, Olmoe) {
  const SmoeArchitecture a = read_config(R"({"model_type": "olmoe", "attention_bias": false,
    "clip_qkv": null, "hidden_size": 2048, "intermediate_size": 1024,
    "max_position_embeddings": 4096, "norm_topk_prob": false, "num_attention_heads": 16,
    "num_experts": 64, "num_experts_per_tok": 8, "num_hidden_layers": 16,
    "num_key_value_heads": 16, "output_router_logits": false, "router_aux_loss_coef": 0.01,
    "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": 50304})");
  EXPECT_EQ(a.moe_layers().size(), 16u);
  EXPECT_EQ(moe_of(a, 0).intermediate, 1024);
  EXPECT_TRUE(gqa_of(a).qk_norm_whole);
}

TEST(HfConfig, DeepseekV3) {
  const SmoeArchitecture a = read_config(full_deepseek_v3());
  EXPECT_EQ(a.layers.size(), 61u);
  EXPECT_EQ(a.moe_layers().size(), 58u);
  EXPECT_EQ(a.moe_layers().front(), 3u);
  EXPECT_EQ(std::get<DenseFfn>(a.layers[0].ffn).intermediate, 18432);
  const LatentAttention& mla = std::get<LatentAttention>(a.layers[0].attention);
  EXPECT_EQ(mla, (LatentAttention{.heads = 128,
                                  .q_lora_rank = 1536,
                                  .kv_lora_rank = 512,
                                  .qk_nope_head_dim = 128,
                                  .qk_rope_head_dim = 64,
                                  .v_head_dim = 128}));
  const MoeFfn& moe = moe_of(a, 3);
  EXPECT_EQ(moe.experts, 256);
  EXPECT_EQ(moe.shared_experts, 1);
  EXPECT_EQ(moe.shared_intermediate, 2048);
  EXPECT_EQ(moe.router.groups, 8);
  EXPECT_EQ(moe.router.groups_kept, 4);
  EXPECT_TRUE(moe.router.correction_bias);
  EXPECT_EQ(moe.router.scoring, models::RouterScoring::sigmoid);
  EXPECT_EQ(a.weight_precision, Precision::fp8_block);
  EXPECT_THAT(a.warnings, ElementsAre(HasSubstr("multi-token-prediction")));
}

TEST(HfConfig, DeepseekListOfMoeLayersAndNullSharedExperts) {
  std::string json = full_deepseek_v3();
  json = with(json, R"("num_hidden_layers": 61)", R"("num_hidden_layers": 4)");
  json = with(json, R"("moe_layer_freq": 1)", R"("moe_layer_freq": [0, 1, 0, 1])");
  json = with(json, R"("first_k_dense_replace": 3)", R"("first_k_dense_replace": null)");
  json = with(json, R"("n_shared_experts": 1)", R"("n_shared_experts": null)");
  const SmoeArchitecture a = read_config(json);
  EXPECT_THAT(a.moe_layers(), ElementsAre(1, 3));
  EXPECT_EQ(moe_of(a, 1).shared_intermediate, 0);
}

// DeepSeek-V2-Lite: q without a low rank, greedy routing ignores the groups.
TEST(HfConfig, DeepseekV2Lite) {
  const SmoeArchitecture a = read_config(R"({"model_type": "deepseek_v2", "aux_loss_alpha": 0.001,
    "first_k_dense_replace": 1, "hidden_size": 2048, "intermediate_size": 10944,
    "kv_lora_rank": 512, "max_position_embeddings": 163840, "moe_intermediate_size": 1408,
    "moe_layer_freq": 1, "n_group": 1, "n_routed_experts": 64, "n_shared_experts": 2,
    "norm_topk_prob": false, "num_attention_heads": 16, "num_experts_per_tok": 6,
    "num_hidden_layers": 27, "num_key_value_heads": 16, "q_lora_rank": null,
    "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "routed_scaling_factor": 1.0,
    "scoring_func": "softmax", "seq_aux": true, "tie_word_embeddings": false, "topk_group": 1,
    "topk_method": "greedy", "torch_dtype": "bfloat16", "v_head_dim": 128,
    "vocab_size": 102400})");
  EXPECT_FALSE(std::get<LatentAttention>(a.layers[0].attention).q_lora_rank);
  EXPECT_EQ(a.moe_layers().size(), 26u);
  EXPECT_EQ(moe_of(a, 1).shared_intermediate, 2816);
  EXPECT_FALSE(moe_of(a, 1).router.correction_bias);
}

// GPT-2's own file has neither model_type nor torch_dtype.
TEST(HfConfig, Gpt2WithoutModelType) {
  const SmoeArchitecture a = read_config(R"({"architectures": ["GPT2LMHeadModel"],
    "attn_pdrop": 0.1, "layer_norm_epsilon": 1e-05, "n_ctx": 1024, "n_embd": 1024, "n_head": 16,
    "n_layer": 24, "n_positions": 1024, "n_special": 0, "vocab_size": 50257})");
  EXPECT_EQ(a.model_type, "gpt2");
  EXPECT_TRUE(a.tied_embeddings);
  EXPECT_TRUE(a.learned_positions);
  EXPECT_EQ(std::get<DenseFfn>(a.layers[23].ffn),
            (DenseFfn{.intermediate = 4096, .gated = false, .bias = true}));
  EXPECT_THAT(a.warnings, ElementsAre(HasSubstr("torch_dtype")));
}

TEST(HfConfig, TextConfigComesFirst) {
  const SmoeArchitecture a = read_config(R"({"model_type": "mistral3", "vision_config": {"n": 1},
    "hidden_size": 9, "torch_dtype": "bfloat16", "text_config": {"model_type": "mistral",
    "hidden_size": 5120, "intermediate_size": 32768, "num_attention_heads": 32, "head_dim": 128,
    "num_hidden_layers": 40, "num_key_value_heads": 8, "max_position_embeddings": 131072,
    "vocab_size": 131072, "sliding_window": null}})");
  EXPECT_EQ(a.hidden, 5120);
  EXPECT_EQ(gqa_of(a).head_dim, 128);  // wins over 5120 / 32 = 160
  EXPECT_EQ(a.origin.at("hidden"), "text_config.hidden_size = 5120");
  EXPECT_EQ(a.origin.at("weight_precision"), "torch_dtype = bfloat16");
  EXPECT_THAT(a.warnings, ElementsAre(HasSubstr("vision_config")));
}

// --- quantisation ---

std::string quantised(const std::string& config) {
  return with(full_qwen3_moe(), R"("use_cache": true)", R"("quantization_config": )" + config);
}

TEST(HfConfig, BlockFp8OfQwen3) {
  const SmoeArchitecture a = read_config(quantised(R"({"activation_scheme": "dynamic",
    "fmt": "e4m3", "quant_method": "fp8", "weight_block_size": [128, 128],
    "modules_to_not_convert": ["lm_head", "model.layers.0.input_layernorm",
    "model.layers.0.mlp.gate", "model.layers.0.post_attention_layernorm"]})"));
  EXPECT_EQ(a.weight_precision, Precision::fp8_block);
  EXPECT_THAT(a.warnings, IsEmpty());
}

TEST(HfConfig, QuantisationMethods) {
  const auto precision = [](const std::string& config) {
    return read_config(quantised(config)).weight_precision;
  };
  EXPECT_EQ(precision("null"), Precision::bf16);
  EXPECT_EQ(precision(R"({"quant_method": "fp8", "activation_scheme": "static"})"), Precision::fp8);
  EXPECT_EQ(precision(R"({"quant_method": "awq", "bits": 4, "group_size": 128})"),
            Precision::w4a16);
  EXPECT_EQ(precision(R"({"quant_method": "modelopt", "quant_algo": "NVFP4"})"), Precision::nvfp4);
  const std::string int8 = R"({"quant_method": "compressed-tensors", "config_groups": {"group_0":
    {"weights": {"num_bits": 8, "type": "int", "strategy": "channel", "group_size": null},
     "input_activations": {"num_bits": 8, "type": "int"}}}})";
  EXPECT_EQ(precision(int8), Precision::int8);
  EXPECT_EQ(precision(with(
                with(int8, R"("num_bits": 8, "type": "int")", R"("num_bits": 8, "type": "float")"),
                "\"int\"", "\"float\"")),
            Precision::fp8);
}

TEST(HfConfig, Mxfp4IsForExpertsOnly) {
  const SmoeArchitecture a = read_config(quantised(R"({"quant_method": "mxfp4"})"));
  EXPECT_EQ(a.weight_precision, Precision::bf16);
  EXPECT_EQ(a.expert_precision, Precision::mxfp4);
  EXPECT_EQ(a.experts_in(Precision::bf16), Precision::mxfp4);
}

TEST(HfConfig, UnquantisedAttentionIsAWarning) {
  const SmoeArchitecture a = read_config(quantised(
      R"({"quant_method": "fp8", "ignored_layers": ["model.layers.0.self_attn.q_proj"]})"));
  EXPECT_THAT(a.warnings, ElementsAre(HasSubstr("self_attn.q_proj")));
}

// --- never silently dense ---

TEST(HfConfig, UnknownMoeKeysAreWarnings) {
  const SmoeArchitecture a = read_config(
      with(full_llama(), R"("use_cache": true)",
           R"("num_local_experts": 8, "router_bias": true, "top_k": 50, "moe_extra": null)"));
  EXPECT_FALSE(a.is_moe());
  EXPECT_THAT(a.warnings, ElementsAre(::testing::AllOf(HasSubstr("num_local_experts (8)"),
                                                       HasSubstr("as dense")),
                                      HasSubstr("router_bias (true)")));
}

TEST(HfConfig, FirstOfAListOfExpertCounts) {
  // Ernie-VL lists one number per modality.
  const SmoeArchitecture a =
      read_config(with(full_qwen3_moe(), R"("num_experts": 128)", R"("num_experts": [64, 32])"));
  EXPECT_EQ(moe_of(a, 0).experts, 64);
  EXPECT_THAT(a.warnings, ElementsAre(HasSubstr("the first, 64, is used")));
}

}  // namespace
}  // namespace moeplan::tests
