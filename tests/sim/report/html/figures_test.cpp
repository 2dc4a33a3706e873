// Is what the figures draw what the result says, number by number, and is nothing drawn that the
// result has not?

#include "sim/report/html/figures.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "models/text/input_error.hpp"
#include "models/text/load.hpp"
#include "sim/report/html/design_row.hpp"
#include "sim/report/html/report_content.hpp"
#include "tests/sim/report/html/planned.hpp"

namespace moeplan::sim {
namespace {

using tests::number_at_path;
using tests::planned;
using tests::value_at;
using text::Node;

// The spec as a document; data of its first layer's own rows, or of the whole spec.
text::Document spec_of(const ReportFigure& figure) {
  return text::parse_json(figure.spec.line(), figure.id);
}

std::vector<std::string> ids(const ReportContent& content) {
  std::vector<std::string> all;
  for (const ReportFigure& figure : content.figures) {
    all.push_back(figure.id);
  }
  return all;
}

TEST(Figures, APlanHasAllOfThem) {
  EXPECT_THAT(ids(report_content(planned())),
              testing::ElementsAre("pareto", "accuracy", "ttft_cdf", "tpot_cdf", "phases", "memory",
                                   "budget", "rent_or_buy", "law_errors"));
}

TEST(Figures, TablesAreRectangular) {
  for (const ReportFigure& figure : report_content(planned()).figures) {
    EXPECT_FALSE(figure.table.rows.empty()) << figure.id;
    for (const auto& row : figure.table.rows) {
      EXPECT_EQ(row.size(), figure.table.columns.size()) << figure.id;
    }
  }
}

TEST(Figures, ParetoPointsAreTheDesigns) {
  const Node& plan = planned().root;
  const text::Document spec = spec_of(*pareto_figure(plan));
  const std::vector<Node>& rows = value_at(spec.root, "data/values").items;
  const std::vector<Node>& designs = value_at(plan, "designs").items;
  ASSERT_EQ(rows.size(), designs.size()) << "every design once, named ones too";
  std::multiset<std::pair<double, double>> drawn;
  std::multiset<std::pair<double, double>> wanted;
  std::size_t front = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    drawn.insert(
        {number_at_path(rows[i], "cost_usd_per_month"), number_at_path(rows[i], "tpot_p99_ms")});
    wanted.insert({number_at_path(designs[i], "cost_usd_per_month"),
                   1e3 * number_at_path(designs[i], "tpot_p99_s")});
    front += value_at(rows[i], "front").scalar == "true" ? 1 : 0;
  }
  EXPECT_EQ(drawn, wanted);
  EXPECT_EQ(front, value_at(plan, "pareto").items.size());
  EXPECT_EQ(number_at_path(rows[0], "cost_usd_per_month"),
            number_at_path(plan, "recommendation/cost_usd_per_month"));
  EXPECT_THAT(value_at(rows[0], "named").scalar, testing::StartsWith("recommended"));
}

TEST(Figures, AccuracyHasTheCurveItsBandAndTheAllowedLoss) {
  const Node& plan = planned().root;
  const text::Document spec = spec_of(*accuracy_figure(plan));
  const std::vector<Node>& rows = value_at(spec.root, "data/values").items;
  const std::vector<Node>& points = value_at(plan, "accuracy_curve/points").items;
  ASSERT_EQ(rows.size(), points.size() + 1) << "and the recommended design";
  for (std::size_t i = 0; i < points.size(); ++i) {
    for (const char* key : {"accuracy", "accuracy_low", "accuracy_high"}) {
      const std::string field = std::string(key) == "accuracy"       ? "accuracy_percent"
                                : std::string(key) == "accuracy_low" ? "low_percent"
                                                                     : "high_percent";
      EXPECT_EQ(number_at_path(rows[i], field), 100.0 * number_at_path(points[i], key));
    }
  }
  // 3 points below the unpruned value.
  const double bound = 100.0 * (number_at_path(plan, "accuracy_curve/unpruned_accuracy") - 0.03);
  bool ruled = false;
  for (const Node& layer : value_at(spec.root, "layer").items) {
    const Node* y = value_at(layer, "encoding").find("y");
    ruled = ruled ||
            (y != nullptr && y->find("datum") != nullptr && number_at_path(*y, "datum") == bound);
  }
  EXPECT_TRUE(ruled);
}

TEST(Figures, CurvesAreTheStoredOnesAndAgreeWithThePercentiles) {
  const Node& plan = planned().root;
  const text::Document spec = spec_of(*ttft_figure(plan));
  const std::vector<Node>& rows = value_at(spec.root, "data/values").items;
  const std::vector<Node>& fractions = value_at(plan, "recommendation/latency_cdf/fractions").items;
  const std::size_t named = named_designs(plan).size();
  ASSERT_EQ(rows.size(), named * fractions.size());
  for (std::size_t i = 0; i < fractions.size(); ++i) {
    const double value =
        number_at_path(plan, fmt::format("recommendation/latency_cdf/ttft_s/{}", i));
    EXPECT_EQ(number_at_path(rows[i], "latency_ms"), 1e3 * value);
    const double fraction =
        number_at_path(plan, fmt::format("recommendation/latency_cdf/fractions/{}", i));
    const auto agrees = [&](double at, const char* key) {
      if (fraction == at) {
        EXPECT_EQ(value, number_at_path(plan, std::string("recommendation/ttft/") + key));
      }
    };
    agrees(0.5, "p50_s");
    agrees(0.95, "p95_s");
    agrees(0.99, "p99_s");
    agrees(1.0, "max_s");
  }
}

TEST(Figures, PhasesAddUpToTheStep) {
  const Node& plan = planned().root;
  const text::Document spec = spec_of(*phases_figure(plan));
  std::map<std::string, double> heights;
  for (const Node& row : value_at(spec.root, "layer/0/data/values").items) {
    heights[value_at(row, "design").scalar] += number_at_path(row, "step_ms");
  }
  const std::vector<DesignRow> rows = by_experts(plan);
  ASSERT_EQ(heights.size(), 2U) << "128 and 64 experts";
  for (const DesignRow& row : rows) {
    const double step = 1e3 * number_at_path(*row.node, "phases/mean_step_s");
    EXPECT_NEAR(heights.at(row.axis), step, 1e-9 * step);
  }
}

TEST(Figures, MemoryAddsUpToWhatIsUsable) {
  const Node& plan = planned().root;
  const text::Document spec = spec_of(*memory_figure(plan));
  std::map<std::string, double> heights;
  for (const Node& row : value_at(spec.root, "layer/0/data/values").items) {
    heights[value_at(row, "design").scalar] += number_at_path(row, "gib");
  }
  for (const DesignRow& row : by_experts(plan)) {
    const double usable = number_at_path(*row.node, "memory/usable_bytes") / 1073741824.0;
    EXPECT_LE(heights.at(row.axis), usable * (1.0 + 1e-12));
    EXPECT_GE(heights.at(row.axis), 0.99 * usable) << "the cache takes the rest, by blocks";
  }
}

TEST(Figures, BudgetIsTheMonthOfEveryNamedDesign) {
  const Node& plan = planned().root;
  const text::Document spec = spec_of(*budget_figure(plan));
  std::map<std::string, double> bars;
  for (const Node& row : value_at(spec.root, "data/values").items) {
    bars[value_at(row, "design").scalar] += number_at_path(row, "usd_per_month");
  }
  for (const DesignRow& row : named_designs(plan)) {
    const double month = number_at_path(*row.node, "cost_usd_per_month");
    EXPECT_NEAR(bars.at(row.label), month, 1e-9 * month);
  }
}

// A break-even by hand: what costs 30 of the 60 USD that a whole day by the hour costs is cheaper
// from 12 h on.
constexpr const char* kPaid = R"({"schema_version": 1, "name": "day",
  "recommendation": {"experts_kept": 64, "gpu": "h100-sxm", "gpus": 3, "replicas": 3},
  "designs": [{"experts_kept": 64, "gpu": "h100-sxm", "gpus": 3, "replicas": 3}],
  "rent_or_buy": [
    {"tier": "on_demand", "cost_usd_per_month": 60, "by_the_hour": true,
     "break_even_hours_per_day": null},
    {"tier": "reserved_1y", "cost_usd_per_month": 30, "by_the_hour": false,
     "break_even_hours_per_day": 12},
    {"tier": "owned", "cost_usd_per_month": 90, "by_the_hour": false,
     "break_even_hours_per_day": 36}],
  "day": [{"design": 0, "requests_per_s_per_engine": 10, "at_least": false, "peak_engines": 3,
    "hours": [{"hour": 0, "requests_per_s": 8, "engines": 1},
              {"hour": 1, "requests_per_s": 28, "engines": 3}],
    "fixed": {"base_engines": 3, "cost_usd_per_month": 300},
    "following": {"base_engines": 0, "cost_usd_per_month": 330},
    "mixed": {"base_engines": 2, "cost_usd_per_month": 270}}]})";

TEST(Figures, RentOrBuyIsALineATierAndADotABreakEven) {
  const text::Document plan = text::parse_json(kPaid, "plan.json");
  const ReportFigure figure = *rent_or_buy_figure(plan.root);
  const text::Document spec = spec_of(figure);
  const std::vector<Node>& lines = value_at(spec.root, "layer/0/data/values").items;
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(number_at_path(lines[0], "usd_per_month"), 0.0) << "by the hour: nothing without use";
  EXPECT_EQ(number_at_path(lines[1], "usd_per_month"), 60.0);
  EXPECT_EQ(number_at_path(lines[2], "usd_per_month"), 30.0);
  EXPECT_EQ(number_at_path(lines[3], "hours"), 24.0);
  ASSERT_EQ(value_at(spec.root, "layer").items.size(), 4U) << "of one break-even: dot, line, text";
  const Node& dot = value_at(spec.root, "layer/1/data/values/0");
  EXPECT_EQ(number_at_path(dot, "hours"), 12.0);
  EXPECT_EQ(value_at(dot, "label").scalar, "reserved_1y from 12.0 h");
  EXPECT_EQ(figure.table.rows[2].back(), "never");
}

TEST(Figures, TheDayIsTheTrafficTheEnginesOfEveryWayAndTheirMoney) {
  const text::Document plan = text::parse_json(kPaid, "plan.json");
  const std::vector<ReportFigure> figures = day_figures(plan.root);
  ASSERT_EQ(figures.size(), 3U);
  const text::Document load = spec_of(figures[0]);
  EXPECT_EQ(number_at_path(load.root, "data/values/1/requests_per_s"), 28.0);
  EXPECT_EQ(number_at_path(load.root, "layer/1/encoding/y/datum"), 18.0) << "the mean";
  const text::Document engines = spec_of(figures[1]);
  // A base of 2 engines stands idle in the hour of 1, and is 1 short in the hour of 3.
  std::vector<double> bars;
  for (const Node& row : value_at(engines.root, "layer/0/data/values").items) {
    bars.push_back(number_at_path(row, "engines"));
  }
  EXPECT_THAT(bars, testing::ElementsAre(2, 0, 2, 1));
  EXPECT_EQ(number_at_path(engines.root, "layer/1/data/values/0/engines"), 1.0);
  EXPECT_EQ(number_at_path(engines.root, "layer/2/encoding/y/datum"), 3.0) << "kept all day";
  EXPECT_THAT(figures[1].title, testing::HasSubstr("recommended"));
  EXPECT_THAT(figures[1].table.rows[1], testing::ElementsAre("1", "28", "3", "3", "2", "1"));
  const text::Document money = spec_of(figures[2]);
  ASSERT_EQ(value_at(money.root, "data/values").items.size(), 3U);
  EXPECT_EQ(number_at_path(money.root, "data/values/2/usd_per_month"), 270.0);
  EXPECT_THAT(figures[2].table.rows[2][3], testing::StartsWith("-10.0"));
}

TEST(Figures, ADayWithoutOffersByTheHourHasNoBars) {
  std::string text = kPaid;
  for (const char* way : {"\"following\"", "\"mixed\""}) {
    const std::size_t at = text.find(way) + std::string(way).size();
    text = text.substr(0, at) + ": null" + text.substr(text.find('}', at) + 1);
  }
  const std::vector<ReportFigure> figures = day_figures(text::parse_json(text, "p").root);
  ASSERT_EQ(figures.size(), 3U);
  EXPECT_EQ(value_at(spec_of(figures[1]).root, "layer/0/mark/type").scalar, "line");
  EXPECT_EQ(figures[2].table.rows.size(), 1U);
}

// Ten values that only A has are one line; two that differ stand for themselves.
TEST(Figures, WhatOnlyOneResultHasIsOneLine) {
  std::string rows;
  for (int i = 0; i < 10; ++i) {
    rows += fmt::format(R"({{"key": "uncertainty/x{}", "a": "0.123456789", "b": "absent"}},)", i);
  }
  const text::Document comparison =
      text::parse_json(R"({"differences": [)" + rows +
                           R"({"key": "design/gpu", "a": "h100-sxm", "b": "a100-sxm"},
             {"key": "design/x", "a": "absent", "b": "0.0123456789"}]})",
                       "c.json");
  const ReportFigure figure = *differences_table(comparison.root);
  using Row = std::vector<std::string>;
  EXPECT_THAT(figure.table.rows, testing::ElementsAre(Row{"uncertainty", "10 values", "absent"},
                                                      Row{"design/gpu", "h100-sxm", "a100-sxm"},
                                                      Row{"design/x", "absent", "0.01235"}));
}

// 12 times the median beside 1.1 times: an even scale would show the first alone.
TEST(Figures, WideIntervalsAreLogarithmic) {
  const auto scale_of = [](const std::string& high) {
    const text::Document plan = text::parse_json(
        R"({"uncertainty": {"draws": 20, "designs": [{"figures": {
            "ttft_p99_s": {"p05": 0.9, "p50": 1, "p95": )" +
            high + R"(}, "accuracy": {"p05": 0.5, "p50": 0.5, "p95": 0.55}}}]}})",
        "plan.json");
    const text::Document spec = spec_of(*intervals_figure(plan.root));
    const Node* type = value_at(spec.root, "layer/0/encoding/x/scale").find("type");
    return type == nullptr ? std::string("linear") : type->scalar;
  };
  EXPECT_EQ(scale_of("12"), "log");
  EXPECT_EQ(scale_of("1.5"), "linear");
}

TEST(Figures, AbsentDataGivesNoFigure) {
  const text::Document empty =
      text::parse_json(R"({"schema_version": 1, "recommendation": null, "name": "x"})", "x.json");
  const ReportContent content = report_content(empty);
  EXPECT_TRUE(content.figures.empty());
  EXPECT_THAT(content.sentences.front(), testing::HasSubstr("No design meets the objectives"));
}

TEST(Figures, WrongKindsOfValuesAreLeftOutNotFatal) {
  const text::Document odd = text::parse_json(
      R"({"schema_version": 1, "name": ["a"], "reasons": {"a": 1}, "recommendation":
          {"cost_usd_per_month": "much", "latency_cdf": [1, 2], "phases": 7, "memory": null},
          "designs": [1, null, {"cost_usd_per_month": 5, "tpot_p99_s": true}],
          "accuracy_curve": {"points": [{"accuracy": "high"}]}, "provenance": "none",
          "rent_or_buy": [{"cost_usd_per_month": "x"}, 3], "day": [7, {"design": 9, "hours": [
          {"hour": "a"}, 2], "fixed": []}, {"design": -1}]})",
      "odd.json");
  EXPECT_TRUE(report_content(odd).figures.empty());
}

TEST(Figures, OtherDocumentsAreRefused) {
  for (const char* other : {"{}", "[1, 2]", R"({"schema_version": 1})", "\"plan\""}) {
    EXPECT_THROW(report_content(text::parse_json(other, "other.json")), InputError) << other;
  }
}

}  // namespace
}  // namespace moeplan::sim
