// Pruning in memory: the identity where it must be one, and copies merged to what they were.
#include "models/laboratory/prune_network.hpp"

#include <gtest/gtest.h>

#include "models/laboratory/train.hpp"

namespace moeplan::models {
namespace {

struct Planted {
  RegimeProblem problem{{}, 2};
  Samples samples = problem.draw(0, 1, 3000);
  Network network;

  Planted() {
    network = random_network({.hidden = 16, .intermediate = 8, .classes = 4, .layers = 2}, 5);
    for (SmoeLayer& layer : network.layers) {
      layer.router *= 20.0f;
    }
  }
  PruningPlan plan(const Network& of, std::int64_t kept) const {
    return network_plan(router_statistics(of, samples),
                        {.kept = kept, .router = RouterMode::sliced});
  }
};

TEST(PruneNetwork, ToTheSameCountIsTheIdentity) {
  const Planted planted;
  const Network pruned = prune_network(planted.network, planted.plan(planted.network, 8));
  EXPECT_TRUE(pruned.layers[1].router == planted.network.layers[1].router);
  EXPECT_TRUE(pruned.layers[1].experts[5].gate == planted.network.layers[1].experts[5].gate);
}

// Experts e and e + 4 of each layer are the same function with permuted neurons and nearly the same
// router rows: merging to 4 gives the network of the first four, up to the routers' small noise.
TEST(PruneNetwork, PermutedCopiesMergeToTheOriginal) {
  Planted planted;
  const std::vector<std::int32_t> order = {3, 1, 0, 2, 7, 6, 5, 4};
  for (SmoeLayer& layer : planted.network.layers) {
    for (std::size_t e = 0; e < 4; ++e) {
      layer.experts[e + 4] = permuted(layer.experts[e], order);
      const auto row = static_cast<Eigen::Index>(e);
      layer.router.row(row + 4) = 0.98f * layer.router.row(row);
    }
  }
  const PruningPlan plan = planted.plan(planted.network, 4);
  const Network pruned = prune_network(planted.network, plan);
  for (std::size_t l = 0; l < 2; ++l) {
    ASSERT_EQ(pruned.layers[l].experts.size(), 4u);
    EXPECT_EQ(pruned.layers[l].router.rows(), 4);
    for (std::size_t k = 0; k < 4; ++k) {
      const KeptExpert& kept = plan.layers[l].kept[k];
      ASSERT_EQ(kept.members.size(), 2u);
      EXPECT_EQ(kept.members[1] - kept.members[0], 4);
      const ExpertWeights& anchor =
          planted.network.layers[l].experts[static_cast<std::size_t>(kept.anchor)];
      EXPECT_TRUE(pruned.layers[l].experts[k].out.isApprox(anchor.out, 1e-5f));
    }
  }
}

TEST(PruneNetwork, RefusesWhatItCannotRoute) {
  const Planted planted;
  PruningPlan plan = planted.plan(planted.network, 8);
  plan.router = RouterMode::merged_logits;
  EXPECT_THROW(prune_network(planted.network, plan), std::logic_error);
}

}  // namespace
}  // namespace moeplan::models
