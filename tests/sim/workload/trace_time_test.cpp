// Are time stamps read to the picosecond, and written so that they read back the same?

#include "sim/workload/trace_time.hpp"

#include <gtest/gtest.h>

namespace moeplan::sim {
namespace {

// As text, because GoogleTest cannot print 128 bits.
std::string ps(std::string_view text, StampUnit unit) {
  auto value = parse_stamp(text, unit);
  if (!value) {
    return "none";
  }
  std::string digits;
  const bool negative = *value < 0;
  WidePicoseconds left = negative ? -*value : *value;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(left % 10)));
    left /= 10;
  } while (left > 0);
  return (negative ? "-" : "") + digits;
}

TEST(TraceTime, DecimalsInEveryUnit) {
  EXPECT_EQ(ps("12.5", StampUnit::seconds), "12500000000000");
  EXPECT_EQ(ps("12.5", StampUnit::milliseconds), "12500000000");
  EXPECT_EQ(ps("7", StampUnit::microseconds), "7000000");
  EXPECT_EQ(ps("7", StampUnit::nanoseconds), "7000");
  EXPECT_EQ(ps("0", StampUnit::seconds), "0");
  EXPECT_EQ(ps(".5", StampUnit::seconds), "500000000000");
  EXPECT_EQ(ps("-1", StampUnit::nanoseconds), "-1000");
}

// Where a double has 53 bits only: 1777142838.338653 s is 1.8e21 ps, 71 bits.
TEST(TraceTime, EpochSecondsKeepEveryDigit) {
  EXPECT_EQ(ps("1777142838.338653", StampUnit::seconds), "1777142838338653000000");
}

// Python writes 0.1 + 0.2 as 0.30000000000000004 and 1e-05 for ten microseconds.
TEST(TraceTime, FloatsAsPythonWritesThem) {
  EXPECT_EQ(ps("0.30000000000000004", StampUnit::seconds), "300000000000");
  EXPECT_EQ(ps("1e-05", StampUnit::seconds), "10000000");
  EXPECT_EQ(ps("1.5e+3", StampUnit::milliseconds), "1500000000000");
  EXPECT_EQ(ps("2E1", StampUnit::nanoseconds), "20000");
  EXPECT_EQ(ps("0.0000000000005", StampUnit::seconds), "1") << "half a picosecond rounds up";
  EXPECT_EQ(ps("0.00000000000049", StampUnit::seconds), "0");
}

TEST(TraceTime, RefusesWhatIsNoNumber) {
  for (const char* text : {"", ".", "-", "1,5", "1.2.3", "1e", "1e5x", "0x10", "nan", "inf", " 1",
                           "1 ", "1e999", "99999999999999999999999999999"}) {
    EXPECT_EQ(ps(text, StampUnit::seconds), "none") << text;
  }
}

// 2023-11-16 is 19677 days after 1970-01-01 (53 years of 365 days, 13 leap days 1972 to 2020, 319
// days of 2023): 19677 x 86400 + 18 x 3600 + 17 x 60 + 3.97996 s.
TEST(TraceTime, Calendar) {
  EXPECT_EQ(ps("2023-11-16 18:17:03.9799600", StampUnit::calendar), "1700158623979960000000");
  EXPECT_EQ(ps("2023-11-16T18:17:03.97996Z", StampUnit::calendar), "1700158623979960000000");
  EXPECT_EQ(ps("2023-11-16 19:17:03.97996+01:00", StampUnit::calendar), "1700158623979960000000");
  EXPECT_EQ(ps("2023-11-16 12:47:03.97996-05:30", StampUnit::calendar), "1700158623979960000000");
  EXPECT_EQ(ps("1970-01-01 00:00:01", StampUnit::calendar), "1000000000000");
}

TEST(TraceTime, RefusesDaysThatAreNone) {
  for (const char* text :
       {"2023-02-29 00:00:00", "2023-13-01 00:00:00", "2023-11-16", "2023-11-16 24:00:00",
        "2023-11-16 12:60:00", "2023-11-16 12:00:61", "2023-11-16 12:00", "2023-11-16 12:00:00,5",
        "2023-11-16 12:00:00+25:00", "2023-11-16 12:00:00Zx", "16.11.2023 12:00:00", "12.5",
        "2023-11-16 12:00:5", "2023-11-16 1:00:05"}) {
    EXPECT_EQ(ps(text, StampUnit::calendar), "none") << text;
  }
}

TEST(TraceTime, WrittenSecondsReadBackTheSame) {
  EXPECT_EQ(seconds_text(0), "0");
  EXPECT_EQ(seconds_text(500'000'000'000), "0.5");
  EXPECT_EQ(seconds_text(12'000'000'000'001), "12.000000000001");
  EXPECT_EQ(seconds_text(9'223'372'036'854'775'807), "9223372.036854775807");
  for (const std::int64_t value : {0L, 1L, 999L, 1'000'000'000'000L, 9'223'372'036'854'775'807L}) {
    EXPECT_EQ(ps(seconds_text(value), StampUnit::seconds), std::to_string(value));
  }
}

}  // namespace
}  // namespace moeplan::sim
