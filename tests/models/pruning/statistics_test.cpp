// Do the streamed statistics say what a plain loop over the logits says, and are bad ones refused?
#include <gtest/gtest.h>

#include <limits>

#include "models/pruning/router_statistics.hpp"
#include "tests/models/pruning/planted.hpp"

namespace moeplan::models {
namespace {

constexpr std::int64_t kExperts = 12;

std::vector<float> some_logits(std::int64_t tokens, std::uint64_t seed = 21) {
  SplitMix random(seed);
  return planted_logits(tokens, kExperts, 4, 0.7, random);
}

// Longer than a block of 1024 and a chunk of 16384 tokens, and no multiple of either.
constexpr std::int64_t kTokens = 20000;

TEST(RouterStatistics, GramEqualsThePlainSum) {
  const auto logits = some_logits(kTokens);
  const Eigen::MatrixXd gram = gram_of_logits(logits.data(), kTokens, kExperts, 1).gram();
  for (Eigen::Index i = 0; i < kExperts; ++i) {
    for (Eigen::Index j = 0; j < kExperts; ++j) {
      double sum = 0.0;
      for (std::int64_t t = 0; t < kTokens; ++t) {
        sum += static_cast<double>(logits[static_cast<std::size_t>(t * kExperts + i)]) *
               static_cast<double>(logits[static_cast<std::size_t>(t * kExperts + j)]);
      }
      EXPECT_NEAR(gram(i, j), sum, 1e-5 * static_cast<double>(kTokens));
    }
  }
  EXPECT_EQ((gram - gram.transpose()).cwiseAbs().maxCoeff(), 0.0);
}

TEST(RouterStatistics, DoNotDependOnTheNumberOfThreads) {
  const auto logits = some_logits(kTokens);
  const RouterStatisticsBuilder empty(kExperts, 2, {});
  const auto one = statistics_of_logits(logits.data(), kTokens, empty, kExperts, 1);
  const auto three = statistics_of_logits(logits.data(), kTokens, empty, kExperts, 3);
  EXPECT_TRUE(one.gram == three.gram);
  EXPECT_EQ(one.selected, three.selected);
  EXPECT_EQ(one.gate_sum, three.gate_sum);
}

// Logits ln 1, ln 2, ln 3, ln 4: softmax 0.1, 0.2, 0.3, 0.4; top 2 = experts 3 and 2.
TEST(RouterStatistics, SelectionsAndGatesAreTheFormula) {
  const std::vector<float> token = {0.0f, std::log(2.0f), std::log(3.0f), std::log(4.0f)};
  RouterStatisticsBuilder plain(4, 2, {});
  plain.add(token.data(), 1);
  EXPECT_EQ(plain.statistics().selected, (std::vector<std::int64_t>{0, 0, 1, 1}));
  EXPECT_NEAR(plain.statistics().gate_sum[3], 0.4, 1e-6);
  EXPECT_NEAR(plain.statistics().gate_sum[2], 0.3, 1e-6);
  RouterStatisticsBuilder normalised(4, 2, {.softmax = true, .normalised = true});
  normalised.add(token.data(), 1);
  EXPECT_NEAR(normalised.statistics().gate_sum[3], 4.0 / 7.0, 1e-6);
  // Sigmoid of ln x is x / (1 + x): 0.5, 2/3, 3/4, 4/5; a bias of 1 on expert 0 makes it first.
  RouterStatisticsBuilder sigmoid(4, 2, {.softmax = false, .normalised = false},
                                  {1.0f, 0.0f, 0.0f, 0.0f});
  sigmoid.add(token.data(), 1);
  EXPECT_EQ(sigmoid.statistics().selected, (std::vector<std::int64_t>{1, 0, 0, 1}));
  EXPECT_NEAR(sigmoid.statistics().gate_sum[0], 0.5, 1e-6);  // the bias chooses, it does not weigh
  EXPECT_NEAR(sigmoid.statistics().gate_sum[3], 0.8, 1e-6);
}

// cos of (1, 0) and (1, 1) is 1/sqrt 2; of opposite vectors -1, mapped to 0.
TEST(RouterStatistics, SimilarityIsMappedCosine) {
  const std::vector<float> logits = {1.0f, 1.0f, -1.0f, 0.0f, 1.0f, 0.0f};  // [2 tokens x 3]
  const Eigen::MatrixXd s = router_similarity(gram_of_logits(logits.data(), 2, 3, 1).gram());
  EXPECT_NEAR(s(0, 1), 0.5 * (1.0 + std::sqrt(0.5)), 1e-12);
  EXPECT_NEAR(s(0, 2), 0.0, 1e-12);
  EXPECT_EQ(s(1, 1), 1.0);
}

void expect_bad(std::vector<float> logits, const std::string& part) {
  RouterStatisticsBuilder builder(kExperts, 2, {});
  try {
    builder.add(logits.data(), static_cast<std::int64_t>(logits.size()) / kExperts);
    FAIL() << "accepted; expected: " << part;
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
}

TEST(RouterStatistics, BadLogitsAreRefusedWithTheirToken) {
  auto logits = some_logits(3000);
  const std::size_t at = 1500 * kExperts + 7;
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 3e30f}) {
    auto broken = logits;
    broken[at] = bad;
    expect_bad(broken, "token 1500: the logit of expert 7");
  }
  for (std::int64_t e = 0; e < kExperts; ++e) {
    logits[static_cast<std::size_t>(2 * kExperts + e)] = 0.5f;
  }
  expect_bad(logits, "token 2: all logits are equal");
}

TEST(RouterStatistics, BadTokensAreNumberedAcrossChunks) {
  auto logits = some_logits(kTokens);
  logits[17000 * kExperts + 3] = std::numeric_limits<float>::quiet_NaN();
  try {
    gram_of_logits(logits.data(), kTokens, kExperts, 2);
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_NE(std::string(error.what()).find("token 17000"), std::string::npos) << error.what();
  }
}

TEST(RouterStatistics, StatisticsThatCannotBeAreNamed) {
  RouterStatisticsBuilder builder(kExperts, 2, {});
  auto logits = some_logits(100);
  builder.add(logits.data(), 100);
  const RouterStatistics good = builder.statistics();
  EXPECT_EQ(problem_of(good, kExperts, 2), std::nullopt);
  EXPECT_NE(problem_of(good, kExperts + 1, 2), std::nullopt);  // wrong width
  EXPECT_NE(problem_of(good, kExperts, 3), std::nullopt);      // selections do not add up
  RouterStatistics bad = good;
  bad.gram(0, 1) += 1.0;
  EXPECT_NE(problem_of(bad, kExperts, 2), std::nullopt);
  bad = good;
  bad.gram(3, 3) = 0.0;
  EXPECT_NE(problem_of(bad, kExperts, 2), std::nullopt);
  bad = good;
  bad.logit_sum[2] = 1e6;
  EXPECT_NE(problem_of(bad, kExperts, 2), std::nullopt);
  bad = good;
  bad.selected[0] = -1;
  EXPECT_NE(problem_of(bad, kExperts, 2), std::nullopt);
  bad = good;
  bad.gate_sum[0] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_NE(problem_of(bad, kExperts, 2), std::nullopt);
  bad = good;
  bad.tokens = 0;
  EXPECT_NE(problem_of(bad, kExperts, 2), std::nullopt);
}

TEST(RouterStatistics, AnExpertWithConstantLogitsIsNamed) {
  auto logits = some_logits(100);
  for (std::size_t t = 0; t < 100; ++t) {
    logits[t * kExperts + 5] = 0.25f;
  }
  RouterStatisticsBuilder builder(kExperts, 2, {});
  builder.add(logits.data(), 100);
  const auto problem = problem_of(builder.statistics(), kExperts, 2);
  ASSERT_TRUE(problem.has_value());
  EXPECT_NE(problem->find("expert 5"), std::string::npos) << *problem;
}

}  // namespace
}  // namespace moeplan::models
