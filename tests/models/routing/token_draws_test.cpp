// Single tokens drawn in constant time follow the probabilities that Routing states.
#include "models/routing/token_draws.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "models/routing/split_mix.hpp"
#include "tests/models/routing/draws_by_hand.hpp"

namespace moeplan::models {
namespace {

TEST(AliasTable, CellsByHand) {
  // Weights 1 and 3: cell 0 keeps its lower half and gives the upper one to index 1, cell 1 is all
  // its own. Words by quarter: cell 0 below a half -> 0, cell 0 above -> 1, cell 1 -> 1.
  const AliasTable table({1.0, 3.0});
  EXPECT_EQ(table.pick(0), 0u);
  EXPECT_EQ(table.pick((std::uint64_t{1} << 62) - 1), 0u);
  EXPECT_EQ(table.pick(std::uint64_t{1} << 62), 1u);
  EXPECT_EQ(table.pick(std::uint64_t{1} << 63), 1u);
  EXPECT_EQ(table.pick(~std::uint64_t{0}), 1u);
}

TEST(AliasTable, ChancesAreTheWeights) {
  // Evenly spaced words are a quadrature of the chances: 2^20 of them, at most 2 words off per
  // boundary, two boundaries a cell.
  const std::vector<double> weights = {0.0, 5.0, 1.0, 0.25, 3.0, 0.0, 0.75};
  const AliasTable table(weights);
  std::vector<int> hits(weights.size(), 0);
  constexpr int kWords = 1 << 20;
  for (int i = 0; i < kWords; ++i) {
    ++hits[table.pick((static_cast<std::uint64_t>(i) << 44) + (std::uint64_t{1} << 43))];
  }
  for (std::size_t i = 0; i < weights.size(); ++i) {
    EXPECT_NEAR(hits[i], kWords * weights[i] / 10.0, 28.0) << i;
    EXPECT_EQ(hits[i] == 0, weights[i] == 0.0) << i;
  }
}

TEST(AliasTable, RefusesWhatIsNoDistribution) {
  EXPECT_THROW(AliasTable({}), std::logic_error);
  EXPECT_THROW(AliasTable({0.0, 0.0}), std::logic_error);
  EXPECT_THROW(AliasTable({2.0, -1.0}), std::logic_error);
  EXPECT_THROW(AliasTable({1.0, std::nan("")}), std::logic_error);
}

// Share of `tokens` tokens that use each expert.
std::vector<double> sampled_inclusion(const Routing& routing, int tokens, std::uint64_t seed) {
  const TokenDraws draws(routing);
  SplitMix random(seed);
  std::vector<double> share(static_cast<std::size_t>(routing.experts()), 0.0);
  std::vector<ExpertId> experts;
  for (int t = 0; t < tokens; ++t) {
    draws.draw([&] { return random.next(); }, experts);
    for (const ExpertId e : experts) {
      share[static_cast<std::size_t>(e.index())] += 1.0 / tokens;
    }
  }
  return share;
}

TEST(TokenDraws, UseEveryExpertAsOftenAsInclusionSays) {
  constexpr int kTokens = 100000;
  for (const Routing& routing :
       {Routing::power_law(128, 8, 1.2), Routing::dirichlet(64, 6, 0.2, 1, 0),
        Routing::uniform(16, 4), Routing::from_inclusion({0.999, 0.9, 0.05, 0.051}, 2),
        Routing::power_law(16, 4, 1.0).pruned(RouterMode::merged_logits, 8)}) {
    const std::vector<double> share = sampled_inclusion(routing, kTokens, 99);
    for (std::size_t e = 0; e < share.size(); ++e) {
      const double q = routing.inclusion()[e];
      EXPECT_NEAR(share[e], q, 5.0 * std::sqrt(q * (1.0 - q) / kTokens) + 1e-6) << e;
    }
  }
}

TEST(TokenDraws, PairsOfExpertsAreThoseOfEveryDrawWrittenOut) {
  const Routing routing = Routing::power_law(5, 3, 1.0);
  std::map<std::set<std::size_t>, double> expected;
  tests::each_draw(routing.weights(), 3, [&](const std::vector<std::size_t>& drawn, double p) {
    expected[{drawn.begin(), drawn.end()}] += p;
  });
  constexpr int kTokens = 100000;
  const TokenDraws draws(routing);
  SplitMix random(1);
  std::map<std::set<std::size_t>, double> got;
  std::vector<ExpertId> experts;
  for (int t = 0; t < kTokens; ++t) {
    draws.draw([&] { return random.next(); }, experts);
    std::set<std::size_t> set;
    for (const ExpertId e : experts) {
      set.insert(static_cast<std::size_t>(e.index()));
    }
    ASSERT_EQ(set.size(), 3u);  // different experts
    got[set] += 1.0 / kTokens;
  }
  for (const auto& [set, p] : expected) {
    EXPECT_NEAR(got[set], p, 5.0 * std::sqrt(p * (1.0 - p) / kTokens));
  }
}

TEST(TokenDraws, MergedTokensUseAsManyExpertsAsTheEffectiveTopK) {
  const Routing merged = Routing::uniform(16, 4).pruned(RouterMode::merged_logits, 4);
  double sum = 0.0;
  for (const double share : sampled_inclusion(merged, 100000, 5)) {
    sum += share;
  }
  // A token's experts lie in 1 to 4 clusters: standard deviation below 1, 5 standard errors.
  EXPECT_NEAR(sum, merged.effective_top_k(), 5.0 / std::sqrt(100000.0));
}

TEST(TokenDraws, NoSkewMakesATokenSlow) {
  // One column with all weight but 1e-9 of it, top 3 of 8: after kTries words in vain the others
  // are found by the walk. Words per token at most 1 + 2 (1 + kTries).
  std::vector<double> q(8, 1.0 / 3.5);
  q[0] = 1.0;
  const TokenDraws draws(Routing::from_inclusion(q, 3));
  SplitMix random(1);
  std::vector<ExpertId> experts;
  for (int t = 0; t < 1000; ++t) {
    int words = 0;
    draws.draw(
        [&] {
          ++words;
          return random.next();
        },
        experts);
    EXPECT_EQ(experts.size(), 3u);
    EXPECT_LE(words, 1 + 2 * (1 + TokenDraws::kTries));
  }
}

}  // namespace
}  // namespace moeplan::models
