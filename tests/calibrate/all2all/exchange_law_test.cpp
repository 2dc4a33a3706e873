// Does the law charge the busiest resource, and the fit give back what was planted?
#include "calibrate/all2all/exchange_law.hpp"

#include <gtest/gtest.h>

namespace moeplan::calibrate {
namespace {

TEST(ExchangeLaw, TheBusiestRankSetsTheTime) {
  // Hot receiver: rank 0 takes in 3 x 4000 B, the others at most 3 x 1000; own parts stay at home.
  const ByteMatrix hot = pattern_matrix("hot_receiver_x4", {0, 1, 2, 3}, 7000);
  EXPECT_DOUBLE_EQ(busiest_rank_bytes(hot), 12000.0);
  const ExchangeLaw law{.start = 1e-3, .rate = 1e6};
  EXPECT_DOUBLE_EQ(law.seconds(hot), 1e-3 + 12e-3);
  // Back again the same bytes leave it.
  EXPECT_DOUBLE_EQ(law.seconds(hot.transposed()), 1e-3 + 12e-3);
}

TEST(ExchangeLaw, AnUplinkCountsWhatCrossesIt) {
  // Two pairs behind one uplink each: 2 ranks x 2 far ranks x 1000 B = 4000 B; a rank moves 3000.
  const ByteMatrix uniform = pattern_matrix("uniform", {0, 1, 2, 3}, 4000);
  ExchangeLaw law{.start = 0.0, .rate = 1e6};
  EXPECT_DOUBLE_EQ(law.seconds(uniform), 3e-3);
  law.uplinks = {{.ranks = {0, 1}, .rate = 1e6}};
  EXPECT_DOUBLE_EQ(law.seconds(uniform), 4e-3);
  law.uplinks[0].rate = 4e6;  // then the ranks' own links are slower
  EXPECT_DOUBLE_EQ(law.seconds(uniform), 3e-3);
}

TEST(ExchangeLaw, FitGivesBackStartAndRate) {
  std::vector<TimedBytes> rows;
  for (const double bytes : {1e3, 1e4, 1e5, 1e6}) {
    rows.push_back({bytes, 20e-6 + bytes / 5e8});
  }
  const ExchangeLaw law = fit_exchange_law(rows);
  EXPECT_NEAR(law.start, 20e-6, 1e-12);
  EXPECT_NEAR(law.rate, 5e8, 1.0);
}

TEST(ExchangeLaw, AStartBelowZeroIsNoneAndTheRateIsTheSlopes) {
  // 18 us for 9000 bytes more: 5e8 B/s; the line through both would begin at -1 us.
  const ExchangeLaw law = fit_exchange_law({{1e3, 1e-6}, {1e4, 19e-6}});
  EXPECT_EQ(law.start, 0.0);
  EXPECT_NEAR(law.rate, 5e8, 1.0);
}

TEST(ExchangeLaw, OneSizeIsNotEnough) {
  EXPECT_THROW(fit_exchange_law({{1e3, 1e-6}, {1e3, 2e-6}}), std::logic_error);
}

}  // namespace
}  // namespace moeplan::calibrate
