// Pruned counterparts: what goes, what stays, what is refused (tests.md C2 20 and 21, C3 19).

#include <gtest/gtest.h>

#include "models/architecture/counts.hpp"
#include "models/architecture/read_architecture.hpp"
#include "tests/models/architecture/configs.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::tests {
namespace {

using models::Precision;
using models::SmoeArchitecture;
using models::with_experts;

// Removing n experts of a layer frees exactly n x (2 or 3) h I b of expert weights, and beside it
// only n router columns of h x 2 B (and the experts' biases, where there are any).
void expect_exact_fall(const SmoeArchitecture& a, std::int64_t kept, Precision precision) {
  const SmoeArchitecture pruned = with_experts(a, kept);
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const auto before = models::layer_rank_weights(a, a.layers[i], {}, precision);
    const auto after = models::layer_rank_weights(pruned, pruned.layers[i], {}, precision);
    const auto* moe = std::get_if<models::MoeFfn>(&a.layers[i].ffn);
    if (moe == nullptr) {
      EXPECT_EQ(before.total(), after.total());
      continue;
    }
    const auto n = static_cast<double>(moe->experts - kept);
    const auto h = static_cast<double>(a.hidden);
    const auto width = static_cast<double>(moe->intermediate);
    const double matrices = moe->gated ? 3.0 : 2.0;
    EXPECT_DOUBLE_EQ((before.experts - after.experts).value(),
                     n * matrices * h * width * models::weight_bytes(precision));
    EXPECT_DOUBLE_EQ((before.router - after.router).value(), n * h * 2.0);
    const double biases = moe->bias ? n * ((matrices - 1.0) * width + h) * 2.0 : 0.0;
    EXPECT_DOUBLE_EQ((before.expert_biases - after.expert_biases).value(), biases);
    EXPECT_DOUBLE_EQ(
        (before.total() - after.total()).value(),
        n * matrices * h * width * models::weight_bytes(precision) + n * h * 2.0 + biases);
  }
}

TEST(WithExperts, WeightsFallExactly) {
  const SmoeArchitecture qwen = read_config(full_qwen3_moe());
  for (const std::int64_t kept : {127, 96, 64, 8}) {
    expect_exact_fall(qwen, kept, Precision::bf16);
    expect_exact_fall(qwen, kept, Precision::fp8);
  }
  const SmoeArchitecture paper =
      models::read_catalog_architecture(data_dir() / "architectures", "paper-354m-32e");
  expect_exact_fall(paper, 8, Precision::bf16);
}

TEST(WithExperts, KeepingAllChangesNothing) {
  const SmoeArchitecture a = read_config(full_qwen3_moe());
  const SmoeArchitecture same = with_experts(a, 128);
  EXPECT_EQ(same.layers, a.layers);
  EXPECT_EQ(same.name, a.name);
  EXPECT_EQ(same.origin, a.origin);
}

// A pruned model is the native one with so many experts.
TEST(WithExperts, EqualsTheNativeModel) {
  const SmoeArchitecture native =
      read_config(with(full_qwen3_moe(), R"("num_experts": 128)", R"("num_experts": 64)"));
  EXPECT_EQ(with_experts(read_config(full_qwen3_moe()), 64).layers, native.layers);
}

// Fewer experts leave what one token uses alone, up to the router columns.
TEST(WithExperts, ActiveParametersLoseOnlyRouterColumns) {
  const SmoeArchitecture a = read_config(full_qwen3_moe());
  EXPECT_EQ(
      models::count_parameters(a).active - models::count_parameters(with_experts(a, 96)).active,
      48 * 32 * 2048);
}

TEST(WithExperts, TopKNeedsEnoughExperts) {
  const SmoeArchitecture a =
      read_config(with(full_qwen3_moe(), R"("mlp_only_layers": [])",
                       R"("mlp_only_layers": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])"));
  EXPECT_EQ(models::why_not_experts(a, 6), "top_k 8 > 6 experts in layer 12");
  EXPECT_EQ(models::why_not_experts(a, 8), std::nullopt);
  expect_input_error([&] { with_experts(a, 6); }, "E_VALUE", "top_k 8 > 6 experts in layer 12");
}

TEST(WithExperts, OtherRefusals) {
  const SmoeArchitecture qwen = read_config(full_qwen3_moe());
  EXPECT_EQ(models::why_not_experts(qwen, 129), "129 experts to keep > 128 experts in layer 0");
  ASSERT_TRUE(models::why_not_experts(qwen, 0));
  EXPECT_EQ(models::why_not_experts(read_config(full_llama()), 4),
            "test has no MoE layers to prune");
  const SmoeArchitecture deepseek = read_config(full_deepseek_v3());
  EXPECT_EQ(models::why_not_experts(deepseek, 100),
            "100 experts do not divide into the 8 router groups of layer 3");
  // 8 experts in 8 groups of one: 4 groups hold 4.
  EXPECT_EQ(models::why_not_experts(deepseek, 8),
            "top_k 8 > the 4 experts that 4 of 8 router groups hold in layer 3");
  EXPECT_EQ(models::why_not_experts(deepseek, 192), std::nullopt);
}

TEST(WithExperts, DifferentNumbersPerLayer) {
  const SmoeArchitecture a = read_config(full_mixtral());
  std::vector<std::int64_t> kept(32, 8);
  kept[5] = 4;
  const SmoeArchitecture pruned = with_experts(a, kept);
  EXPECT_EQ(std::get<models::MoeFfn>(pruned.layers[5].ffn).experts, 4);
  EXPECT_EQ(pruned.layers[6], a.layers[6]);
  kept[7] = 1;
  EXPECT_EQ(models::why_not_experts(a, kept), "top_k 2 > 1 experts in layer 7");
}

}  // namespace
}  // namespace moeplan::tests
