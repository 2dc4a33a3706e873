// Does a pruned checkpoint hold what the plan says, in the family's own layout?
#include "models/checkpoint/prune_checkpoint.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "models/architecture/read_architecture.hpp"
#include "models/checkpoint/expert_tensors.hpp"
#include "models/text/load.hpp"
#include "tests/models/checkpoint/small_models.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::models {
namespace {

using tests::expect_input_error;
using tests::numbers_of;
using tests::SmallModel;
using tests::TemporaryDirectory;

// Experts {0,3} -> anchor 3 and {1}, {2,4,5} -> 4 in every layer.
PruningPlan three_of_six(const ModelFiles& model, RouterMode router) {
  PruningPlan plan{.method = PruningMethod::uncurl, .router = router};
  for (const RouterKind& r : model.routers()) {
    LayerPlan layer{.layer = r.layer, .experts = r.experts};
    layer.kept = {{1, {1}, {1.0}}, {3, {0, 3}, {0.25, 0.75}}, {4, {2, 4, 5}, {0.2, 0.5, 0.3}}};
    plan.layers.push_back(std::move(layer));
  }
  return plan;
}

CheckpointResult prune(const ModelFiles& model, const PruningPlan& plan,
                       const std::filesystem::path& output,
                       CheckpointLayout layout = CheckpointLayout::huggingface) {
  std::filesystem::create_directories(output);
  return prune_checkpoint(model, plan, layout, output, 2, [](std::size_t) {});
}

float distance(const ExpertWeights& a, const ExpertWeights& b) {
  const auto most = [](const auto& x, const auto& y) {
    return x.size() == 0 && y.size() == 0 ? 0.0f : (x - y).cwiseAbs().maxCoeff();
  };
  return std::max({most(a.in, b.in), most(a.gate, b.gate), most(a.out, b.out),
                   most(a.in_bias, b.in_bias), most(a.gate_bias, b.gate_bias),
                   most(a.out_bias, b.out_bias)});
}

class Families : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(All, Families, testing::ValuesIn(tests::small_families()),
                         [](const auto& param) { return param.param; });

// The result is a model of the family with three experts: it opens, and its experts are those that
// merge_layer makes of the loaded ones.
TEST_P(Families, PrunesToAModelOfTheSameFamily) {
  for (const bool sharded : {false, true}) {
    const TemporaryDirectory dir;
    tests::write_small_model(dir / "in", GetParam(), {.sharded = sharded});
    const ModelFiles before(dir / "in");
    const PruningPlan plan = three_of_six(before, RouterMode::sliced);
    const CheckpointResult result = prune(before, plan, dir / "out");
    const ModelFiles after(dir / "out");
    EXPECT_EQ(after.checkpoint().sharded(), sharded);
    ASSERT_EQ(after.routers().size(), before.routers().size());
    for (std::size_t i = 0; i < plan.layers.size(); ++i) {
      const auto layer = static_cast<std::size_t>(plan.layers[i].layer);
      EXPECT_EQ(after.routers()[i].experts, 3);
      EXPECT_EQ(after.routers()[i].top_k, before.routers()[i].top_k);
      const auto experts = expert_tensors(before.checkpoint(), before.architecture(), layer);
      const auto pruned = expert_tensors(after.checkpoint(), after.architecture(), layer);
      std::vector<ExpertWeights> loaded;
      for (std::int32_t e = 0; e < 6; ++e) {
        loaded.push_back(experts->load(e));
      }
      const MergedLayer merged = merge_layer(plan.layers[i], loaded, 1);
      for (std::int32_t k = 0; k < 3; ++k) {
        EXPECT_EQ(distance(pruned->load(k), merged.experts[static_cast<std::size_t>(k)]), 0.0f);
      }
      EXPECT_EQ(result.alignments[i].size(), 3u);  // experts 0, 2 and 5
    }
    EXPECT_TRUE(std::filesystem::exists(dir / "out" / "tokenizer.json"));
  }
}

TEST_P(Families, SlicedRoutersKeepTheAnchorsRowsAndBiases) {
  const TemporaryDirectory dir;
  tests::write_small_model(dir / "in", GetParam(), {});
  const ModelFiles before(dir / "in");
  prune(before, three_of_six(before, RouterMode::sliced), dir / "out");
  const ModelFiles after(dir / "out");
  const std::size_t layer = before.architecture().moe_layers().back();
  const ExpertNames names = expert_names(before.architecture(), layer);
  const auto whole = numbers_of(before.checkpoint(), names.router);
  const auto sliced = numbers_of(after.checkpoint(), names.router);
  ASSERT_EQ(sliced.size(), 3u * 8u);
  const std::size_t anchors[] = {1, 3, 4};
  for (std::size_t k = 0; k < 3; ++k) {
    for (std::size_t h = 0; h < 8; ++h) {
      EXPECT_EQ(sliced[k * 8 + h], whole[anchors[k] * 8 + h]);
    }
    for (const std::string& bias : {names.router_bias, names.correction_bias}) {
      if (!bias.empty()) {
        EXPECT_EQ(numbers_of(after.checkpoint(), bias)[k],
                  numbers_of(before.checkpoint(), bias)[anchors[k]]);
      }
    }
  }
}

// The same count and nothing merged: every byte but the router's is as it was.
TEST_P(Families, TheSameCountIsTheIdentityUpToTheRouter) {
  const TemporaryDirectory dir;
  tests::write_small_model(dir / "in", GetParam(), {.dtype = Dtype::bf16});
  const ModelFiles before(dir / "in");
  PruningPlan plan{.router = RouterMode::reinitialised};
  for (const RouterKind& r : before.routers()) {
    LayerPlan layer{.layer = r.layer, .experts = r.experts};
    for (std::int32_t e = 0; e < 6; ++e) {
      layer.kept.push_back({e, {e}, {1.0}});
    }
    plan.layers.push_back(std::move(layer));
  }
  prune(before, plan, dir / "out");
  const Checkpoint after = Checkpoint::open(dir / "out");
  std::size_t routers = 0;
  for (const auto& [name, tensor] : after.tensors()) {
    const auto a = before.checkpoint().bytes(before.checkpoint().tensor(name));
    const auto b = after.bytes(tensor);
    if (name.find("gate.") != std::string::npos || name.find("router") != std::string::npos) {
      ++routers;
    } else {
      EXPECT_TRUE(std::equal(a.begin(), a.end(), b.begin(), b.end())) << name;
    }
  }
  EXPECT_GE(routers, before.routers().size());
}

TEST(PruneCheckpoint, ConfigIsRewrittenAndTheRestKept) {
  const TemporaryDirectory dir;
  tests::write_small_model(dir / "in", "deepseek_v3", {});
  const ModelFiles before(dir / "in");
  const CheckpointResult result =
      prune(before, three_of_six(before, RouterMode::sliced), dir / "out");
  const text::Document config = text::load_json(dir / "out" / "config.json");
  EXPECT_EQ(config.root.find("n_routed_experts")->scalar, "3");
  EXPECT_EQ(config.root.find("num_experts_per_tok")->scalar, "2");
  EXPECT_EQ(config.root.find("rms_norm_eps")->kind, text::Kind::number);
  EXPECT_EQ(config.root.find("q_lora_rank")->kind, text::Kind::null);
  // The layer for multi-token prediction is gone, and said to be.
  EXPECT_EQ(config.root.find("num_nextn_predict_layers")->scalar, "0");
  EXPECT_EQ(result.notes.size(), 1u);
  EXPECT_EQ(Checkpoint::open(dir / "out").find("model.layers.2.mlp.gate.weight"), nullptr);
}

TEST(PruneCheckpoint, DifferentCountsAndMergedLogitsNeedTheNativeLayout) {
  const TemporaryDirectory dir;
  tests::write_small_model(dir / "in", "qwen3_moe", {});
  const ModelFiles before(dir / "in");
  PruningPlan merged = three_of_six(before, RouterMode::merged_logits);
  expect_input_error([&] { prune(before, merged, dir / "a"); }, "E_VALUE", "--layout native");
  PruningPlan uneven = three_of_six(before, RouterMode::sliced);
  uneven.layers[0].kept.pop_back();
  expect_input_error([&] { prune(before, uneven, dir / "b"); }, "E_VALUE", "2, 3");
  prune(before, merged, dir / "native", CheckpointLayout::native);
  const Checkpoint native = Checkpoint::open(dir / "native");
  const auto& map = native.tensor("model.layers.0.mlp.gate.weight.expert_map");
  std::vector<std::int64_t> ids(6);
  std::memcpy(ids.data(), native.bytes(map).data(), 48);
  EXPECT_EQ(ids, (std::vector<std::int64_t>{1, 0, 2, 1, 2, 2}));
  // Nothing takes it for a Qwen3.
  expect_input_error([&] { read_architecture(dir / "native"); }, "E_VALUE", "moeplan_native");
}

TEST(PruneCheckpoint, ConfigAndShapesMustAgree) {  // C3 26
  const TemporaryDirectory dir;
  tests::write_small_model(dir / "in", "mixtral", {});
  text::write_file(dir / "in" / "config.json",
                   tests::small_config("mixtral", {.intermediate = 13}));
  expect_input_error([&] { ModelFiles(dir / "in"); }, "E_VALUE", "experts.0.w3.weight", "[12, 8]",
                     "[13, 8]");
  text::write_file(dir / "in" / "config.json", tests::small_config("mixtral", {.experts = 7}));
  expect_input_error([&] { ModelFiles(dir / "in"); }, "E_MISSING", "experts.6.");
  text::write_file(dir / "in" / "config.json", tests::small_config("mixtral", {.experts = 5}));
  expect_input_error([&] { ModelFiles(dir / "in"); }, "E_VALUE", "expert 5");
}

// fp8 with a scale per 128 x 128 block: a merged expert is requantised to within half a step, which
// is 2^-4 of a number's magnitude.
TEST(PruneCheckpoint, BlockScalesAreAppliedAndRenewed) {
  const TemporaryDirectory dir;
  const SmallModel model{.dtype = Dtype::f8_e4m3};
  tests::write_small_model(dir / "in", "qwen3_moe", model);
  // The same weights with scales of 2 beside every matrix of an expert.
  const Checkpoint plain = Checkpoint::open(dir / "in");
  std::filesystem::create_directories(dir / "scaled");
  CheckpointWriter writer(dir / "scaled", {"model.safetensors"}, "", {{}});
  const auto is_expert = [](const std::string& name) {
    return name.find("experts.") != std::string::npos;
  };
  for (const auto& [name, tensor] : plain.tensors()) {
    writer.declare(name, tensor.info.dtype, tensor.info.shape, 0);
    if (is_expert(name)) {
      writer.declare(name + "_scale_inv", Dtype::f32, {1, 1}, 0);
    }
  }
  writer.begin();
  const float two = 2.0f;
  for (const auto& [name, tensor] : plain.tensors()) {
    writer.write(name, plain.bytes(tensor));
    if (is_expert(name)) {
      writer.write(name + "_scale_inv", std::as_bytes(std::span(&two, 1)));
    }
  }
  writer.finish();
  text::write_file(dir / "scaled" / "config.json", tests::small_config("qwen3_moe", model));
  const ModelFiles unscaled(dir / "in"), before(dir / "scaled");
  const auto load = [](const ModelFiles& m, std::int32_t e) {
    return expert_tensors(m.checkpoint(), m.architecture(), 0)->load(e);
  };
  EXPECT_EQ((load(before, 2).in - 2.0f * load(unscaled, 2).in).norm(), 0.0f);
  const PruningPlan plan = three_of_six(before, RouterMode::sliced);
  prune(before, plan, dir / "out");
  const ModelFiles after(dir / "out");
  std::vector<ExpertWeights> loaded;
  for (std::int32_t e = 0; e < 6; ++e) {
    loaded.push_back(load(before, e));
  }
  const MergedLayer merged = merge_layer(plan.layers[0], loaded, 1);
  for (std::int32_t k = 0; k < 3; ++k) {
    const FloatMatrix& exact = merged.experts[static_cast<std::size_t>(k)].in;
    const FloatMatrix stored = load(after, k).in;
    for (Eigen::Index i = 0; i < exact.size(); ++i) {
      // Subnormals of the block: half of 2^-9 of the scale, which is at most 2 / 448.
      EXPECT_NEAR(stored.data()[i], exact.data()[i],
                  std::abs(exact.data()[i]) / 16.0f + 0x1p-10f * 2.0f / 448.0f);
    }
  }
}

TEST(PruneCheckpoint, QuantisedExpertsCanBeDroppedButNotMerged) {
  const TemporaryDirectory dir;
  tests::write_small_model(dir / "in", "qwen3_moe", {});
  const Checkpoint plain = Checkpoint::open(dir / "in");
  std::filesystem::create_directories(dir / "quantised");
  CheckpointWriter writer(dir / "quantised", {"model.safetensors"}, "", {{}});
  for (const auto& [name, tensor] : plain.tensors()) {
    writer.declare(name, tensor.info.dtype, tensor.info.shape, 0);
    if (name.ends_with("up_proj.weight")) {
      writer.declare(name + "_zero_point", Dtype::u8, {1}, 0);
    }
  }
  writer.begin();
  for (const auto& [name, tensor] : plain.tensors()) {
    writer.write(name, plain.bytes(tensor));
    if (name.ends_with("up_proj.weight")) {
      writer.write(name + "_zero_point", std::vector<std::byte>(1, std::byte{9}));
    }
  }
  writer.finish();
  text::write_file(dir / "quantised" / "config.json", tests::small_config("qwen3_moe", {}));
  const ModelFiles before(dir / "quantised");
  PruningPlan plan = three_of_six(before, RouterMode::sliced);
  expect_input_error([&] { prune(before, plan, dir / "a"); }, "E_VALUE", "weight_zero_point");
  for (LayerPlan& layer : plan.layers) {
    layer.kept = {{1, {1}, {1.0}}, {3, {3}, {1.0}}, {4, {4}, {1.0}}};
  }
  prune(before, plan, dir / "b");
  const Checkpoint after = Checkpoint::open(dir / "b");
  EXPECT_NE(after.find("model.layers.1.mlp.experts.2.up_proj.weight_zero_point"), nullptr);
  EXPECT_EQ(numbers_of(after, "model.layers.1.mlp.experts.2.down_proj.weight"),
            numbers_of(plain, "model.layers.1.mlp.experts.4.down_proj.weight"));
}

}  // namespace
}  // namespace moeplan::models
