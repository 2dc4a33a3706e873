// Does the law of static forward passes say what its terms say? One MoE layer, by hand.

#include "models/latency/static_forward.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "models/text/input_error.hpp"

namespace moeplan::models {
namespace {

// 1000 flop/s and 100 B/s; 8 GPUs in a node.
Gpu gpu() {
  Gpu gpu;
  gpu.id = "toy";
  gpu.peak[Precision::bf16] = FlopsPerSecond(1000.0);
  gpu.bandwidth = BytesPerSecond(100.0);
  gpu.gpus_per_node = 8;
  return gpu;
}

Fabric fabric() {
  Fabric fabric;
  fabric.kind = Fabric::Kind::pcie;
  fabric.bandwidth = BytesPerSecond(10.0);
  fabric.latency = Seconds(0.5);
  return fabric;
}

FittedLaw law() {
  FittedLaw law;
  law.info.kernel = "static_forward";
  law.info.form = "static_forward_v1";
  law.theta = {{"layer_s", 3.0}, {"moe_layer_s", 5.0}, {"expert_s", 7.0}};
  law.constants = {{"wait_fraction_per_gpu", 0.01}};
  law.info.domain = {
      {"tokens", {8, 8}}, {"local_experts", {2, 4}}, {"hidden", {2, 2}}, {"gpus", {2, 4}}};
  return law;
}

// Hidden 2, one head of 2, vocabulary 5, two layers; the first has `experts` experts of 2 x 2 x 3.
SmoeArchitecture model(std::int64_t experts) {
  SmoeArchitecture architecture;
  architecture.hidden = 2;
  architecture.vocabulary = 5;
  const GroupedQueryAttention attention{.heads = 1, .kv_heads = 1, .head_dim = 2};
  const DenseFfn dense{.intermediate = 3, .gated = false};
  MoeFfn moe{.experts = experts, .top_k = 1, .intermediate = 3, .gated = false};
  moe.router.capacity_factor = 1.0;
  moe.router.minimum_capacity = 1;
  architecture.layers.push_back({attention, experts > 0 ? Ffn(moe) : Ffn(dense)});
  architecture.layers.push_back({attention, dense});
  return architecture;
}

constexpr StaticShape kShape{.sequences = 2, .length = 4, .gpus = 2, .expert_ranks = 2};

TEST(StaticForward, TermsByHand) {
  const StaticForward forward(law(), gpu(), fabric());
  const StaticEstimate e = forward.estimate(model(4), kShape);
  const StaticTerms& t = e.terms;
  EXPECT_DOUBLE_EQ(t.backbone_host.value(), 2 * 3.0);
  // 8 tokens. Head 10 weights: max(160 flop / 1000, 20 B / 100) = 0.2 s. Attention 16 weights:
  // max(0.256, 0.32) = 0.32 in each of two layers; scores 4 x 2 flop a key, 8 tokens, 4 keys: 0.256
  // twice. The dense FFN, 12 weights: max(0.192, 0.24) = 0.24.
  EXPECT_NEAR(t.backbone_device.value(), 0.2 + 2 * 0.32 + 2 * 0.256 + 0.24, 1e-12);
  EXPECT_DOUBLE_EQ(t.moe_host.value(), 5.0);
  // Capacity ceil(8 / 4) = 2, 8 rows. Router 2 x 8 x 2 x 4 = 128 flop; masks 2 x 8 x 8 x 4 = 512 B.
  EXPECT_EQ(e.capacity, 2);
  EXPECT_EQ(e.buffer_rows, 8);
  EXPECT_NEAR(t.gating.value(), 0.128 + 5.12, 1e-12);
  // One-hot product 2 x 8 x 8 x 2 = 256 flop; an all-to-all of 8 x 2 x 2 = 32 B over both ranks.
  const double exchange = FabricLaw(fabric(), 8, nullptr).seconds(Collective::all_to_all, 2, 32.0);
  EXPECT_NEAR(t.dispatch.value(), 0.256 + exchange, 1e-9);
  EXPECT_EQ(t.combine, t.dispatch);
  EXPECT_DOUBLE_EQ(t.launches.value(), 2 * 7.0);  // two of four experts
  // 12 weights, rows of both ranks: max(24 B / 100, 2 x 4 x 12 flop / 1000) = 0.24 an expert.
  EXPECT_NEAR(t.experts.value(), 2 * 0.24, 1e-12);
  EXPECT_NEAR(t.waiting.value(), 0.01 * (t.total() - t.waiting).value(), 1e-12);
  EXPECT_NEAR(e.moe_layer().value(), 1.01 * (5.0 + 5.248 + 2 * t.dispatch.value() + 14.0 + 0.48),
              1e-9);
  EXPECT_FALSE(e.extrapolated);
}

TEST(StaticForward, DenseHasABackboneAlone) {
  const StaticForward forward(law(), gpu(), fabric());
  const StaticEstimate e = forward.estimate(model(0), kShape);
  EXPECT_EQ(e.terms.total(), e.terms.backbone_host + e.terms.backbone_device);
  EXPECT_EQ(e.moe_layer(), Seconds());
}

// A group of one sends nothing and waits for nobody; more GPUs only wait longer.
TEST(StaticForward, ExchangeAndWaitingNeedOthers) {
  const StaticForward forward(law(), gpu(), fabric());
  StaticShape shape = kShape;
  shape.expert_ranks = 1;
  EXPECT_EQ(forward.estimate(model(4), shape).terms.waiting, Seconds());
  EXPECT_NEAR(forward.estimate(model(4), shape).terms.dispatch.value(), 0.256, 1e-12);
  shape = kShape;
  const StaticTerms two = forward.estimate(model(4), shape).terms;
  shape.gpus = 4;
  const StaticTerms four = forward.estimate(model(4), shape).terms;
  EXPECT_NEAR(four.waiting / two.waiting, 3.0, 1e-12);  // (4 - 1) / (2 - 1)
  EXPECT_EQ(four.launches, two.launches);
}

// More experts than tokens: the minimum keeps every buffer at one row, so buffers grow.
TEST(StaticForward, MinimumCapacityPads) {
  const StaticForward forward(law(), gpu(), fabric());
  EXPECT_EQ(forward.estimate(model(8), kShape).buffer_rows, 8);
  EXPECT_EQ(forward.estimate(model(16), kShape).buffer_rows, 16);
}

TEST(StaticForward, SaysWhereItExtrapolates) {
  const StaticForward forward(law(), gpu(), fabric());
  EXPECT_TRUE(forward.estimate(model(16), kShape).extrapolated);  // 8 local experts, fitted to 4
  StaticShape shape = kShape;
  shape.gpus = 8;
  EXPECT_TRUE(forward.estimate(model(4), shape).extrapolated);
  EXPECT_FALSE(forward.estimate(model(0), shape).extrapolated);  // a dense model waits for nobody
  shape = kShape;
  shape.sequences = 4;
  EXPECT_TRUE(forward.estimate(model(4), shape).extrapolated);
}

TEST(StaticForward, SaysWhyNot) {
  const StaticForward forward(law(), gpu(), fabric());
  StaticShape shape = kShape;
  shape.gpus = 3;
  EXPECT_NE(forward.why_not(model(4), shape).find("3 GPUs do not split"), std::string::npos);
  shape.gpus = 16;
  EXPECT_NE(forward.why_not(model(4), shape).find("one node, of 8"), std::string::npos);
  EXPECT_NE(forward.why_not(model(5), kShape).find("5 experts in layer 0"), std::string::npos);
  SmoeArchitecture dropless = model(4);
  std::get<MoeFfn>(dropless.layers[0].ffn).router.capacity_factor = 0.0;
  EXPECT_NE(forward.why_not(dropless, kShape).find("dropless"), std::string::npos);
  EXPECT_THROW(forward.estimate(dropless, kShape), std::logic_error);
}

TEST(StaticForward, OtherFormsAreRefused) {
  FittedLaw other = law();
  other.info.form = "host_v1";
  EXPECT_THROW(StaticForward(other, gpu(), fabric()), InputError);
}

}  // namespace
}  // namespace moeplan::models
