// largest_rank_load().pairs against Monte Carlo: the stated error holds over a grid. Fixed seeds.
#include <gtest/gtest.h>

#include "tests/models/routing/draws_by_hand.hpp"

namespace moeplan::models {
namespace {

struct Case {
  std::int64_t experts;
  std::int64_t top_k;
  double alpha;
  int ranks;
};

struct Estimate {
  double mean = 0.0;
  double standard_error = 0.0;
};

// Mean over `runs` of the largest rank's pairs.
Estimate sampled(const Case& c, const Routing& routing, int tokens, int runs) {
  tests::Sampler sampler(tests::power_law_weights(routing, c.alpha),
                         static_cast<std::size_t>(c.top_k), 20261123);
  const std::vector<std::size_t> rank_of = tests::rank_of_expert(c.experts, c.ranks);
  double sum = 0.0;
  double squares = 0.0;
  std::vector<int> pairs;
  for (int run = 0; run < runs; ++run) {
    pairs.assign(static_cast<std::size_t>(c.ranks), 0);
    for (int t = 0; t < tokens; ++t) {
      for (const std::size_t e : sampler.draw()) {
        ++pairs[rank_of[e]];
      }
    }
    const double largest = *std::max_element(pairs.begin(), pairs.end());
    sum += largest;
    squares += largest * largest;
  }
  const double n = runs;
  const double mean = sum / n;
  return {mean, std::sqrt(std::max(0.0, squares / n - mean * mean) / n)};
}

TEST(LargestRankAgainstMonteCarlo, ErrorIsAsStated) {
  const std::vector<Case> cases = {{8, 1, 1.2, 8},   {8, 2, 0.0, 4},   {8, 2, 1.2, 4},
                                   {64, 1, 0.6, 8},  {64, 4, 1.2, 16}, {64, 8, 0.0, 2},
                                   {128, 8, 0.0, 8}, {128, 8, 1.2, 4}, {128, 8, 1.2, 16}};
  double worst = 0.0;
  for (const Case& c : cases) {
    const Routing routing = Routing::power_law(c.experts, c.top_k, c.alpha);
    for (const int tokens : {1, 3, 8, 32, 256}) {
      const Estimate expected = sampled(c, routing, tokens, std::max(200, 4000 / tokens));
      const double pairs = routing.largest_rank_load(tokens, c.ranks).pairs;
      const double error = std::fabs(pairs - expected.mean) / expected.mean;
      worst = std::max(worst, error);
      EXPECT_LE(error, kLargestRankError + 3.0 * expected.standard_error / expected.mean)
          << c.experts << " experts, top " << c.top_k << ", alpha " << c.alpha << ", " << c.ranks
          << " ranks, " << tokens << " tokens: " << pairs << " against " << expected.mean;
    }
  }
  RecordProperty("worst_relative_error", std::to_string(worst));
}

}  // namespace
}  // namespace moeplan::models
