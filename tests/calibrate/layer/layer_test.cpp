// Is a layer over ranks the layer of one rank?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "calibrate/all2all/launcher.hpp"
#include "calibrate/layer/layer_shape.hpp"
#include "tests/calibrate/all2all/ranks.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::calibrate {
namespace {

TEST(LayerShape, ExpertsLieInBlocks) {
  EXPECT_THAT(first_experts(8, 2), testing::ElementsAre(0, 4, 8));
  EXPECT_THAT(first_experts(7, 3), testing::ElementsAre(0, 3, 5, 7));
}

TEST(LayerShape, TokensOfRanksAreTokensOfOneRank) {
  LayerShape shape{.hidden = 4, .experts = 2, .top_k = 1, .tokens = 3};
  const std::vector<float> second = token_rows(shape, 1);
  shape.tokens = 6;
  const std::vector<float> all = token_rows(shape, 0);
  EXPECT_TRUE(std::equal(second.begin(), second.end(), all.begin() + 12));
}

TEST(LayerShape, ReferenceIsTheFormulaByHand) {
  // One expert: its weight is 1, whatever its score. hidden = intermediate = 1:
  // out = d * silu(g x) * u x, silu(z) = z / (1 + exp(-z)).
  const LayerShape shape{.hidden = 1, .intermediate = 1, .experts = 1, .top_k = 1, .tokens = 1};
  const double x = static_cast<double>(token_rows(shape, 0)[0]);
  float up[2];
  float down[1];
  expert_weights(shape, 0, up, down);
  const double gate = static_cast<double>(up[0]) * x;
  const double expected = static_cast<double>(down[0]) * (gate / (1.0 + std::exp(-gate))) *
                          static_cast<double>(up[1]) * x;
  EXPECT_NEAR(reference_output(shape, 0)[0], expected, 1e-12);
}

class OverRanks : public testing::TestWithParam<int> {};

TEST_P(OverRanks, OutputsAreThoseOfOneRank) {
#ifdef MOEPLAN_LAYER_RANKS
  if (!tests::why_no_ranks().empty()) {
    GTEST_SKIP() << tests::why_no_ranks();
  }
  const tests::TemporaryDirectory directory;
  std::vector<std::string> command = launcher_arguments(tests::launcher(GetParam()));
  command.emplace_back(MOEPLAN_LAYER_RANKS);
  EXPECT_EQ(tests::run_into(command, (directory / "out").string()), 0)
      << tests::read_bytes(directory / "out");
#else
  GTEST_SKIP() << "built without MPI";
#endif
}

INSTANTIATE_TEST_SUITE_P(Ranks, OverRanks, testing::Values(2, 3));

}  // namespace
}  // namespace moeplan::calibrate
