// Does a file say what it varies, and is what is wrong with it said with key and line?
#include "sim/sweep/axis.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::sim {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using tests::expect_input_error;

// Line 8 is the rate; `more` comes below the workload's keys.
std::string scenario(const std::string& rate, const std::string& gpus = "1",
                     const std::string& more = "") {
  return "model: {architecture: qwen3-30b-a3b}\n"
         "hardware:\n"
         "  gpu: h100-sxm\n"
         "  gpus: " +
         gpus +
         "\n"
         "objectives: {ttft_p99: 2 s}\n"
         "prices: {book: 2026-11}\n"
         "workload:\n"
         "  rate: " +
         rate +
         "\n"
         "  input_tokens: {tokens: 100}\n"
         "  output_tokens: {tokens: 10}\n" +
         more;
}

SweptDocument read(const std::string& yaml) {
  const text::Document document = text::parse_yaml(yaml, "s.yaml");
  text::Problems problems(document);
  SweptDocument swept = read_swept(document, problems);
  problems.throw_if_any();
  return swept;
}

std::vector<double> numbers(const Axis& axis) {
  std::vector<double> out;
  for (const Value& value : axis.values) {
    out.push_back(value.numbers.at(0));
  }
  return out;
}

std::vector<double> rates(const std::string& rate) {
  const SweptDocument swept = read(scenario(rate));
  EXPECT_EQ(swept.axes.size(), 1U);
  EXPECT_EQ(swept.axes.at(0).path, "workload.rate");
  return numbers(swept.axes.at(0));
}

TEST(Axis, AListOfAKeyThatTakesOneValue) {
  EXPECT_THAT(rates("[10 requests/s, 20 requests/s]"), ElementsAre(10.0, 20.0));
}

TEST(Axis, AListOfAKeyThatTakesListsStaysCandidates) {
  const SweptDocument swept = read(scenario("10 requests/s", "[1, 2]"));
  EXPECT_TRUE(swept.axes.empty());
  EXPECT_THAT(swept.fixed.counts("hardware.gpus"), ElementsAre(1, 2));
}

TEST(Axis, EachVariesAnyKeyAndItsItemsMayBeLists) {
  const SweptDocument swept = read(scenario("10 requests/s", "{each: [1, [2, 4]]}"));
  ASSERT_EQ(swept.axes.size(), 1U);
  EXPECT_THAT(swept.axes[0].values.at(0).numbers, ElementsAre(1.0));
  EXPECT_THAT(swept.axes[0].values.at(1).numbers, ElementsAre(2.0, 4.0));
  EXPECT_THAT(swept.fixed.counts("hardware.gpus"), ElementsAre(1));  // the first
}

// 0.1 + i 0.05 is 0.15000000000000002 in doubles; a file would say 0.15.
TEST(Axis, AStepEndsAtTheLastValueNotBeyond) {
  EXPECT_THAT(rates("{from: 0.1 requests/s, to: 0.29 requests/s, step: 0.05 requests/s}"),
              ElementsAre(0.1, 0.15, 0.2, 0.25));
  EXPECT_THAT(rates("{from: 1 requests/s, to: 2 requests/s, step: 0.5 requests/s}"),
              ElementsAre(1.0, 1.5, 2.0));
}

TEST(Axis, PointsAreEvenOnTheirScaleAndEndExactly) {
  EXPECT_THAT(rates("{from: 10 requests/s, to: 40 requests/s, points: 4}"),
              ElementsAre(10.0, 20.0, 30.0, 40.0));
  EXPECT_THAT(rates("{from: 1 requests/s, to: 100 requests/s, points: 3, scale: log}"),
              ElementsAre(1.0, 10.0, 100.0));
  EXPECT_THAT(rates("{from: 1 requests/s, to: 3 requests/s, points: 3, scale: log}"),
              ElementsAre(1.0, DoubleNear(1.7320508075688772, 1e-11), 3.0));
}

TEST(Axis, CountsOfARangeAreWhole) {
  const SweptDocument swept = read(scenario("10 requests/s", "1",
                                            "engine: {max_sequences: {from: 1, to: 64, points: 4, "
                                            "scale: log}}\n"));
  EXPECT_THAT(numbers(swept.axes.at(0)), ElementsAre(1.0, 4.0, 16.0, 64.0));
}

TEST(Axis, AxesComeInTheOrderOfTheTableNotOfTheFile) {
  const SweptDocument swept =
      read(scenario("[10 requests/s, 20 requests/s]", "{each: [1, 2]}", "name: [a, b]\n"));
  ASSERT_EQ(swept.axes.size(), 3U);
  EXPECT_EQ(swept.axes[0].path, "name");
  EXPECT_EQ(swept.axes[1].path, "hardware.gpus");
  EXPECT_EQ(swept.axes[2].path, "workload.rate");
}

TEST(Axis, WrongValuesAreSaidWithKeyAndLine) {
  const auto refused = [](const std::string& rate, const std::string& code, const std::string& part,
                          const std::string& place = "s.yaml:8:") {
    SCOPED_TRACE(rate);
    expect_input_error([&] { read(scenario(rate)); }, code, place, "/workload/rate", part);
  };
  refused("[10 requests/s, -2 requests/s]", "E_RANGE", "> 0");
  refused("[10 requests/s, 20]", "E_UNIT", "20");
  refused("[10 requests/s, 600 requests/min, 0.01 requests/ms]", "E_DUPLICATE", "twice");
  refused("[]", "E_VALUE", "the list is empty");
  refused("{each: 3 requests/s}", "E_TYPE", "a list");
  refused("{from: 1 requests/s, till: 2 requests/s, points: 2}", "E_UNKNOWN_KEY", "till");
  refused("{from: 1 requests/s, points: 2}", "E_MISSING", "'to'");
  refused("{from: 1 requests/s, to: 2 requests/s}", "E_VALUE", "a step or a number of points");
  refused("{from: 1 requests/s, to: 2 requests/s, points: 2, step: 1 requests/s}", "E_VALUE",
          "not both");
  refused("{from: 2 requests/s, to: 1 requests/s, points: 2}", "E_RANGE", "ends above");
  refused("{from: 1 requests/s, to: 2 requests/s, points: 1}", "E_RANGE", "2 to");
  refused("{from: 1 requests/s, to: 2 requests/s, step: 0 requests/s}", "E_RANGE", "> 0");
  refused("{from: 1 requests/s, to: 2 requests/s, step: 1e-9 requests/s}", "E_RANGE", "step");
  refused("{from: 1 requests/s, to: 2 requests/s, step: 1 requests/s, scale: log}", "E_VALUE",
          "linear");
  refused("{from: 1 requests/s, to: 2 requests/s, points: 2, scale: lgo}", "E_VALUE", "log");
  expect_input_error([] { read(scenario("1 requests/s", "1", "name: {from: a, to: b}\n")); },
                     "E_TYPE", "s.yaml:11:", "/name", "only numbers have ranges");
  // Both problems of a file at once.
  EXPECT_EQ(expect_input_error([] { read(scenario("[1, 2 requests/s]", "{each: [0]}")); }, "E_UNIT",
                               "s.yaml:8:")
                .size(),
            2U);
}

TEST(Axis, APlanSaysWhoTakesLists) {
  const text::Document document = text::parse_yaml(scenario("[1 requests/s]"), "s.yaml");
  expect_input_error(
      [&] {
        text::Problems problems(document);
        ScenarioValues::parse(document, problems);
        problems.throw_if_any();
      },
      "E_TYPE", "s.yaml:8:", "moeplan sweep");
}

TEST(Axis, ColumnsCarryTheirUnit) {
  EXPECT_EQ(column_name(*find_field("workload.rate")), "workload.rate_per_s");
  EXPECT_EQ(column_name(*find_field("engine.max_sequences")), "engine.max_sequences");
  EXPECT_EQ(column_name(*find_field("seed")), "scenario.seed");
  const Field& budget = *find_field("objectives.budget");
  EXPECT_EQ(column_name(budget), "objectives.budget_usd_per_h");
  EXPECT_EQ(column_number(budget, 55.04 / 3600.0), 55.04);
}

}  // namespace
}  // namespace moeplan::sim
