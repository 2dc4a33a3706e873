#include "models/units/quantity.hpp"

#include <gtest/gtest.h>

#include "models/units/require.hpp"

namespace moeplan {
namespace {

TEST(Quantity, TransferTimeIsBytesOverBandwidth) {
  // 80 GB at 400 GB/s: 80e9 / 400e9 = 0.2 s.
  const Seconds time = gigabytes(80) / gigabytes_per_second(400);
  EXPECT_DOUBLE_EQ(in_seconds(time), 0.2);
  EXPECT_DOUBLE_EQ(in_milliseconds(time), 200.0);
}

TEST(Quantity, GigabytesAreDecimalAndGibibytesBinary) {
  EXPECT_EQ(in_bytes(gigabytes(1)), 1e9);
  EXPECT_EQ(in_bytes(gibibytes(1)), 1024.0 * 1024.0 * 1024.0);
  // 80 GiB are 80 * 1.073741824 GB.
  EXPECT_DOUBLE_EQ(in_gigabytes(gibibytes(80)), 85.89934592);
}

TEST(Quantity, RentTimesHoursIsMoney) {
  // 2.50 USD/h for 8 h: 20 USD.
  EXPECT_DOUBLE_EQ(in_usd(usd_per_hour(2.5) * hours(8)), 20.0);
  // 3.6 USD/h at 1000 tokens/s: 0.001 USD/s over 1000 tokens/s = 1e-6 USD a token, 1 USD a million.
  EXPECT_DOUBLE_EQ(in_usd_per_million_tokens(usd_per_hour(3.6) / tokens_per_second(1000)), 1.0);
}

TEST(Quantity, EqualDimensionsDivideToANumber) {
  const double ratio = seconds(3) / milliseconds(1500);
  EXPECT_DOUBLE_EQ(ratio, 2.0);
}

TEST(Quantity, SumsDifferencesAndOrder) {
  Seconds total = seconds(1);
  total += milliseconds(500);
  total -= milliseconds(250);
  EXPECT_DOUBLE_EQ(in_seconds(total), 1.25);
  EXPECT_EQ(-seconds(2), seconds(-2));
  EXPECT_LT(seconds(1), seconds(2));
  EXPECT_GE(seconds(2), seconds(2));
  EXPECT_GT(2.0 * seconds(1), seconds(1) / 2.0);
}

TEST(Quantity, StartsAtZero) { EXPECT_EQ(Usd().value(), 0.0); }

TEST(Require, ThrowsTheSentenceOnlyWhenBroken) {
  EXPECT_NO_THROW(require(true, "never"));
  try {
    require(false, "tokens must not vanish");
    FAIL() << "a broken invariant went unseen";
  } catch (const std::logic_error& error) {
    EXPECT_STREQ(error.what(), "tokens must not vanish");
  }
}

}  // namespace
}  // namespace moeplan
