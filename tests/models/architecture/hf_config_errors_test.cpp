// Wrong configs are refused with both values and the keys looked for (tests.md C3 rows 8 to 13,
// 19, 24, 25).

#include <gtest/gtest.h>

#include "tests/models/architecture/configs.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::tests {
namespace {

template <class... Parts>
void refused(const std::string& json, const std::string& code, const Parts&... parts) {
  SCOPED_TRACE(json);
  expect_input_error([&] { read_config(json); }, code, parts...);
}

TEST(HfConfigErrors, UnknownModelType) {
  refused(with(full_qwen3_moe(), "qwen3_moe", "qwen3moe"), "E_VALUE", "config.json:18:17",
          "/model_type", "qwen3moe", "deepseek_v3, ernie4_5_moe", "did you mean 'qwen3_moe'?");
  refused(R"({"model_type": 7})", "E_TYPE", "/model_type", "a string");
  refused(without_line(full_llama(), "model_type"), "E_MISSING", "model_type");
  refused("[1, 2]", "E_TYPE", "a map");
}

TEST(HfConfigErrors, MissingKeysNameEverySynonym) {
  refused(without_line(full_qwen3_moe(), R"("num_experts":)"), "E_MISSING", "/num_experts",
          "looked for: num_experts, moe_num_experts, n_routed_experts, num_local_experts");
  refused(without_line(full_mixtral(), "num_experts_per_tok"), "E_MISSING",
          "num_experts_per_tok, num_experts_per_token, experts_per_token, moe_top_k, moe_k");
  refused(with(full_mixtral(), R"("num_local_experts": 8)", R"("num_local_experts": null)"),
          "E_MISSING", "num_local_experts");
  refused(with(full_llama(), R"("hidden_size")", R"("hiden_size")"), "E_MISSING",
          "is 'hiden_size' meant to be 'hidden_size'?");
  refused(without_line(full_mixtral(), "num_key_value_heads"), "E_MISSING", "kv_heads");
}

TEST(HfConfigErrors, AllProblemsAtOnce) {
  const auto problems = expect_input_error(
      [] {
        read_config(with(with(full_llama(), R"("vocab_size": 128256)", R"("vocab_size": "128256")"),
                         R"("num_hidden_layers": 32)", R"("num_hidden_layers": 32.5)"));
      },
      "E_TYPE", "/vocab_size", "remove the quotes");
  EXPECT_EQ(problems.size(), 2u);
}

TEST(HfConfigErrors, TypesAndRanges) {
  refused(with(full_qwen3_moe(), R"("num_experts": 128)", R"("num_experts": 0)"), "E_RANGE",
          "/num_experts");
  refused(with(full_qwen3_moe(), R"("num_experts": 128)", R"("num_experts": true)"), "E_TYPE",
          "/num_experts");
  refused(with(full_qwen3_moe(), R"("num_experts": 128)", R"("num_experts": -1)"), "E_RANGE",
          "/num_experts");
  refused(with(full_qwen3_moe(), R"("decoder_sparse_step": 1)", R"("decoder_sparse_step": 0)"),
          "E_RANGE", "/decoder_sparse_step");
  refused(with(full_llama(), R"("num_hidden_layers": 32)", R"("num_hidden_layers": 1000000000)"),
          "E_RANGE", "/num_hidden_layers");
  refused(with(full_qwen3_moe(), R"("mlp_only_layers": [])", R"("mlp_only_layers": 3)"), "E_TYPE",
          "/mlp_only_layers", "a list");
}

TEST(HfConfigErrors, HeadsThatDoNotDivide) {
  refused(with(full_llama(), R"("num_attention_heads": 32)", R"("num_attention_heads": 30)"),
          "E_VALUE", "hidden_size 4096", "num_attention_heads 30");
  refused(with(full_llama(), R"("num_key_value_heads": 8)", R"("num_key_value_heads": 5)"),
          "E_VALUE", "num_attention_heads 32", "num_key_value_heads 5");
}

TEST(HfConfigErrors, HeadDimConflict) {
  refused(with(full_mixtral(), R"("hidden_act": "silu")", R"("head_dim": 64)"), "E_VALUE",
          "/head_dim", "head_dim 64", "4096", "32 = 128");
  refused(with(full_deepseek_v3(), R"("use_cache": true)", R"("qk_head_dim": 256)"), "E_VALUE",
          "qk_head_dim 256", "128", "64");
}

TEST(HfConfigErrors, LayerLists) {
  refused(
      with(full_deepseek_v3(), R"("first_k_dense_replace": 3)", R"("first_k_dense_replace": 62)"),
      "E_VALUE", "first_k_dense_replace 62", "num_hidden_layers 61");
  refused(with(full_qwen3_moe(), R"("mlp_only_layers": [])", R"("mlp_only_layers": [48])"),
          "E_VALUE", "layer 48", "0 to 47");
  refused(with(full_deepseek_v3(), R"("moe_layer_freq": 1)", R"("moe_layer_freq": [1, 0])"),
          "E_VALUE", "2 entries", "61");
  refused(with(full_qwen3_moe(), R"("use_cache": true)", R"("layer_types": ["full_attention"])"),
          "E_VALUE", "1 entries", "48");
  refused(with(with(full_qwen3_moe(), R"("num_hidden_layers": 48)", R"("num_hidden_layers": 1)"),
               R"("use_cache": true)", R"("layer_types": ["linear_attention"])"),
          "E_VALUE", "linear_attention", "full_attention, sliding_attention");
}

TEST(HfConfigErrors, RouterThatCannotWork) {
  refused(with(full_qwen3_moe(), R"("num_experts": 128)", R"("num_experts": 6)"), "E_VALUE",
          "top_k 8 > 6 experts");
  refused(with(full_deepseek_v3(), R"("n_group": 8)", R"("n_group": 7)"), "E_VALUE", "256 experts",
          "n_group 7");
  refused(with(full_deepseek_v3(), R"("topk_group": 4)", R"("topk_group": 9)"), "E_VALUE",
          "topk_group 9 > n_group 8");
  refused(with(full_deepseek_v3(), R"("scoring_func": "sigmoid")", R"("scoring_func": "sigmoi")"),
          "E_VALUE", "did you mean 'sigmoid'?");
  refused(with(full_deepseek_v3(), R"("noaux_tc")", R"("greedyy")"), "E_VALUE",
          "greedy, group_limited_greedy, noaux_tc");
}

TEST(HfConfigErrors, SynonymsThatDisagree) {
  refused(with(full_qwen3_moe(), R"("use_cache": true)", R"("num_local_experts": 64)"), "E_VALUE",
          "num_experts = 128", "num_local_experts = 64");
}

TEST(HfConfigErrors, Quantisation) {
  const auto quantised = [](const std::string& config) {
    return with(full_llama(), R"("use_cache": true)", R"("quantization_config": )" + config);
  };
  refused(quantised(R"({"quant_method": "quark"})"), "E_VALUE", "/quantization_config/quant_method",
          "quark", "fp8, compressed-tensors");
  refused(quantised(R"({"group_size": 64, "bits": 4})"), "E_VALUE", "no quant_method");
  refused(quantised(R"({"quant_method": "fp8", "weight_block_size": [64, 64]})"), "E_VALUE",
          "[64, 64]", "[128, 128]");
  refused(quantised(R"({"quant_method": "awq", "bits": 4, "group_size": 64})"), "E_VALUE",
          "groups of 64", "128");
  refused(quantised(R"({"quant_method": "gptq", "bits": 8, "group_size": 128})"), "E_VALUE",
          "8 bits");
  refused(quantised(R"({"quant_method": "compressed-tensors"})"), "E_VALUE", "config_groups");
  refused(quantised("true"), "E_TYPE", "a map");
  refused(with(full_llama(), R"("bfloat16")", R"("bfloat61")"), "E_VALUE",
          "did you mean 'bfloat16'?");
}

TEST(HfConfigErrors, Overflow) {
  // 9e15 is above 2^53 = 9.007e15? No: 9e15 < 9.007e15, so the number itself is read.
  refused(with(full_qwen3_moe(), R"("hidden_size": 2048)", R"("hidden_size": 9000000000000000)"),
          "E_OVERFLOW", "2^63 - 1", "vocabulary x hidden");
  refused(with(full_qwen3_moe(), R"("moe_intermediate_size": 768)",
               R"("moe_intermediate_size": 9000000000000000)"),
          "E_OVERFLOW", "layer 0", "experts x matrices x hidden x intermediate",
          "128 x 3 x 2048 x 9000000000000000");
  refused(with(full_qwen3_moe(), R"("max_position_embeddings": 40960)",
               R"("max_position_embeddings": 1000000000000000)"),
          "E_OVERFLOW", "max_positions x top_k x hidden");
  // Beyond 2^53 the number itself is refused.
  refused(with(full_qwen3_moe(), R"("hidden_size": 2048)", R"("hidden_size": 1e18)"), "E_OVERFLOW",
          "/hidden_size");
}

}  // namespace
}  // namespace moeplan::tests
