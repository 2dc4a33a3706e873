// Do intervals, probabilities and the tornado of a plan say what they claim?

#include "sim/uncertainty/uncertainty.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/report/uncertainty_report.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

constexpr std::int64_t kDraws = 24;

struct Small : ScenarioFile {
  Small() {
    set("hardware", "{gpu: h100-sxm, gpus: 1}");
    set("workload",
        "{rate: 40 requests/s, requests: 500, input_tokens: {distribution: log_normal, median: "
        "500, sigma: 0.7, max: 4000}, output_tokens: {distribution: log_normal, median: 100, "
        "sigma: 0.6, max: 800}}");
    set("prices", "{book: 2026-11, provider: RunPod}");
  }
};

const std::optional<Interval>& interval(const DesignIntervals& design, Figure figure) {
  return design.figures[static_cast<std::size_t>(figure)];
}

TEST(Uncertainty, IsTheSameForAnyNumberOfThreads) {
  const Scenario scenario = Small().load();
  const Plan plan = make_plan(scenario, {});
  const auto text = [&](int threads) {
    const auto result = uncertainty_of(scenario, plan, kDraws, {.threads = threads});
    return uncertainty_json(&*result).pretty();
  };
  const std::string one = text(1);
  EXPECT_EQ(one, text(3));
  EXPECT_NE(one.find("\"tornado\""), std::string::npos);
}

TEST(Uncertainty, CoversTheEstimateAndNamesItsDesigns) {
  const Scenario scenario = Small().load();
  const Plan plan = make_plan(scenario, {});
  ASSERT_TRUE(plan.recommended);
  const auto result = uncertainty_of(scenario, plan, kDraws, {.threads = 2});
  const DesignIntervals& first = result->designs.front();
  EXPECT_EQ(first.design, *plan.recommended);
  EXPECT_EQ(first.roles.front(), "recommendation");
  const Design& design = plan.designs[first.design];
  EXPECT_LT(interval(first, Figure::tpot_p50)->low(), design.metrics.tpot.p50);
  EXPECT_GT(interval(first, Figure::tpot_p50)->high(), design.metrics.tpot.p50);
  EXPECT_FALSE(interval(first, Figure::accuracy)) << "no curve";
  EXPECT_EQ(result->estimate[Figure::tpot_p99], design.metrics.tpot.p99);
  for (const DesignIntervals& one : result->designs) {
    EXPECT_GE(one.meets.value, 0.0);
    EXPECT_LE(one.meets.value, 1.0);
    for (const auto& figure : one.figures) {
      if (figure) {
        EXPECT_LE(figure->low(), figure->median());
        EXPECT_LE(figure->median(), figure->high());
      }
    }
  }
}

// C2 28: without spread, intervals are the estimate, and it meets its objectives for sure.
TEST(Uncertainty, WithoutAnySpreadIsThePoint) {
  Scenario scenario = Small().set("uncertainty", "{price: 0, jitter: 0, routing: 0}").load();
  for (HardwareOption& option : scenario.hardware) {
    option.profile = nullptr;
    for (models::LawInfo& law : option.laws.infos) {
      law.discrepancy_sd_log = 0.0;
    }
  }
  const Plan plan = make_plan(scenario, {});
  const auto result = uncertainty_of(scenario, plan, kDraws, {.threads = 2});
  const DesignIntervals& first = result->designs.front();
  const Design& design = plan.designs[first.design];
  for (const double value : interval(first, Figure::ttft_p99)->values) {
    EXPECT_EQ(value, design.metrics.ttft.p99);
  }
  for (const double value : interval(first, Figure::month_cost)->values) {
    EXPECT_EQ(value, design.money.usd_per_month);
  }
  EXPECT_EQ(first.meets.value, 1.0);
  EXPECT_EQ(first.cheapest.value, 1.0);
  EXPECT_TRUE(result->tornado.empty());
}

// A wider spread of one input widens what it drives, and nothing that it does not.
TEST(Uncertainty, MoreSpreadIsAWiderInterval) {
  const auto width = [](const std::string& price, Figure figure) {
    const Scenario scenario =
        Small().set("uncertainty", "{jitter: 0, routing: 0, price: " + price + "}").load();
    const Plan plan = make_plan(scenario, {});
    const auto result = uncertainty_of(scenario, plan, kDraws, {.threads = 2});
    const auto& found = interval(result->designs.front(), figure);
    return found->high() / found->low();
  };
  EXPECT_LT(width("0", Figure::capacity_cost), width("0.3", Figure::capacity_cost));
  EXPECT_LT(width("0.3", Figure::capacity_cost), width("0.6", Figure::capacity_cost));
  EXPECT_EQ(width("0.3", Figure::tpot_p99), width("0.6", Figure::tpot_p99));
}

TEST(Uncertainty, TheTornadoIsSortedAndEachBarIsOneInput) {
  const Scenario scenario = Small().load();
  const Plan plan = make_plan(scenario, {});
  const auto result = uncertainty_of(scenario, plan, kDraws, {.threads = 2});
  EXPECT_EQ(result->tornado_figure, Figure::capacity_cost);
  ASSERT_GE(result->tornado.size(), 4u);
  double before = 1e300;
  for (const TornadoBar& bar : result->tornado) {
    const double range =
        std::abs(bar.at_high[result->tornado_figure] - bar.at_low[result->tornado_figure]);
    EXPECT_LE(range, before) << bar.input;
    before = range;
    EXPECT_EQ(bar.input.find("all2all"), std::string::npos) << "one GPU exchanges nothing";
    if (bar.input == "price of h100-sxm") {
      EXPECT_NEAR(bar.at_high[Figure::capacity_cost], 1.1 * result->estimate[Figure::capacity_cost],
                  1e-9);
      EXPECT_EQ(bar.at_high[Figure::tpot_p99], result->estimate[Figure::tpot_p99]);
    }
    if (bar.input == "expert law of h100-sxm") {
      EXPECT_GT(bar.at_high[Figure::tpot_p99], result->estimate[Figure::tpot_p99]);
      EXPECT_LT(bar.at_low[Figure::tpot_p99], result->estimate[Figure::tpot_p99]);
      EXPECT_GT(bar.at_high[Figure::capacity_cost], bar.at_low[Figure::capacity_cost]);
    }
  }
}

// Designs that differ by an instance or less change places with small errors; one that costs twice
// as much never wins. The same worlds for all: the unpruned design of the same laws is not better
// off by luck.
TEST(Uncertainty, TheCheapestIsCountedOverTheSameWorlds) {
  const Scenario scenario = Small().load();
  const Plan plan = make_plan(scenario, {});
  const auto result = uncertainty_of(scenario, plan, kDraws, {.threads = 2});
  double sum = 0.0;
  for (const DesignIntervals& one : result->designs) {
    sum += one.cheapest.value;
    EXPECT_NEAR(one.cheapest.error,
                std::sqrt(one.cheapest.value * (1.0 - one.cheapest.value) / kDraws), 1e-12);
  }
  EXPECT_GE(sum, 1.0 - 1e-12) << "ties count for each";
}

TEST(Uncertainty, NothingIsSaidOfAPlanWithoutARecommendation) {
  const Scenario scenario = Small().set("objectives", "{ttft_p99: 1 us}").load();
  const Plan plan = make_plan(scenario, {});
  EXPECT_FALSE(uncertainty_of(scenario, plan, kDraws, {}).has_value());
}

TEST(Uncertainty, OfOneDesignTheFleetStaysAsGiven) {
  const Scenario scenario = Small().load();
  const auto assessed = assess(scenario, {.experts_kept = 64}, 3);
  const Design& design = std::get<Design>(assessed);
  const Uncertainty result = uncertainty_of(scenario, design, kDraws, {.threads = 2});
  ASSERT_EQ(result.designs.size(), 1u);
  EXPECT_EQ(result.tornado_figure, Figure::tpot_p99);
  EXPECT_FALSE(interval(result.designs.front(), Figure::replicas));
  EXPECT_TRUE(interval(result.designs.front(), Figure::month_cost));
  EXPECT_THROW(uncertainty_of(scenario, design, 5, {}), std::logic_error);
}

}  // namespace
}  // namespace moeplan::sim
