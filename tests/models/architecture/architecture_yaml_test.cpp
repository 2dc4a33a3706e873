// Our own architecture file: the paper's models and everything that is refused.

#include "models/architecture/architecture_yaml.hpp"

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

using models::MoeFfn;
using models::SmoeArchitecture;

const char* const kFile = R"(schema: moeplan.architecture
schema_version: 1
source: a test
model_type: toy
hidden: 64
vocabulary: 100
max_positions: 512
layers: 6
norm: layer_norm
weight_precision: fp16
attention:
  heads: 4
  head_dim: 16
ffn:
  intermediate: 256
  matrices: 2
moe:
  moe_layer_offset: 1
  moe_layer_interval: 2
  experts: 8
  variants: [8, 16]
  top_k: 2
  intermediate: 128
  matrices: 3
  scoring: softmax
)";

SmoeArchitecture read(const std::string& yaml, std::optional<std::int64_t> experts = std::nullopt) {
  return models::read_architecture_yaml(text::parse_yaml(yaml, "toy.yaml"), "toy", experts);
}

template <class... Parts>
void refused(const std::string& yaml, const std::string& code, const Parts&... parts) {
  SCOPED_TRACE(yaml);
  expect_input_error([&] { read(yaml); }, code, parts...);
}

TEST(ArchitectureYaml, LayersFromOffsetAndInterval) {
  const SmoeArchitecture a = read(kFile);
  EXPECT_THAT(a.moe_layers(), ::testing::ElementsAre(1, 3, 5));
  const MoeFfn& moe = std::get<MoeFfn>(a.layers[1].ffn);
  EXPECT_EQ(moe.experts, 8);
  EXPECT_TRUE(moe.gated);
  EXPECT_DOUBLE_EQ(moe.router.capacity_factor, 0.0);  // dropless
  EXPECT_EQ(std::get<models::GroupedQueryAttention>(a.layers[0].attention).kv_heads, 4);
  EXPECT_EQ(a.weight_precision, models::Precision::fp16);
  EXPECT_EQ(a.origin.at("moe.experts"), "moe.experts = 8");
}

TEST(ArchitectureYaml, Variants) {
  const text::Document document = text::parse_yaml(kFile, "toy.yaml");
  EXPECT_THAT(models::architecture_variants(document), ::testing::ElementsAre(8, 16));
  EXPECT_EQ(std::get<MoeFfn>(read(kFile, 16).layers[1].ffn).experts, 16);
  expect_input_error([] { read(kFile, 17); }, "E_VALUE", "17", "8, 16");
}

// Every alternate FFN, starting with the first; top-1, capacity factor 1.0, at least 4.
TEST(ArchitectureYaml, ThePaper) {
  const SmoeArchitecture a =
      models::read_catalog_architecture(data_dir() / "architectures", "paper-354m-8e");
  EXPECT_EQ(a.layers.size(), 24u);
  EXPECT_EQ(a.moe_layers().size(), 12u);
  EXPECT_EQ(a.moe_layers().front(), 0u);
  EXPECT_EQ(a.moe_layers().back(), 22u);
  const MoeFfn& moe = std::get<MoeFfn>(a.layers[0].ffn);
  EXPECT_EQ(moe.experts, 8);
  EXPECT_EQ(moe.top_k, 1);
  EXPECT_FALSE(moe.gated);
  EXPECT_DOUBLE_EQ(moe.router.capacity_factor, 1.0);
  EXPECT_EQ(moe.router.minimum_capacity, 4);
  EXPECT_TRUE(a.learned_positions);
  const SmoeArchitecture small =
      models::read_catalog_architecture(data_dir() / "architectures", "paper-124m-16e");
  EXPECT_EQ(small.hidden, 768);
  EXPECT_THAT(small.warnings, ::testing::ElementsAre(::testing::HasSubstr("12 heads do not")));
}

TEST(ArchitectureYaml, Refusals) {
  refused(without_line(kFile, "source"), "E_MISSING", "source");
  refused(with(kFile, "schema_version: 1", "schema_version: 2"), "E_SCHEMA", "toy.yaml:2");
  refused(with(kFile, "moeplan.architecture", "moeplan.gpu"), "E_SCHEMA", "moeplan.architecture");
  refused(with(kFile, "top_k: 2", "topk: 2"), "E_UNKNOWN_KEY", "/moe/topk", "top_k");
  refused(with(kFile, "top_k: 2", "top_k: 9"), "E_VALUE", "top_k 9 > 8 experts");
  refused(with(kFile, "matrices: 3", "matrices: 4"), "E_RANGE", "/moe/matrices", "2 to 3");
  refused(with(kFile, "moe_layer_offset: 1", "moe_layer_offset: 6"), "E_VALUE",
          "moe_layer_offset 6", "6 layers");
  refused(with(kFile, "head_dim: 16", "head_dim: 16\n  kv_heads: 3"), "E_VALUE", "heads 4",
          "kv_heads 3");
  refused(with(kFile, "norm: layer_norm", "norm: layernorm"), "E_VALUE", "layer_norm");
  refused(with(kFile, "hidden: 64", "hidden: 9000000000000000"), "E_OVERFLOW", "2^63 - 1");
}

// DeepSpeed's MoE(use_residual=True): a dense FFN of an expert's shape beside the experts, mixed by
// hidden x 2 weights and a bias of 2. A layer: router 64 x 8 + 2 x 64 + 2, shared 3 x 64 x 128.
TEST(ArchitectureYaml, Residual) {
  const SmoeArchitecture a = read(with(kFile, "top_k: 2", "top_k: 2\n  use_residual: true"));
  const models::LayerParameters p = models::layer_parameters(a, a.layers[1]);
  EXPECT_EQ(p.shared_experts, 3 * 64 * 128);
  EXPECT_EQ(p.router, 64 * 8 + 2 * 64 + 2);
  refused(with(kFile, "top_k: 2", "top_k: 2\n  use_residual: true\n  shared_intermediate: 128"),
          "E_VALUE", "use_residual", "shared_intermediate 128");
}

// drop_tokens: false means that capacity bounds nothing.
TEST(ArchitectureYaml, DropTokens) {
  const std::string capped =
      with(kFile, "top_k: 2", "top_k: 2\n  capacity_factor: 1.2\n  minimum_capacity: 4");
  EXPECT_DOUBLE_EQ(std::get<MoeFfn>(read(capped).layers[1].ffn).router.capacity_factor, 1.2);
  const SmoeArchitecture a = read(with(capped, "top_k: 2", "top_k: 2\n  drop_tokens: false"));
  EXPECT_DOUBLE_EQ(std::get<MoeFfn>(a.layers[1].ffn).router.capacity_factor, 0.0);
  EXPECT_EQ(std::get<MoeFfn>(a.layers[1].ffn).router.minimum_capacity, 0);
  EXPECT_THAT(a.warnings, ::testing::ElementsAre(::testing::HasSubstr("drop_tokens false")));
}

TEST(ArchitectureYaml, DenseLayersNeedTheirFfn) {
  const std::string no_ffn = with(kFile, "ffn:\n  intermediate: 256\n  matrices: 2\n", "");
  refused(no_ffn, "E_MISSING", "ffn");
  // Not when every layer is MoE.
  EXPECT_EQ(read(with(with(no_ffn, "moe_layer_offset: 1", "moe_layer_offset: 0"),
                      "moe_layer_interval: 2", "moe_layer_interval: 1"))
                .moe_layers()
                .size(),
            6u);
}

}  // namespace
}  // namespace moeplan::tests
