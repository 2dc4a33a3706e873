// Does the coarsest grid hold what fits need, for every device?
#include "calibrate/kernels/kernel_grid.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <set>

namespace moeplan::calibrate {
namespace {

class KernelGridTest : public testing::TestWithParam<std::string> {
 protected:
  KernelGrid grid(std::vector<double> replayed = {}) {
    return kernel_grid({.device = GetParam(), .replayed = std::move(replayed)});
  }
};

TEST_P(KernelGridTest, LevelZeroHasMoreRowsThanLawsHaveParameters) {
  const KernelGrid g = grid();
  std::map<std::string, int> rows;
  std::set<std::string> moves;
  for (const GridPoint& point : g.points) {
    if (point.level == 0) {
      const std::string kernel = point.id.substr(0, point.id.find('/'));
      const bool move = kernel == "permute" || kernel == "unpermute" || kernel == "copy";
      ++rows[kernel == "attention" ? point.id.substr(0, 16) : move ? "move" : kernel];
      if (move) {
        moves.insert(kernel);
      }
    }
  }
  EXPECT_GT(rows["expert"], 11);  // fit_profile.cpp
  EXPECT_GT(rows["dense"], 6);
  EXPECT_GT(rows["attention/decode"], 3);
  EXPECT_GT(rows["attention/prefil"], 3);
  EXPECT_GT(rows["router"], 2);
  EXPECT_EQ(moves.size(), 3U);  // fewer kinds make no law
}

TEST_P(KernelGridTest, IdsAreUniqueAndVectorsAreWhole) {
  const KernelGrid g = grid();
  EXPECT_EQ(g.points.size(), g.cases.size());
  for (const GridPoint& point : g.points) {
    EXPECT_GT(point.call.value(), 0.0) << point.id;
    if (const auto* expert = std::get_if<ExpertCase>(&g.cases.at(point.id).kernel)) {
      EXPECT_EQ(std::accumulate(expert->pairs_of_expert.begin(), expert->pairs_of_expert.end(),
                                std::int64_t{0}),
                expert->pairs())
          << point.id;
    }
  }
}

TEST_P(KernelGridTest, MeasuredRoutingIsReplayed) {
  const std::vector<double> counts = {5.0, 1.0, 3.0, 0.0, 2.0, 2.0, 4.0, 1.0, 6.0, 1.0};
  const KernelGrid with = grid(counts);
  const KernelGrid without = grid();
  std::size_t replayed = 0;
  for (const GridPoint& point : with.points) {
    replayed += point.id.find("/replayed/") != std::string::npos ? 1 : 0;
  }
  EXPECT_GT(replayed, 0U);
  EXPECT_EQ(with.points.size(), without.points.size() + replayed);
}

INSTANTIATE_TEST_SUITE_P(Devices, KernelGridTest, testing::Values("cpu", "cuda"));

}  // namespace
}  // namespace moeplan::calibrate
