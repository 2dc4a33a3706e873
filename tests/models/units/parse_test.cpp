#include "models/units/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace moeplan {
namespace {

using testing::HasSubstr;

struct Good {
  const char* text;
  Dim dim;
  double base;
};

class ParseGood : public testing::TestWithParam<Good> {};

TEST_P(ParseGood, GivesBaseUnits) {
  const ParsedQuantity parsed = parse_quantity(GetParam().text, GetParam().dim);
  EXPECT_EQ(parsed.problem, "");
  EXPECT_DOUBLE_EQ(parsed.value, GetParam().base);
}

INSTANTIATE_TEST_SUITE_P(
    Units, ParseGood,
    testing::Values(
        Good{"7 us", kTime, 7e-6}, Good{"7us", kTime, 7e-6}, Good{"  7  us ", kTime, 7e-6},
        Good{"5 min", kTime, 300.0}, Good{"2 h", kTime, 7200.0}, Good{"1 d", kTime, 86400.0},
        Good{"250 ps", kTime, 2.5e-10}, Good{"80 GB", kData, 80e9},
        Good{"80 GiB", kData, 85899345920.0},  // 80 * 2^30
        Good{"1 KiB", kData, 1024.0}, Good{"1 kB", kData, 1000.0},
        Good{"400 GB/s", kBandwidth, 4e11}, Good{"400 Gbit/s", kBandwidth, 5e10},  // 400e9 / 8
        Good{"3.35 TB/s", kBandwidth, 3.35e12}, Good{"1 GiB/s", kBandwidth, 1073741824.0},
        Good{"989.4 TFLOP/s", kCompute, 989.4e12}, Good{"2.5 USD/h", kRent, 2.5 / 3600.0},
        Good{"730 USD/month", kRent, 1.0 / 3600.0},  // a month is 730 h
        Good{"8760 USD/year", kRent, 1.0 / 3600.0}, Good{"0.5 USD/Mtokens", kTokenPrice, 5e-7},
        Good{"0.36 USD/kWh", kEnergyPrice, 1e-7},  // 0.36 / 3.6e6 J
        Good{"700 W", kPower, 700.0}, Good{"1 kWh", kEnergy, 3.6e6},
        Good{"2.5 requests/s", kFrequency, 2.5}, Good{"90 requests/min", kFrequency, 1.5},
        Good{"3600 tokens/h", kTokenRate, 1.0}, Good{"1e9 B", kData, 1e9}, Good{"1e9B", kData, 1e9},
        Good{"1.5E-3 s", kTime, 1.5e-3}, Good{"+5 s", kTime, 5.0}, Good{"-3 ms", kTime, -3e-3},
        Good{".5 s", kTime, 0.5}, Good{"0 ms", kTime, 0.0}));

struct Bad {
  const char* text;
  Dim dim;
  const char* says;
};

class ParseBad : public testing::TestWithParam<Bad> {};

TEST_P(ParseBad, SaysWhyAndListsTheUnits) {
  const ParsedQuantity parsed = parse_quantity(GetParam().text, GetParam().dim);
  EXPECT_THAT(parsed.problem, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Units, ParseBad,
    testing::Values(Bad{"7", kTime, "unit is missing in '7'; valid units: ps, ns, us, ms, s"},
                    Bad{"0", kData, "unit is missing"},
                    Bad{"400Gb", kData, "ambiguous unit 'Gb' (bits or bytes?)"},
                    Bad{"400 Gb/s", kBandwidth, "write Gbit or GB"},
                    Bad{"400 Gbps", kBandwidth, "ambiguous unit 'Gbps'"},
                    Bad{"7 m", kTime, "unknown unit 'm'"},  // minutes are min
                    Bad{"7 S", kTime, "unknown unit 'S'"},  // siemens
                    Bad{"80 gb", kData, "unknown unit 'gb'; valid units: B, kB, MB, GB"},
                    Bad{"80 GB", kBandwidth, "does not measure this; valid units: B/s, MB/s"},
                    Bad{"3 GB/s/s", kBandwidth, "unknown unit"},
                    Bad{"3 /s", kFrequency, "unknown unit"}, Bad{"nan s", kTime, "finite number"},
                    Bad{"inf s", kTime, "finite number"}, Bad{"1e999 s", kTime, "finite number"},
                    Bad{"1e308 TB", kData, "not finite in base units"},
                    Bad{"", kTime, "finite number"}, Bad{"s", kTime, "finite number"},
                    Bad{"+-5 s", kTime, "finite number"}, Bad{"--5 s", kTime, "finite number"},
                    Bad{"1,5 GB", kData, "unknown unit ',5 GB'"},
                    Bad{"1_000 B", kData, "unknown unit '_000 B'"},
                    Bad{"0x10 B", kData, "unknown unit 'x10 B'"}));

TEST(ParseTyped, ReturnsTheQuantityOrNothing) {
  EXPECT_EQ(parse<kTime>("7 ms"), milliseconds(7));
  EXPECT_EQ(parse<kTime>("7 GB"), std::nullopt);
}

TEST(ParseNumber, PlainFiniteDecimalsOnly) {
  EXPECT_EQ(parse_number("12.5"), 12.5);
  EXPECT_EQ(parse_number(" +1e3 "), 1000.0);
  EXPECT_TRUE(std::signbit(parse_number("-0").value()));
  for (const char* text : {"", " ", "x", "1x", "1 2", "0x1F", "inf", "-inf", "nan", "1e999", "+-1",
                           "1,5", "1_000", "****"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << "'" << text << "'";
  }
}

TEST(ValidUnits, EveryUnitInTheListParses) {
  for (const Dim& dim : {kTime, kData, kWork, kTokens, kMoney, kEnergy, kBandwidth, kCompute,
                         kFrequency, kTokenRate, kRent, kTokenPrice, kPower, kEnergyPrice}) {
    const std::string list = valid_units(dim) + ", ";
    ASSERT_GT(list.size(), 2u);
    for (std::size_t begin = 0; begin < list.size();) {
      const std::size_t end = list.find(", ", begin);
      const std::string unit = list.substr(begin, end - begin);
      EXPECT_EQ(parse_quantity("1 " + unit, dim).problem, "") << unit;
      begin = end + 2;
    }
  }
}

TEST(ToText, ThreeDigitsAndAUnitThatFits) {
  EXPECT_EQ(to_text(milliseconds(12.34)), "12.3 ms");
  EXPECT_EQ(to_text(microseconds(1.5)), "1.50 us");
  EXPECT_EQ(to_text(milliseconds(123.4)), "123 ms");
  EXPECT_EQ(to_text(seconds(90)), "1.50 min");
  EXPECT_EQ(to_text(seconds(0)), "0.00 us");
  EXPECT_EQ(to_text(milliseconds(-12.34)), "-12.3 ms");
  EXPECT_EQ(to_text(gibibytes(1.4)), "1.40 GiB");
  EXPECT_EQ(to_text(gigabytes_per_second(3350)), "3.35 TB/s");
  EXPECT_EQ(to_text(teraflops(989.4)), "989 TFLOP/s");
  EXPECT_EQ(to_text(usd_per_hour(2.5)), "2.50 USD/h");
}

TEST(ToText, RoundingNeverGivesAFourthDigit) {
  EXPECT_EQ(to_text(microseconds(9.996)), "10.0 us");
  EXPECT_EQ(to_text(microseconds(99.96)), "100 us");
  EXPECT_EQ(to_text(microseconds(999.7)), "1.00 ms");
  EXPECT_EQ(to_text(microseconds(999.4)), "999 us");
}

// Three significant digits: what is read back is within half of the last digit, 0.5 %.
template <Dim D>
void expect_round_trip(double low, double high) {
  for (double value = low; value < high; value *= 1.37) {
    const std::string text = to_text(Quantity<D>(value));
    const auto back = parse<D>(text);
    ASSERT_TRUE(back.has_value()) << text;
    EXPECT_NEAR(back->value() / value, 1.0, 0.005) << text;
  }
}

TEST(ToText, ReadsBackWithinThreeDigits) {
  expect_round_trip<kTime>(1e-6, 1e7);
  expect_round_trip<kData>(1.0, 1e14);
  expect_round_trip<kBandwidth>(1e6, 1e14);
  expect_round_trip<kCompute>(1e9, 1e16);
  expect_round_trip<kRent>(1.0 / 3600.0, 100.0 / 3600.0);
}

}  // namespace
}  // namespace moeplan
