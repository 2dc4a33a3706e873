// What `moeplan inspect model` prints.

#include "app/inspect_model.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/architecture/read_architecture.hpp"
#include "models/text/load.hpp"
#include "tests/models/architecture/configs.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

models::SmoeArchitecture catalog(const std::string& id) {
  return models::read_catalog_architecture(data_dir() / "architectures", id);
}

std::string shown(const models::SmoeArchitecture& architecture,
                  const app::InspectModelOptions& options, const std::string& format) {
  return app::render(app::inspect_model(architecture, options), format);
}

TEST(InspectModel, LayerRanges) {
  EXPECT_EQ(app::layer_range({0}), "0");
  EXPECT_EQ(app::layer_range({0, 1, 2, 3}), "0-3");
  EXPECT_EQ(app::layer_range({0, 2, 4, 6}), "0, 2, ..., 6");
  EXPECT_EQ(app::layer_range({0, 1, 2, 7}), "0-2, 7");
  EXPECT_EQ(app::layer_range({1, 3, 4}), "1, 3-4");
}

TEST(InspectModel, TableFoldsEqualLayersAndNamesTheKeys) {
  const std::string table = shown(catalog("qwen3-30b-a3b"), {}, "table");
  EXPECT_THAT(table, AllOf(HasSubstr("0-47"), HasSubstr("MoE 128 experts, top 8, 3 x 768"),
                           HasSubstr("30.53 B"), HasSubstr("3.35 B active"),
                           HasSubstr("num_experts = 128"), HasSubstr("source: ")));
  const std::string paper = shown(catalog("paper-354m-8e"), {}, "table");
  EXPECT_THAT(paper, AllOf(HasSubstr("0, 2, ..., 22"), HasSubstr("1, 3, ..., 23"),
                           HasSubstr("dense 2 x 4096"), HasSubstr("warning: ")));
}

// Figures of one layer and of the model, as in counts_test.cpp.
TEST(InspectModel, JsonCarriesUnits) {
  const text::Document json = text::parse_json(
      shown(catalog("qwen3-30b-a3b"), {.layout = {.tensor_parallel = 4}}, "json"), "out.json");
  const text::Node& totals = *json.root.find("totals");
  EXPECT_EQ(totals.find("parameters")->scalar, "30532122624");
  EXPECT_EQ(totals.find("weight_bytes")->scalar, "61064245248");
  EXPECT_EQ(totals.find("kv_bytes_per_token")->scalar, "98304");
  const text::Node& layer = json.root.find("layers")->items.at(0);
  EXPECT_EQ(layer.find("layers")->scalar, "0-47");
  EXPECT_EQ(layer.find("parameters")->scalar, "623120640");
  EXPECT_EQ(layer.find("weight_bytes")->scalar, "1246241280");
  // (623,120,640 - 262,144 - 4,352) / 4 + 262,144 + 4,352, 2 B each.
  EXPECT_EQ(layer.find("weight_bytes_per_gpu")->scalar, "311960064");
  EXPECT_EQ(json.root.find("origin")->find("top_k")->scalar, "num_experts_per_tok = 8");
}

TEST(InspectModel, PrecisionFollowsTheFileUnlessAsked) {
  const models::SmoeArchitecture a = read_config(full_deepseek_v3());
  const auto precision_in = [&](const app::InspectModelOptions& options) {
    return text::parse_json(shown(a, options, "jsonl"), "out.json")
        .root.find("weight_precision")
        ->scalar;
  };
  EXPECT_EQ(precision_in({}), "fp8_block");
  EXPECT_EQ(precision_in({.precision = models::Precision::bf16}), "bf16");
}

// What a reader looks for in three models that differ in kind: latent attention and first dense
// layers, windows and MXFP4 experts, interleaved experts with an implicit shared one.
TEST(InspectModel, ModelsOfThreeKinds) {
  EXPECT_THAT(shown(catalog("deepseek-v3"), {}, "table"),
              AllOf(HasSubstr("MLA 128 heads, cache 512+64"), HasSubstr("dense 3 x 18432"),
                    HasSubstr("MoE 256 experts, top 8, 3 x 2048, shared 2048"), HasSubstr("3-60"),
                    HasSubstr("671.03 B"), HasSubstr("first_k_dense_replace = 3"),
                    HasSubstr("multi-token-prediction")));
  EXPECT_THAT(shown(catalog("gpt-oss-120b"), {}, "table"),
              AllOf(HasSubstr("0, 2, ..., 34"), HasSubstr("GQA 64/8 x 64, window 128"),
                    HasSubstr("experts mxfp4"), HasSubstr("116.83 B"), HasSubstr("60.8 GiB"),
                    HasSubstr("attention sinks")));
  EXPECT_THAT(shown(catalog("llama-4-maverick"), {}, "table"),
              AllOf(HasSubstr("dense 3 x 16384"),
                    HasSubstr("MoE 128 experts, top 1, 3 x 8192, shared 8192"),
                    HasSubstr("400.71 B"), HasSubstr("always one shared expert"),
                    HasSubstr("text_config.num_local_experts = 128"), HasSubstr("vision_config")));
}

// Encoder layers cache nothing; decoder layers have their attention twice.
TEST(InspectModel, EncoderDecoder) {
  const std::string table = shown(catalog("nllb-moe-54b"), {}, "table");
  EXPECT_THAT(table, AllOf(HasSubstr("GQA 16/16 x 128, twice"), HasSubstr("0.00 B"),
                           HasSubstr("is an encoder-decoder")));
}

TEST(InspectModel, OtherFormats) {
  const models::SmoeArchitecture a = catalog("mixtral-8x7b");
  EXPECT_THAT(shown(a, {}, "markdown"), HasSubstr("|---|---|"));
  EXPECT_THAT(shown(a, {}, "csv"), HasSubstr("0-31,32,moe,"));
  EXPECT_THAT(shown(catalog("paper-354m-8e"), {}, "csv"), HasSubstr("\"0, 2, ..., 22\",12,moe,"));
  EXPECT_THROW(shown(a, {}, "html"), std::logic_error);
}

}  // namespace
}  // namespace moeplan::tests
