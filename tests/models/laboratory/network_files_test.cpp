// Checkpoints of the laboratory: bit for bit, read by `moeplan prune`, which gives the network that
// pruning in memory gives.
#include "models/laboratory/network_files.hpp"

#include <gtest/gtest.h>

#include "models/checkpoint/prune_checkpoint.hpp"
#include "models/laboratory/prune_network.hpp"
#include "models/laboratory/train.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::models {
namespace {

using moeplan::tests::TemporaryDirectory;

struct Written {
  TemporaryDirectory dir;
  RegimeProblem problem{{}, 9};
  Samples samples = problem.draw(1, 1, 2500);
  Network network;

  Written() {
    network = random_network(
        {.hidden = 16, .intermediate = 6, .classes = 4, .layers = 2, .experts = 6}, 3);
    for (SmoeLayer& layer : network.layers) {
      layer.router *= 20.0f;
      layer.norm *= 1.5f;
    }
    std::filesystem::create_directories(dir / "model");
    write_network(dir / "model", network);
    write_router_data(dir / "router.safetensors", router_logits(network, samples));
  }
};

void expect_same(const Network& a, const Network& b) {
  ASSERT_EQ(a.layers.size(), b.layers.size());
  EXPECT_TRUE(a.head == b.head);
  EXPECT_TRUE(a.final_norm == b.final_norm);
  for (std::size_t l = 0; l < a.layers.size(); ++l) {
    EXPECT_TRUE(a.layers[l].norm == b.layers[l].norm);
    EXPECT_TRUE(a.layers[l].router == b.layers[l].router);
    ASSERT_EQ(a.layers[l].experts.size(), b.layers[l].experts.size());
    for (std::size_t e = 0; e < a.layers[l].experts.size(); ++e) {
      EXPECT_TRUE(a.layers[l].experts[e].in == b.layers[l].experts[e].in);
      EXPECT_TRUE(a.layers[l].experts[e].gate == b.layers[l].experts[e].gate);
      EXPECT_TRUE(a.layers[l].experts[e].out == b.layers[l].experts[e].out);
    }
  }
}

TEST(NetworkFiles, AreReadBackBitForBit) {
  const Written written;
  expect_same(read_network(written.dir / "model"), written.network);
  const ModelFiles model(written.dir / "model");
  EXPECT_EQ(model.routers()[1].experts, 6);
  EXPECT_EQ(model.routers()[1].top_k, 1);
  EXPECT_FALSE(model.routers()[1].rule.normalised);
}

TEST(NetworkFiles, PruningTheFilesIsPruningTheNetwork) {
  const Written written;
  const ModelFiles model(written.dir / "model");
  const RouterData data = RouterData::open(written.dir / "router.safetensors");
  std::vector<LayerInput> layers;
  for (const RouterKind& router : model.routers()) {
    layers.push_back({.layer = router.layer,
                      .experts = router.experts,
                      .top_k = router.top_k,
                      .statistics = data.statistics(router, 1)});
  }
  for (const RouterMode mode : {RouterMode::sliced, RouterMode::reinitialised}) {
    const PruningOptions options{.kept = 3, .router = mode, .seed = 4};
    const PruningPlan plan = plan_pruning(layers, options);
    const auto out = written.dir / std::string(name_of(mode));
    std::filesystem::create_directories(out);
    prune_checkpoint(model, plan, CheckpointLayout::huggingface, out, 1, [](std::size_t) {});
    const Network in_memory =
        prune_network(written.network,
                      network_plan(router_statistics(written.network, written.samples), options));
    expect_same(read_network(out), in_memory);
  }
}

}  // namespace
}  // namespace moeplan::models
