// What a plan may look for besides the cheapest fleet, and what it says of spare engines, of
// pruning further, and of an API's prices.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "sim/plan/plan.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

constexpr const char* kTraffic =
    "requests: 2000, input_tokens: {distribution: log_normal, median: 500, sigma: 0.7, max: 4000}, "
    "output_tokens: {distribution: log_normal, median: 100, sigma: 0.6, max: 800}}";

// RunPod rents single H100s.
struct Coder : ScenarioFile {
  explicit Coder(const std::string& objectives, const std::string& rate = "60") {
    set("pruning", "{experts_kept: [128, 96, 64]}");
    set("accuracy", "{curve: qwen3-30b-a3b-reap-code}");
    set("hardware", "{gpu: h100-sxm, gpus: 1}");
    set("workload", "{rate: " + rate + " requests/s, " + kTraffic);
    set("objectives", "{ttft_p99: 2 s, tpot_p99: 80 ms, " + objectives + "}");
    set("prices", "{book: 2026-11, provider: RunPod}");
  }
};

double rent_of_one_per_hour(const Scenario& scenario) {
  const auto offer = cheapest_offer(scenario.prices, "h100-sxm", 1, 8, 1);
  return in_usd_per_hour(std::get<Offer>(offer).price->rent);
}

TEST(Search, BestQualityTakesTheMostAccurateThatTheBudgetPaysFor) {
  const Scenario cheapest = Coder("accuracy_loss: 0.5", "700").load();
  const Plan by_price = make_plan(cheapest, {});
  ASSERT_TRUE(by_price.recommended);
  const auto month_of = [&](std::int64_t kept) {
    const auto& row =
        *std::find_if(by_price.pruning_limit->rows.begin(), by_price.pruning_limit->rows.end(),
                      [&](const auto& r) { return r.experts_kept == kept; });
    return by_price.designs[*row.design].money.usd_per_month;
  };
  const auto planned = [&](double usd_per_month) {
    const Scenario scenario =
        Coder("search: best_quality, budget: " + std::to_string(usd_per_month) + " USD/month",
              "700")
            .load();
    const Plan plan = make_plan(scenario, {});
    EXPECT_TRUE(plan.recommended);
    return std::pair{plan.designs[*plan.recommended].candidate.experts_kept,
                     plan.binding_constraint};
  };
  const auto [rich, rich_binding] = planned(10.0 * month_of(128));
  EXPECT_EQ(rich, 128) << "the unpruned model is the most accurate of this curve";
  EXPECT_NE(rich_binding, "budget");
  ASSERT_LT(month_of(64), month_of(128));
  const auto [poor, poor_binding] = planned(1.001 * month_of(64));
  EXPECT_LT(poor, 128);
  EXPECT_EQ(poor_binding, "budget");
}

// n engines of one GPU at the rent of one: floor(budget / rent) of them, full.
TEST(Search, MostTrafficFillsTheBudget) {
  const Scenario scenario =
      Coder("search: most_traffic, budget: 20 USD/h, accuracy_loss: 0.5", "1").load();
  const Plan plan = make_plan(scenario, {});
  ASSERT_TRUE(plan.recommended);
  const Design& chosen = plan.designs[*plan.recommended];
  const auto affordable = static_cast<std::int64_t>(20.0 / rent_of_one_per_hour(scenario));
  EXPECT_EQ(chosen.replicas, affordable);
  EXPECT_EQ(chosen.load, chosen.capacity.load);
  const double tokens = scenario.workload.mean_input() + scenario.workload.mean_output();
  EXPECT_NEAR(chosen.fleet_tokens_per_s,
              static_cast<double>(affordable) * chosen.capacity.load * tokens, 1e-6);
  EXPECT_NEAR(chosen.money.usd_per_million_tokens,
              chosen.money.rent.value() / chosen.fleet_tokens_per_s * 1e6, 1e-12);
  EXPECT_EQ(plan.binding_constraint, "budget");
  for (const Design& other : plan.designs) {
    EXPECT_LE(other.money.rent, usd_per_hour(20.0));
    EXPECT_LE(other.fleet_tokens_per_s, chosen.fleet_tokens_per_s);
  }
  EXPECT_TRUE(plan.break_even.empty()) << "fleets that carry different traffic are not compared";
  EXPECT_FALSE(plan.api);
}

TEST(Search, ABudgetThatBuysNoEngineIsInfeasible) {
  const Scenario scenario = Coder("search: most_traffic, budget: 0.5 USD/h").load();
  const Plan plan = make_plan(scenario, {});
  EXPECT_FALSE(plan.recommended);
  ASSERT_FALSE(plan.infeasible.empty());
  for (const Infeasible& why : plan.infeasible) {
    EXPECT_EQ(why.code, "budget") << why.reason;
  }
}

TEST(Search, SaysWhatAGoalNeeds) {
  const auto fails = [](const ScenarioFile& file, const char* code, const char* part) {
    tests::expect_input_error([&] { file.load(); }, code, part);
  };
  fails(Coder("search: most_traffic"), "E_MISSING", "objectives.budget");
  fails(Coder("search: best_quality, budget: 5 USD/h").set("accuracy", ""), "E_MISSING",
        "accuracy.curve");
  fails(Coder("search: most_traffic, budget: 5 USD/h")
            .set("workload", std::string("{arrivals: closed_loop, concurrency: 10, ") + kTraffic),
        "E_VALUE", "poisson or gamma");
  fails(Coder("search: fastest"), "E_VALUE", "/objectives/search");
}

// N engines carry the traffic; N + 2 share it, and any N of them would do.
TEST(SpareEngines, AreOnTopOfWhatTheTrafficNeeds) {
  const auto planned = [](const std::string& parallelism) {
    const Scenario scenario = Coder("accuracy_loss: 0.5").set("parallelism", parallelism).load();
    const Plan plan = make_plan(scenario, {});
    return plan.designs[*plan.recommended];
  };
  const Design without = planned("{spare_engines: 0}");
  const Design with = planned("{spare_engines: 2}");
  ASSERT_EQ(with.candidate.experts_kept, without.candidate.experts_kept);
  EXPECT_EQ(with.replicas, without.replicas + 2);
  EXPECT_DOUBLE_EQ(with.load, 60.0 / static_cast<double>(with.replicas));
  EXPECT_GE(with.capacity.load * static_cast<double>(with.replicas - 2), 60.0 * (1 - 1e-9));
  EXPECT_DOUBLE_EQ(with.money.usd_per_month / static_cast<double>(with.replicas),
                   without.money.usd_per_month / static_cast<double>(without.replicas));
  EXPECT_LT(with.metrics.tpot.p99, without.metrics.tpot.p99);
}

TEST(PruningLimit, NamesTheGate) {
  const Scenario scenario = Coder("accuracy_loss: 0.01").load();
  const Plan plan = make_plan(scenario, {});
  ASSERT_TRUE(plan.pruning_limit);
  const PruningLimit& limit = *plan.pruning_limit;
  ASSERT_EQ(limit.rows.size(), 3u);
  EXPECT_EQ(limit.rows.front().experts_kept, 128);
  ASSERT_TRUE(limit.fewest);
  // Row by row against the curve: a count works where its loss is within the gate.
  for (const PruningRow& row : limit.rows) {
    const bool within = -scenario.accuracy->change(row.experts_kept)->value <= 0.01 + 1e-12;
    EXPECT_EQ(row.binding, within ? "none" : "accuracy") << row.experts_kept;
    EXPECT_EQ(row.design.has_value(), within);
  }
  ASSERT_TRUE(limit.fewest_by_accuracy);
  EXPECT_LE(*limit.fewest_by_accuracy, *limit.fewest) << "any count, not only those tried";
  EXPECT_LE(-scenario.accuracy->change(*limit.fewest_by_accuracy)->value, 0.01 + 1e-12);
  EXPECT_GT(-scenario.accuracy->change(*limit.fewest_by_accuracy - 1)->value, 0.01);
  EXPECT_EQ(limit.binding, "accuracy");
}

TEST(PruningLimit, NamesAnObjective) {
  const Plan plan = make_plan(Coder("tpot_p50: 1 us").load(), {});
  ASSERT_TRUE(plan.pruning_limit);
  EXPECT_FALSE(plan.pruning_limit->fewest);
  EXPECT_EQ(plan.pruning_limit->binding, "latency");
  EXPECT_FALSE(plan.pruning_limit->fewest_by_accuracy) << "no gate is set";
}

TEST(PruningLimit, OfOneCountThereIsNone) {
  EXPECT_FALSE(
      make_plan(Coder("accuracy_loss: 0.5").set("pruning", "{experts_kept: 64}").load(), {})
          .pruning_limit);
}

// Brute force: what a fleet and an API cost at many rates, against the two break-even rates.
TEST(ApiBreakEven, IsWhereTheFleetStopsCostingMore) {
  for (const char* price : {"0.02", "0.05", "0.2", "3"}) {
    const Scenario scenario =
        Coder("accuracy_loss: 0.5")
            .set("prices", std::string("{book: 2026-11, provider: AWS, api_input: ") + price +
                               " USD/Mtokens, api_output: " + price + " USD/Mtokens}")
            .load();
    const Plan plan = make_plan(scenario, {});
    ASSERT_TRUE(plan.api) << price;
    const Design& d = plan.designs[*plan.recommended];
    const double tokens = scenario.workload.mean_input() + scenario.workload.mean_output();
    const double per_request = std::stod(price) * 1e-6 * tokens;
    EXPECT_NEAR(plan.api->api_usd_per_month, per_request * 60.0 * kSecondsPerMonth, 1e-6);
    EXPECT_NEAR(plan.api->api_usd_per_million_tokens, std::stod(price), 1e-12);
    EXPECT_EQ(plan.api->own_usd_per_month < plan.api->api_usd_per_month,
              plan.api->break_even_usd_per_million_tokens < std::stod(price));
    int lost_above = 0;
    for (double rate = 0.37; rate < 900.0; rate *= 1.013) {
      const auto engines = static_cast<std::int64_t>(std::ceil(rate / d.capacity.load - 1e-9));
      const auto offer = cheapest_offer(scenario.prices, "h100-sxm", 1, 8, engines);
      const auto& found = std::get<Offer>(offer);
      const double own = found.price->rent.value() * static_cast<double>(found.instances);
      const bool wins = own <= per_request * rate * (1 + 1e-12);
      if (!plan.api->wins_from || rate < *plan.api->wins_from * (1 - 1e-9)) {
        EXPECT_FALSE(wins) << price << " at " << rate;
      }
      if (plan.api->wins_always_from && rate > *plan.api->wins_always_from * (1 + 1e-9)) {
        EXPECT_TRUE(wins) << price << " at " << rate;
      }
      if (plan.api->wins_from && rate > *plan.api->wins_from && !wins) {
        ++lost_above;
      }
    }
    if (plan.api->wins_from && plan.api->wins_always_from) {
      EXPECT_LE(*plan.api->wins_from, *plan.api->wins_always_from);
      EXPECT_TRUE(lost_above == 0 || *plan.api->wins_from < *plan.api->wins_always_from);
    }
  }
}

TEST(ApiBreakEven, NeedsBothPrices) {
  tests::expect_input_error(
      [] {
        Coder("accuracy_loss: 0.5")
            .set("prices", "{book: 2026-11, api_input: 1 USD/Mtokens}")
            .load();
      },
      "E_MISSING", "prices.api_output");
}

}  // namespace
}  // namespace moeplan::sim
