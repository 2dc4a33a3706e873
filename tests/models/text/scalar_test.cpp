// One value: type, finiteness, unit and range (tests.md C3 rows 10 to 13, 16 and 17).

#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "models/text/reader.hpp"
#include "models/text/whole_number.hpp"

namespace moeplan::text {
namespace {

// Runs one reader on the value of "v: TEXT"; keeps what it reported.
struct Tried {
  Document document;
  Problems problems;
  explicit Tried(const std::string& text)
      : document(parse_yaml("v: " + text + "\n", "f.yaml")), problems(document) {}
  const Node& node() const { return *document.root.find("v"); }
  std::string text() const { return problems.empty() ? "" : problems.list().front().text(); }
};

std::optional<std::int64_t> count_of(const std::string& text, std::string& problem,
                                     const Range& range = kNonNegative) {
  Tried tried(text);
  const auto value = as_count(tried.problems, tried.node(), "/v", range);
  problem = tried.text();
  EXPECT_NE(value.has_value(), !problem.empty());
  return value;
}

std::optional<double> number_of(const std::string& text, std::string& problem, const Range& range) {
  Tried tried(text);
  const auto value = as_number(tried.problems, tried.node(), "/v", range);
  problem = tried.text();
  EXPECT_NE(value.has_value(), !problem.empty());
  return value;
}

std::optional<double> quantity_of(const std::string& text, std::string& problem, const Dim& dim,
                                  const Range& range = kPositive) {
  Tried tried(text);
  const auto value = as_quantity(tried.problems, tried.node(), "/v", dim, range);
  problem = tried.text();
  EXPECT_NE(value.has_value(), !problem.empty());
  return value;
}

TEST(Count, TakesWholeNumbers) {
  std::string problem;
  EXPECT_EQ(count_of("8", problem), 8);
  EXPECT_EQ(count_of("+8", problem), 8);
  EXPECT_EQ(count_of("0", problem), 0);
  EXPECT_EQ(count_of("-3", problem, kAny), -3);
  EXPECT_EQ(count_of("1e6", problem), 1000000);
  EXPECT_EQ(count_of("8.0", problem), 8);
  EXPECT_EQ(count_of("9007199254740992", problem), kMaxCount);  // 2^53
}

TEST(Count, SaysGotAndExpectedForOtherTypes) {
  std::string problem;
  count_of("\"8\"", problem, {.low = 1});
  EXPECT_EQ(problem,
            "error[E_TYPE] f.yaml:1:4 (/v): wrong type, got a string \"8\", expected a whole "
            "number >= 1; remove the quotes");
  count_of("true", problem);
  EXPECT_EQ(problem,
            "error[E_TYPE] f.yaml:1:4 (/v): wrong type, got a boolean true, expected a whole "
            "number >= 0");
  count_of("8.5", problem);
  EXPECT_EQ(problem,
            "error[E_TYPE] f.yaml:1:4 (/v): wrong type, got a number 8.5, expected a whole "
            "number >= 0");
  count_of("eight", problem);
  EXPECT_EQ(problem,
            "error[E_TYPE] f.yaml:1:4 (/v): wrong type, got a string \"eight\", expected a whole "
            "number >= 0");
  count_of("[8, 9]", problem);
  EXPECT_NE(problem.find("got a sequence of 2"), std::string::npos);
  count_of("{a: 1}", problem);
  EXPECT_NE(problem.find("got a map of 1 keys"), std::string::npos);
  count_of("", problem);
  EXPECT_NE(problem.find("got null"), std::string::npos);
}

TEST(Count, AmbiguousScalarsGetAHint) {
  std::string problem;
  count_of("0o12", problem);
  EXPECT_EQ(problem,
            "error[E_TYPE] f.yaml:1:4 (/v): YAML versions read this value differently, got an "
            "ambiguous scalar 0o12, expected a whole number >= 0; write a decimal number without "
            "leading zeros, '_' or ':', or \"0o12\" for text");
}

TEST(Count, Ranges) {
  std::string problem;
  count_of("0", problem, {.low = 1});
  EXPECT_EQ(problem,
            "error[E_RANGE] f.yaml:1:4 (/v): the value is out of range, got 0, expected a whole "
            "number >= 1");
  count_of("-1", problem);
  EXPECT_NE(problem.find("E_RANGE"), std::string::npos);
  count_of("9", problem, {.low = 1, .high = 8});
  EXPECT_NE(problem.find("a whole number 1 to 8"), std::string::npos);
}

TEST(Count, BeyondTwoTo53IsAnOverflow) {
  std::string problem;
  // 2^53 + 1 would silently become 2^53 as a double.
  for (const char* text : {"9007199254740993", "1e18", "9223372036854775808",
                           "100000000000000000000000", "1e999", "-9007199254740993"}) {
    count_of(text, problem, kAny);
    EXPECT_NE(problem.find("error[E_OVERFLOW] f.yaml:1:4 (/v)"), std::string::npos) << text;
  }
}

TEST(Number, TakesIntegersAndFloats) {
  std::string problem;
  EXPECT_EQ(number_of("8", problem, kAny), 8.0);
  EXPECT_EQ(number_of("-.5e1", problem, kAny), -5.0);
  EXPECT_EQ(number_of("1.", problem, kFraction), 1.0);
}

TEST(Number, RefusesWhatIsNotFinite) {
  std::string problem;
  number_of("1e999", problem, kAny);
  EXPECT_NE(problem.find("E_RANGE"), std::string::npos);
  EXPECT_NE(problem.find("not finite"), std::string::npos);
  number_of(".nan", problem, kAny);
  EXPECT_NE(problem.find("E_TYPE"), std::string::npos);
  EXPECT_NE(problem.find("write a finite number"), std::string::npos);
  number_of("-.inf", problem, kAny);
  EXPECT_NE(problem.find("write a finite number"), std::string::npos);
}

TEST(Number, MinusZeroIsNotPositive) {
  std::string problem;
  number_of("-0", problem, kPositive);
  EXPECT_EQ(problem,
            "error[E_RANGE] f.yaml:1:4 (/v): the value is out of range, got -0, expected > 0");
  number_of("-0.0", problem, kPositive);
  EXPECT_NE(problem.find("expected > 0"), std::string::npos);
}

TEST(Quantity, TakesNumberAndUnit) {
  std::string problem;
  EXPECT_DOUBLE_EQ(quantity_of("7 us", problem, kTime).value_or(0), 7e-6);
  EXPECT_DOUBLE_EQ(quantity_of("\"400 GB/s\"", problem, kBandwidth).value_or(0), 4e11);
}

TEST(Quantity, BareNumbersMissTheUnitAlsoZero) {
  std::string problem;
  quantity_of("80", problem, kData);
  EXPECT_EQ(problem,
            "error[E_UNIT] f.yaml:1:4 (/v): the unit is missing, got 80, expected a number with "
            "one of the units B, kB, MB, GB, TB, KiB, MiB, GiB, TiB, Mbit, Gbit, Tbit");
  quantity_of("0", problem, kTime, kNonNegative);
  EXPECT_NE(problem.find("E_UNIT"), std::string::npos);
}

TEST(Quantity, WrongAndAmbiguousUnits) {
  std::string problem;
  quantity_of("400Gb", problem, kData);
  EXPECT_NE(problem.find("error[E_UNIT] f.yaml:1:4 (/v)"), std::string::npos);
  EXPECT_NE(problem.find("got \"400Gb\""), std::string::npos);
  EXPECT_NE(problem.find("ambiguous unit 'Gb' (bits or bytes?); write Gbit or GB"),
            std::string::npos);
  quantity_of("80 GB", problem, kTime);
  EXPECT_NE(problem.find("E_UNIT"), std::string::npos);
  quantity_of("true", problem, kTime);
  EXPECT_NE(problem.find("E_TYPE"), std::string::npos);
}

TEST(Quantity, RangesAreStatedInBaseUnits) {
  std::string problem;
  quantity_of("-1 ms", problem, kTime);
  EXPECT_NE(problem.find("E_RANGE"), std::string::npos);
  EXPECT_NE(problem.find("expected > 0 s"), std::string::npos);
  quantity_of("2 TB/s", problem, kBandwidth, {.low = 0.0, .high = 1e12});
  EXPECT_NE(problem.find("got 2 TB/s, expected 0 to 1000000000000 B/s"), std::string::npos)
      << problem;
}

TEST(StringValue, OnlyStrings) {
  Tried good("h100-sxm");
  EXPECT_EQ(as_string(good.problems, good.node(), "/v"), "h100-sxm");
  Tried number("100");
  EXPECT_EQ(as_string(number.problems, number.node(), "/v"), std::nullopt);
  EXPECT_NE(number.text().find("write \"100\" in quotes for text"), std::string::npos);
  Tried no("no");
  EXPECT_EQ(as_string(no.problems, no.node(), "/v"), std::nullopt);
  EXPECT_NE(no.text().find("write false for the boolean or \"no\" for the text"),
            std::string::npos);
}

TEST(BooleanValue, OnlyTrueAndFalse) {
  Tried good("True");
  EXPECT_EQ(as_boolean(good.problems, good.node(), "/v"), true);
  Tried off("FALSE");
  EXPECT_EQ(as_boolean(off.problems, off.node(), "/v"), false);
  Tried number("1");
  EXPECT_EQ(as_boolean(number.problems, number.node(), "/v"), std::nullopt);
  EXPECT_NE(number.text().find("got a number 1, expected true or false"), std::string::npos);
  Tried on("on");
  EXPECT_EQ(as_boolean(on.problems, on.node(), "/v"), std::nullopt);
  EXPECT_NE(on.text().find("write true for the boolean"), std::string::npos);
}

TEST(Choice, ListsTheChoices) {
  Tried good("sliced");
  EXPECT_EQ(as_choice(good.problems, good.node(), "/v", {"sliced", "merged"}), "sliced");
  Tried bad("slicd");
  EXPECT_EQ(as_choice(bad.problems, bad.node(), "/v", {"sliced", "merged"}), std::nullopt);
  EXPECT_EQ(bad.text(),
            "error[E_VALUE] f.yaml:1:4 (/v): unknown value, got 'slicd', expected one of sliced, "
            "merged; did you mean 'sliced'?");
  Tried number("3");
  EXPECT_EQ(as_choice(number.problems, number.node(), "/v", {"sliced"}), std::nullopt);
  EXPECT_NE(number.text().find("E_TYPE"), std::string::npos);
}

TEST(RangeText, SaysTheBounds) {
  EXPECT_EQ(kAny.text(), "a finite number");
  EXPECT_EQ(kPositive.text(), "> 0");
  EXPECT_EQ(kNonNegative.text(), ">= 0");
  EXPECT_EQ(kFraction.text(), "0 to 1");
  EXPECT_EQ((Range{.low = 0, .high = 1, .low_open = true}).text(), "> 0 and <= 1");
  EXPECT_EQ((Range{.high = 5, .high_open = true}).text(), "< 5");
}

TEST(RangeContains, OpenAndClosedEnds) {
  EXPECT_TRUE(kFraction.contains(0.0));
  EXPECT_TRUE(kFraction.contains(1.0));
  EXPECT_FALSE(kFraction.contains(1.0000001));
  EXPECT_FALSE(kPositive.contains(0.0));
  EXPECT_FALSE((Range{.high = 5, .high_open = true}).contains(5.0));
  EXPECT_FALSE(kFraction.contains(std::numeric_limits<double>::quiet_NaN()));
}

}  // namespace
}  // namespace moeplan::text
