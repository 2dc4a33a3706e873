// Families whose layers differ in their attention, not only in their feed-forward network: heads
// of another number or size in sliding-window layers (formats.md 1.1: MiMo-V2-Flash, gemma4_text,
// step3.7). Configs are the catalog's.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architecture/counts.hpp"
#include "models/architecture/read_architecture.hpp"
#include "models/text/load.hpp"
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

std::string config_of(const std::string& id) {
  return text::read_file(data_dir() / "architectures" / (id + ".json"));
}
std::vector<std::size_t> full_layers(const SmoeArchitecture& a) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    if (!gqa_of(a, i).window) {
      found.push_back(i);
    }
  }
  return found;
}
template <class... Parts>
void refused(const std::string& json, const std::string& code, const Parts&... parts) {
  expect_input_error([&] { read_config(json); }, code, parts...);
}

// hybrid_layer_pattern 0 = full (4 KV heads), 1 = window of 128 (8 KV heads); keys of 192 and
// values of 128. A full layer has 4096 x (64 x 192 + 4 x 192 + 4 x 128 + 64 x 128) weights.
TEST(MimoV2Flash, KeysAndValuesOfTwoSizes) {
  const SmoeArchitecture a = read_config(config_of("mimo-v2-flash"));
  EXPECT_THAT(full_layers(a), ElementsAre(0, 5, 11, 17, 23, 29, 35, 41, 47));
  EXPECT_EQ(a.moe_layers().size(), 47u);
  EXPECT_EQ(a.moe_layers().front(), 1u);
  EXPECT_EQ(gqa_of(a, 1).window, 128);
  EXPECT_EQ(gqa_of(a, 1).kv_heads, 8);
  EXPECT_EQ(models::layer_parameters(a, a.layers[0]).attention,
            4096 * (64 * 192 + 4 * 192 + 4 * 128 + 64 * 128));
  EXPECT_EQ(models::kv_bytes_per_token(a.layers[0].attention, Precision::bf16),
            Bytes(4.0 * (192.0 + 128.0) * 2.0));
  // Scores 2 x 64 x 192, values 2 x 64 x 128.
  EXPECT_EQ(models::attention_flops_per_key(a.layers[0].attention, models::AttentionPhase::decode),
            Flops(2.0 * 64.0 * (192.0 + 128.0)));
  EXPECT_EQ(moe_of(a, 1).experts, 256);
  EXPECT_EQ(moe_of(a, 1).shared_intermediate, 0);  // n_shared_experts null
  EXPECT_EQ(moe_of(a, 1).router.scoring, RouterScoring::sigmoid);
  EXPECT_EQ(std::get<DenseFfn>(a.layers[0].ffn).intermediate, 16384);
  EXPECT_THAT(a.warnings, Contains(HasSubstr("192 and value heads of 128 are costed as 160")));
}

TEST(MimoV2Flash, Refusals) {
  const std::string config = config_of("mimo-v2-flash");
  refused(with(config, "\"hybrid_layer_pattern\": [0, 1,", "\"hybrid_layer_pattern\": [0,"),
          "E_VALUE", "hybrid_layer_pattern has 47 entries", "num_hidden_layers is 48");
  refused(with(config, "\"hybrid_layer_pattern\"", "\"hybrid_pattern\""), "E_MISSING",
          "hybrid_layer_pattern");
  refused(with(config, "\"swa_v_head_dim\": 128", "\"swa_v_head_dim\": 127"), "E_VALUE",
          "swa_v_head_dim 127 is odd");
  refused(with(config, "\"swa_num_key_value_heads\": 8", "\"swa_num_key_value_heads\": 7"),
          "E_VALUE", "swa_num_attention_heads 64", "swa_num_key_value_heads 7");
  refused(without_line(config, "\"sliding_window\""), "E_MISSING", "sliding_window_size");
}

// Every sixth layer full: heads of 512, 2 KV heads, keys as values (one projection less, the cache
// holds both); a dense FFN of 2112 beside the 128 experts.
TEST(Gemma4, FullLayersWithHeadsOfTheirOwn) {
  const SmoeArchitecture a = read_config(config_of("gemma-4-26b-a4b"));
  EXPECT_THAT(full_layers(a), ElementsAre(5, 11, 17, 23, 29));
  EXPECT_EQ(gqa_of(a, 0).head_dim, 256);
  EXPECT_EQ(gqa_of(a, 0).window, 1024);
  EXPECT_EQ(gqa_of(a, 5).head_dim, 512);
  EXPECT_EQ(gqa_of(a, 5).kv_heads, 2);
  EXPECT_EQ(models::layer_parameters(a, a.layers[0]).attention, 2 * 2816 * (16 * 256 + 8 * 256));
  EXPECT_EQ(models::layer_parameters(a, a.layers[5]).attention, 2816 * (2 * 16 * 512 + 2 * 512));
  EXPECT_EQ(models::kv_bytes_per_token(a.layers[5].attention, Precision::bf16),
            Bytes(2.0 * 2.0 * 512.0 * 2.0));
  EXPECT_EQ(a.moe_layers().size(), 30u);
  EXPECT_EQ(moe_of(a, 0).top_k, 8);
  EXPECT_EQ(moe_of(a, 0).intermediate, 704);
  EXPECT_EQ(moe_of(a, 0).shared_intermediate, 2112);
  EXPECT_TRUE(a.tied_embeddings);
  EXPECT_EQ(a.origin.at("top_k"), "text_config.top_k_experts = 8");
}

// Gemma-4-31B is the dense sister: its expert keys are null. Without layer_types every sixth layer
// and the last one are full.
TEST(Gemma4, DenseSisterAndDefaultLayers) {
  const std::string config =
      with(with(config_of("gemma-4-26b-a4b"), "\"num_experts\": 128", "\"num_experts\": null"),
           "\"enable_moe_block\": true", "\"enable_moe_block\": false");
  const SmoeArchitecture dense =
      read_config(with(config, "\"top_k_experts\": 8", "\"top_k_experts\": null"));
  EXPECT_FALSE(dense.is_moe());
  EXPECT_EQ(std::get<DenseFfn>(dense.layers[0].ffn).intermediate, 2112);
  const SmoeArchitecture short_one =
      read_config(with(without_line(config_of("gemma-4-26b-a4b"), "\"layer_types\""),
                       "\"num_hidden_layers\": 30", "\"num_hidden_layers\": 8"));
  EXPECT_THAT(full_layers(short_one), ElementsAre(5, 7));
}

TEST(Gemma4, SmallVariantsAreRefusedByTheirKeys) {
  const std::string config = config_of("gemma-4-26b-a4b");
  refused(with(config, "\"num_kv_shared_layers\": 0", "\"num_kv_shared_layers\": 20"), "E_VALUE",
          "the last 20 layers use the KV cache of earlier ones");
  refused(
      with(config, "\"hidden_size_per_layer_input\": 0", "\"hidden_size_per_layer_input\": 256"),
      "E_VALUE", "every layer has embeddings of its own");
  refused(with(config, "\"use_double_wide_mlp\": false", "\"use_double_wide_mlp\": true"),
          "E_VALUE", "twice the width");
}

// Full layers 0, 4, ..., 44 with 64 heads, the others 96; share_expert_dim is the shared expert;
// moe_layers_enum is text. layer_types may go on with the prediction layers.
TEST(Step3, HeadsFromTheOtherSettingAndLayersFromText) {
  const SmoeArchitecture a = read_config(config_of("step-3.7-flash"));
  EXPECT_EQ(a.model_type, "step3p5");
  EXPECT_EQ(full_layers(a).size(), 12u);
  EXPECT_EQ(gqa_of(a, 0).heads, 64);
  EXPECT_EQ(gqa_of(a, 0).kv_heads, 8);
  EXPECT_EQ(gqa_of(a, 1).heads, 96);
  EXPECT_EQ(gqa_of(a, 1).window, 512);
  EXPECT_EQ(a.moe_layers().size(), 42u);
  EXPECT_EQ(a.moe_layers().front(), 3u);
  EXPECT_EQ(moe_of(a, 3).experts, 288);
  EXPECT_EQ(moe_of(a, 3).shared_intermediate, 1280);
  EXPECT_EQ(std::get<DenseFfn>(a.layers[0].ffn).intermediate, 11264);
  EXPECT_EQ(a.origin.at("sliding_num_attention_heads"),
            "attention_other_setting.num_attention_heads = 96");
  EXPECT_THAT(a.warnings, Contains(HasSubstr("3 multi-token-prediction layer")));
  EXPECT_THAT(a.warnings, Contains(HasSubstr("gate on each attention head")));
  // As a list of numbers, and with fewer layers than layer_types has entries.
  const std::string config =
      with(config_of("step-3.7-flash"), "\"num_hidden_layers\": 45", "\"num_hidden_layers\": 6");
  const std::size_t begin = config.find("\"3,4,5");
  const std::string listed = config.substr(begin, config.find('"', begin + 1) + 1 - begin);
  const SmoeArchitecture shorter = read_config(with(config, listed, "[3, 5]"));
  EXPECT_THAT(shorter.moe_layers(), ElementsAre(3, 5));
}

TEST(Step3, Refusals) {
  const std::string config = config_of("step-3.7-flash");
  refused(with(config, "\"3,4,5,", "\"3,four,5,"), "E_VALUE", "'four' is no layer");
  refused(with(config, "\"num_hidden_layers\": 45", "\"num_hidden_layers\": 44"), "E_VALUE",
          "moe_layers_enum names layer 44", "num_hidden_layers is 44");
  refused(with(config, "[\"full_attention\", \"sliding_attention\"",
               "[\"full_attention\", \"linear_attention\""),
          "E_VALUE", "layer 1 has type 'linear_attention'");
  refused(with(config, "\"num_hidden_layers\": 45", "\"num_hidden_layers\": 46"), "E_VALUE",
          "layer_types has 45 entries", "num_hidden_layers is 46");
}

}  // namespace
}  // namespace moeplan::tests
