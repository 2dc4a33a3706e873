// Front, envelope and break-even on options that a person can work out.
#include "sim/study/choice.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moeplan::sim {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Merit merit(double quality, double latency_ms, double pretraining, double per_token) {
  return {.quality = quality,
          .latency = milliseconds(latency_ms),
          .pretraining = usd(pretraining),
          .inference = UsdPerToken(per_token)};
}

// 1 is beaten by 0 in all three, 2 is slower and dearer but more accurate, 3 equals 0, and 4 has
// the quality of 2 for less.
TEST(StudyFront, KeepsWhatNothingBeats) {
  EXPECT_THAT(study_front({merit(0.6, 10, 100, 1), merit(0.5, 20, 200, 1), merit(0.7, 30, 300, 1),
                           merit(0.6, 10, 100, 9), merit(0.7, 30, 200, 1)}),
              ElementsAre(0, 3, 4));
  EXPECT_THAT(study_front({}), IsEmpty());
}

// Inference cost takes no part: it is shown, and lives in the lifetime cost.
TEST(StudyFront, TradesEachOfTheThree) {
  const Merit base = merit(0.6, 10, 100, 1);
  EXPECT_THAT(study_front({base, merit(0.61, 11, 101, 1)}), ElementsAre(0, 1));
  EXPECT_THAT(study_front({base, merit(0.59, 9, 101, 1)}), ElementsAre(0, 1));
  EXPECT_THAT(study_front({base, merit(0.59, 11, 99, 1)}), ElementsAre(0, 1));
  EXPECT_THAT(study_front({base, merit(0.59, 10, 100, 1)}), ElementsAre(0));
}

// 100 + 5 n, 200 + 3 n, 400 + 1 n: lines 0 and 1 cross at (200 - 100) / (5 - 3) = 50 tokens, 1 and
// 2 at 200 / 2 = 100; 0 and 2 would at 75, behind 1.
TEST(CheapestByLifetime, IsTheLowerEnvelope) {
  const std::vector<CheapestFrom> parts =
      cheapest_by_lifetime({merit(0.6, 1, 100, 5), merit(0.6, 1, 200, 3), merit(0.6, 1, 400, 1)});
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].option, 0u);
  EXPECT_DOUBLE_EQ(in_tokens(parts[0].from), 0.0);
  EXPECT_EQ(parts[1].option, 1u);
  EXPECT_DOUBLE_EQ(in_tokens(parts[1].from), 50.0);
  EXPECT_EQ(parts[2].option, 2u);
  EXPECT_DOUBLE_EQ(in_tokens(parts[2].from), 100.0);
}

// 100 + 5 n, 260 + 3 n, 400 + 1 n: 0 and 2 cross at 300 / 4 = 75; 1 costs 485 there, 0 and 2 475.
TEST(CheapestByLifetime, LeavesOutWhatIsNeverCheapest) {
  const std::vector<CheapestFrom> parts =
      cheapest_by_lifetime({merit(0.6, 1, 100, 5), merit(0.6, 1, 260, 3), merit(0.6, 1, 400, 1)});
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[1].option, 2u);
  EXPECT_DOUBLE_EQ(in_tokens(parts[1].from), 75.0);
}

TEST(CheapestByLifetime, PrefersTheMoreAccurateOfEquals) {
  const std::vector<CheapestFrom> parts =
      cheapest_by_lifetime({merit(0.6, 1, 100, 5), merit(0.7, 1, 100, 5)});
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].option, 1u);
  EXPECT_THAT(cheapest_by_lifetime({}), IsEmpty());
}

TEST(CheapestByLifetime, AgreesWithAddingUp) {
  const std::vector<Merit> options = {merit(0.6, 1, 70, 6),  merit(0.6, 1, 90, 4),
                                      merit(0.6, 1, 100, 4), merit(0.6, 1, 130, 3.5),
                                      merit(0.6, 1, 300, 2), merit(0.6, 1, 310, 0.5)};
  const std::vector<CheapestFrom> parts = cheapest_by_lifetime(options);
  for (int n = 0; n < 300; ++n) {
    std::size_t part = 0;
    while (part + 1 < parts.size() && in_tokens(parts[part + 1].from) <= n) {
      ++part;
    }
    for (const Merit& option : options) {
      EXPECT_LE(in_usd(options[parts[part].option].over(tokens(n))),
                in_usd(option.over(tokens(n))) + 1e-9)
          << n;
    }
  }
}

TEST(PaysFrom, IsWhereTheLinesCross) {
  const Merit scratch = merit(0.6, 1, 100, 5);
  EXPECT_DOUBLE_EQ(in_tokens(*pays_from(merit(0.6, 1, 400, 2), scratch)), 100.0);
  const Tokens from = *pays_from(merit(0.6, 1, 310, 1), scratch);
  EXPECT_DOUBLE_EQ(in_usd(merit(0.6, 1, 310, 1).over(from)), in_usd(scratch.over(from)));
  EXPECT_DOUBLE_EQ(in_tokens(*pays_from(merit(0.6, 1, 100, 5), scratch)), 0.0);
  EXPECT_DOUBLE_EQ(in_tokens(*pays_from(merit(0.6, 1, 90, 4), scratch)), 0.0);
  EXPECT_EQ(pays_from(merit(0.6, 1, 200, 5), scratch), std::nullopt);
  EXPECT_EQ(pays_from(merit(0.6, 1, 200, 6), scratch), std::nullopt);
  EXPECT_EQ(pays_from(merit(0.6, 1, 50, 6), scratch), std::nullopt) << "cheaper only at first";
}

}  // namespace
}  // namespace moeplan::sim
