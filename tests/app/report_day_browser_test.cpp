// Is the day of a plan drawn as its JSON has it, hour by hour and way by way? (browser.hpp)

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "models/text/load.hpp"
#include "tests/app/browser.hpp"
#include "tests/app/json_values.hpp"
#include "tests/app/process.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::tests {
namespace {

using text::Node;

// The numbers that a figure draws in one of its layers, by hour.
std::vector<double> by_hour(const Node& figure, const std::string& layer, const std::string& kind) {
  std::vector<double> values;
  for (const Node& mark : at(figure, "marks").items) {
    const Node& datum = at(mark, "datum");
    if (at(mark, "layer").scalar == layer && (kind.empty() || at(datum, "kind").scalar == kind)) {
      values.push_back(number_if(mark, at(mark, "type").scalar == "rect" ? "height" : "y").value());
    }
  }
  return values;
}

// The committed day of office hours: what stands on the screen is what the JSON says of every hour
// and of every way to pay for it.
TEST_F(Browser, DrawsTheDayAsThePlanHasIt) {
  const std::string out = (folder_ / "out").string();
  const std::string scenario = (source_dir() / "scenarios/what_if/office_hours.yaml").string();
  const Finished run = run_moeplan({"report", scenario, "-o", out});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::string page = read_bytes(folder_ / "out/report.html");
  EXPECT_LT(page.size(), 2'000'000U);
  const text::Document check = open(page);
  expect_all_drawn(check, out, 13);
  const text::Document plan = text::load_json(folder_ / "out/plan.json");
  const Node& day = at(plan.root, "day").items.front();
  const double base = number_if(at(day, "mixed"), "base_engines").value();
  std::size_t seen = 0;
  for (const Node& figure : at(check.root, "figures").items) {
    const std::string id = at(figure, "id").scalar;
    if (id != "day_load" && id != "day_engines") {
      continue;
    }
    ++seen;
    const bool load = id == "day_load";
    const auto drawn = by_hour(figure, load ? "layer_0_marks" : "layer_1_marks", "");
    const auto rented =
        load ? drawn : by_hour(figure, "layer_0_marks", "base and peak: by the hour");
    ASSERT_EQ(drawn.size(), 24U);
    ASSERT_EQ(rented.size(), 24U);
    for (std::size_t h = 0; h < 24; ++h) {
      const Node& hour = at(day, "hours").items[h];
      const double engines = number_if(hour, "engines").value();
      EXPECT_NEAR(drawn[h], load ? number_if(hour, "requests_per_s").value() : engines, 1e-6) << h;
      if (!load) {
        EXPECT_NEAR(rented[h], std::max(0.0, engines - base), 1e-6) << h;
      }
    }
  }
  EXPECT_EQ(seen, 2U);
  // Money: a bar for each design and way to pay, a line for each tier and a dot for each
  // break-even.
  std::multiset<long> bars;
  std::multiset<long> wanted;
  std::multiset<long> dots;  // minutes of use a day
  std::multiset<long> even;
  std::multiset<long> ends;  // USD a month of a fleet used all day
  std::multiset<long> tiers;
  for (const Node& each : at(plan.root, "day").items) {
    for (const char* way : {"fixed", "following", "mixed"}) {
      wanted.insert(std::lround(number_if(at(each, way), "cost_usd_per_month").value()));
    }
  }
  for (const Node& tier : at(plan.root, "rent_or_buy").items) {
    tiers.insert(std::lround(number_if(tier, "cost_usd_per_month").value()));
    const auto hours = number_if(tier, "break_even_hours_per_day");
    if (hours && *hours <= 24.0) {
      even.insert(std::lround(60.0 * *hours));
    }
  }
  for (const Node& figure : at(check.root, "figures").items) {
    for (const Node& mark : at(figure, "marks").items) {
      const std::string type = at(mark, "type").scalar;
      if (at(figure, "id").scalar == "day_cost" && type == "rect") {
        bars.insert(std::lround(number_if(mark, "width").value()));
      } else if (at(figure, "id").scalar == "rent_or_buy" && type == "symbol") {
        dots.insert(std::lround(60.0 * number_if(mark, "x").value()));
      } else if (at(figure, "id").scalar == "rent_or_buy" && type == "line" &&
                 number_if(mark, "x").value() > 23.9) {
        ends.insert(std::lround(number_if(mark, "y").value()));
      }
    }
  }
  EXPECT_EQ(bars, wanted);
  EXPECT_EQ(dots, even);
  EXPECT_EQ(ends, tiers);
}

}  // namespace
}  // namespace moeplan::tests
