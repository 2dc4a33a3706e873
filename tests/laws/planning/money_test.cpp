// Laws that the money of a plan must obey, whatever the prices are (tests.md C2 23).

#include <gtest/gtest.h>

#include <cmath>

#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "sim/plan/plan.hpp"
#include "sim/report/plan_json.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

// Rented and owned H100 in one scenario; the owned ones alone with tier "owned".
Scenario scenario(const std::string& tiers) {
  return ScenarioFile()
      .set("hardware", "{gpu: h100-sxm, gpus: [1, 2]}")
      .set("parallelism", "{expert_parallel: false}")
      .set("workload",
           "{rate: 60 requests/s, requests: 300, input_tokens: {tokens: 500}, "
           "output_tokens: {tokens: 100}}")
      .set("prices", "{book: [2026-11, own-hardware-2026-11], tier: " + tiers + "}")
      .load();
}

const Plan& rented() {
  static const Plan plan = make_plan(scenario("on_demand"), {});
  return plan;
}
const Plan& owned() {
  static const Plan plan = make_plan(scenario("owned"), {});
  return plan;
}

// The same book with every rent (and every part of an owned machine) multiplied.
Scenario dearer(Scenario base, double factor) {
  std::vector<models::Price> prices = base.prices.book.prices();
  for (models::Price& price : prices) {
    price.rent = price.rent * factor;
    if (price.own) {
      models::OwnHardware& own = *price.own;
      own.capex = own.capex * factor;
      own.electricity = own.electricity * factor;
      own.hosting = own.hosting * factor;
      own.operations = own.operations * factor;
      own.licences = own.licences * factor;
    }
  }
  base.prices.book = models::PriceBook(base.prices.book.id(), base.prices.book.as_of(), prices);
  return base;
}

TEST(MoneyLaw, CostPerTokenTimesTokensIsTheCost) {
  for (const Plan* plan : {&rented(), &owned()}) {
    ASSERT_FALSE(plan->designs.empty());
    for (const Design& d : plan->designs) {
      const double month = d.money.usd_per_million_tokens / 1e6 * d.fleet_tokens_per_s * 730 * 3600;
      EXPECT_NEAR(month, d.money.usd_per_month, 1e-9 * d.money.usd_per_month);
      EXPECT_NEAR(d.money.rent.value() * 730 * 3600, d.money.usd_per_month, 1e-6);
    }
  }
}

TEST(MoneyLaw, WholeInstancesHoldTheGpusAndTheIdleOnes) {
  for (const Plan* plan : {&rented(), &owned()}) {
    for (const Design& d : plan->designs) {
      const models::PriceBook book = models::PriceBook::merged(
          {models::load_price_book("2026-11"), models::load_price_book("own-hardware-2026-11")});
      const models::Price& price = book.price(d.money.price_id);
      EXPECT_EQ(d.money.instances * price.gpus, d.gpus_total() + d.money.stranded_gpus);
      EXPECT_GE(d.money.stranded_gpus, 0);
      EXPECT_NEAR(d.money.rent.value(), price.rent.value() * static_cast<double>(d.money.instances),
                  1e-12 * d.money.rent.value());
    }
  }
}

TEST(MoneyLaw, PartsOfOwnedMachinesAddUpToTheCost) {
  for (const Design& d : owned().designs) {
    ASSERT_TRUE(d.money.owned.has_value());
    EXPECT_EQ(d.money.tier, "owned");
    EXPECT_NEAR(d.money.owned->total().value(), d.money.rent.value(), 1e-12 * d.money.rent.value());
  }
  for (const Design& d : rented().designs) {
    EXPECT_FALSE(d.money.owned.has_value());
  }
}

// In the JSON too: the breakdown's values sum to cost_usd_per_month.
TEST(MoneyLaw, BreakdownInTheJsonAddsUp) {
  for (const Plan* plan : {&rented(), &owned()}) {
    const text::Document json =
        text::parse_json(design_json(plan->designs.front()).pretty(), "design");
    const auto number = [](const text::Node& node) { return parse_number(node.scalar).value(); };
    const text::Node& parts = *json.root.find("cost_breakdown_usd_per_month");
    double sum = 0.0;
    for (const text::Node::Entry& part : parts.entries) {
      sum += number(part.value);
    }
    const double month = number(*json.root.find("cost_usd_per_month"));
    EXPECT_NEAR(sum, month, 1e-9 * month);
    EXPECT_EQ(parts.entries.size(), plan == &owned() ? 5u : 1u);
  }
}

TEST(MoneyLaw, ScaledPricesScaleTheMoneyAndNothingElse) {
  const Scenario base = scenario("[on_demand, owned]");
  const Plan before = make_plan(base, {});
  const Plan after = make_plan(dearer(base, 3.0), {});
  ASSERT_EQ(before.designs.size(), after.designs.size());
  EXPECT_EQ(before.recommended, after.recommended);
  for (std::size_t i = 0; i < before.designs.size(); ++i) {
    const Design& a = before.designs[i];
    const Design& b = after.designs[i];
    EXPECT_NEAR(b.money.usd_per_month, 3.0 * a.money.usd_per_month, 1e-9 * b.money.usd_per_month);
    EXPECT_NEAR(b.money.usd_per_million_tokens_at_capacity,
                3.0 * a.money.usd_per_million_tokens_at_capacity,
                1e-9 * b.money.usd_per_million_tokens_at_capacity);
    EXPECT_EQ(a.money.price_id, b.money.price_id);
    EXPECT_EQ(a.replicas, b.replicas);
    EXPECT_EQ(a.metrics.ttft.p99, b.metrics.ttft.p99);
    EXPECT_EQ(a.metrics.tpot.p99, b.metrics.tpot.p99);
    EXPECT_EQ(a.energy, b.energy);
  }
}

TEST(MoneyLaw, MoreTiersNeverCostMore) {
  const Plan both = make_plan(scenario("[on_demand, owned]"), {});
  ASSERT_EQ(both.designs.size(), rented().designs.size());
  ASSERT_EQ(both.designs.size(), owned().designs.size());
  for (std::size_t i = 0; i < both.designs.size(); ++i) {
    EXPECT_EQ(
        both.designs[i].money.usd_per_month,
        std::min(rented().designs[i].money.usd_per_month, owned().designs[i].money.usd_per_month));
  }
}

// 700 W boards (h100-sxm.yaml): gpus x 700 W x busy / (tokens/s that the run produced); never more
// than always busy.
TEST(MoneyLaw, EnergyIsBoardPowerTimesBusyShareOverTokens) {
  for (const Design& d : rented().designs) {
    const double boards = 700.0 * static_cast<double>(d.gpus_total());
    const double tokens = static_cast<double>(d.replicas) *
                          (d.metrics.input_tokens_per_s + d.metrics.output_tokens_per_s);
    EXPECT_NEAR(models::in_joules(d.energy), boards * d.metrics.busy_fraction / tokens,
                1e-9 * models::in_joules(d.energy));
    EXPECT_LE(models::in_joules(d.energy), boards / tokens * (1.0 + 1e-12));
    EXPECT_GT(models::in_joules(d.energy), 0.0);
  }
}

}  // namespace
}  // namespace moeplan::sim
