// A fleet over the day, and what it costs at every tier of the price book.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/plan/plan.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

// Constant: nothing starts. 2 engines of 24 hours.
TEST(EngineHours, OfAConstantFleetAreItsHours) {
  EnginesByHour engines{};
  engines.fill(2);
  EXPECT_DOUBLE_EQ(engine_hours(engines, hours(1)), 48.0);
}

// 1 engine at night and 3 from 8 to 19: 12 x 1 + 12 x 3 = 48, and two engines that start at 8, each
// 15 minutes before: 0.5. A day that repeats: what ends at midnight begins again.
TEST(EngineHours, ChargeTheStartOfEachEngine) {
  EnginesByHour engines{};
  for (std::size_t h = 0; h < kHoursPerDay; ++h) {
    engines[h] = h >= 8 && h < 20 ? 3 : 1;
  }
  EXPECT_DOUBLE_EQ(engine_hours(engines, Seconds(900.0)), 48.5);
  EXPECT_DOUBLE_EQ(engine_hours(engines, hours(5)), 50.0) << "at most the hour before";
  std::rotate(engines.begin(), engines.begin() + 10, engines.end());
  EXPECT_DOUBLE_EQ(engine_hours(engines, Seconds(900.0)), 48.5) << "wherever the day begins";
}

struct Office : ScenarioFile {
  explicit Office(const std::string& day, const std::string& tiers = "[on_demand]") {
    set("pruning", "{experts_kept: [128, 64]}");
    set("accuracy", "{curve: qwen3-30b-a3b-reap-code}");
    set("hardware", "{gpu: h100-sxm, gpus: 1}");
    set("workload",
        "{rate: 200 requests/s, " + day +
            "requests: 500, input_tokens: {distribution: log_normal, median: 500, sigma: 0.7, max: "
            "4000}, output_tokens: {distribution: log_normal, median: 100, sigma: 0.6, max: 800}}");
    set("objectives", "{ttft_p99: 2 s, tpot_p99: 100 ms, accuracy_loss: 0.5}");
    set("prices", "{book: 2026-11, tier: " + tiers + "}");
  }
};

constexpr const char* kOfficeHours =
    "day_profile: [1, 1, 1, 1, 1, 1, 1, 1, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 1, 1, 1, 1, 1, 1], ";

// Ten hours at nine times the rate of the other fourteen: mean (10 x 9 + 14) / 24 = 4.33.
TEST(DayPlan, SizesEveryHourToItsRate) {
  const Scenario scenario = Office(kOfficeHours).load();
  const Plan plan = make_plan(scenario, {.bands = false});
  ASSERT_TRUE(plan.recommended);
  ASSERT_FALSE(plan.day.empty());
  const auto day = std::find_if(plan.day.begin(), plan.day.end(),
                                [&](const DayPlan& d) { return d.design == *plan.recommended; });
  ASSERT_NE(day, plan.day.end());
  EXPECT_NEAR(day->rate[9], 200.0 * 9.0 / (104.0 / 24.0), 1e-9);
  EXPECT_NEAR(day->rate[0], 200.0 / (104.0 / 24.0), 1e-9);
  for (std::size_t h = 0; h < kHoursPerDay; ++h) {
    EXPECT_EQ(day->engines[h],
              static_cast<std::int64_t>(std::ceil(day->rate[h] / day->requests_per_s - 1e-9)));
  }
  EXPECT_EQ(day->peak_engines, day->engines[9]);
  EXPECT_GT(day->peak_engines, day->fewest_engines);
  EXPECT_DOUBLE_EQ(day->fixed.engine_hours, 24.0 * static_cast<double>(day->peak_engines));
  ASSERT_TRUE(day->following && day->mixed);
  EXPECT_LT(day->following->usd_per_month, day->fixed.usd_per_month);
  EXPECT_LE(day->mixed->usd_per_month, day->following->usd_per_month) << "following is base 0";
  EXPECT_LE(day->mixed->usd_per_month, day->fixed.usd_per_month) << "fixed is base peak";
}

TEST(DayPlan, LongerStartsCostMore) {
  const auto following = [](const std::string& startup) {
    const Scenario scenario =
        Office(kOfficeHours).set("engine", "{startup_time: " + startup + "}").load();
    const Plan plan = make_plan(scenario, {.bands = false});
    return plan.day.front().following->usd_per_month;
  };
  EXPECT_LT(following("0 s"), following("30 min"));
}

TEST(DayPlan, NothingWithoutADay) {
  EXPECT_TRUE(make_plan(Office("").load(), {.bands = false}).day.empty());
}

// A reserved hour costs less than one on demand, and is paid at night, too.
TEST(RentOrBuy, BreaksEvenWhereTheCommitmentCostsLess) {
  const Scenario scenario = Office("", "[on_demand, reserved_3y]").load();
  const Plan plan = make_plan(scenario, {.bands = false});
  ASSERT_TRUE(plan.recommended);
  const auto row_of = [&](const std::string& tier) {
    const auto row = std::find_if(plan.rent_or_buy.begin(), plan.rent_or_buy.end(),
                                  [&](const TenureRow& r) { return r.tier == tier; });
    EXPECT_NE(row, plan.rent_or_buy.end()) << tier;
    return *row;
  };
  const TenureRow by_hour = row_of("on_demand");
  const TenureRow committed = row_of("reserved_3y");
  EXPECT_TRUE(by_hour.by_the_hour);
  EXPECT_FALSE(by_hour.break_even_hours_per_day);
  ASSERT_TRUE(committed.break_even_hours_per_day);
  EXPECT_NEAR(*committed.break_even_hours_per_day / 24.0,
              committed.usd_per_month / by_hour.usd_per_month, 1e-12);
  const double cheapest = plan.designs[*plan.recommended].money.usd_per_month;
  EXPECT_NEAR(std::min(by_hour.usd_per_month, committed.usd_per_month), cheapest, 1e-6 * cheapest);
}

}  // namespace
}  // namespace moeplan::sim
