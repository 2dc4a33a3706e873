#include "sim/report/tenure_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/units/parse.hpp"
#include "sim/plan/reasons.hpp"

namespace moeplan::sim {
namespace {

using text::Json;

Json name_or_null(const std::string& name) { return name.empty() ? Json() : Json(name); }

Json fleet_json(const DayFleet& fleet) {
  return Json::object()
      .set("base_engines", fleet.base_engines)
      .set("base_price_id", name_or_null(fleet.base_price))
      .set("hourly_price_id", name_or_null(fleet.hourly_price))
      .set("engine_hours_per_day", fleet.engine_hours)
      .set("cost_usd_per_month", fleet.usd_per_month);
}

Json fleet_json(const std::optional<DayFleet>& fleet) {
  return fleet ? fleet_json(*fleet) : Json();
}

std::vector<std::string> fleet_row(const char* name, const DayFleet& fleet, const DayFleet& fixed) {
  return {
      name,
      fleet.base_engines > 0 ? fmt::format("{} ({})", fleet.base_engines, fleet.base_price) : "-",
      fleet.hourly_price.empty() ? "-" : fleet.hourly_price,
      fmt::format("{:.1f}", fleet.engine_hours),
      fmt::format("{:.0f}", fleet.usd_per_month),
      fmt::format("{:+.1f} %", 100.0 * (fleet.usd_per_month / fixed.usd_per_month - 1.0))};
}

}  // namespace

Json rent_or_buy_json(const Plan& plan) {
  Json all = Json::array();
  for (const TenureRow& row : plan.rent_or_buy) {
    all.push(Json::object()
                 .set("tier", row.tier)
                 .set("price_id", row.price_id)
                 .set("provider", row.provider)
                 .set("instances", row.instances)
                 .set("paid_gpus", row.paid_gpus)
                 .set("price_as_of", row.as_of.text())
                 .set("by_the_hour", row.by_the_hour)
                 .set("cost_usd_per_month", row.usd_per_month)
                 .set("break_even_hours_per_day",
                      row.break_even_hours_per_day ? Json(*row.break_even_hours_per_day) : Json()));
  }
  return all;
}

Json day_json(const Plan& plan) {
  Json all = Json::array();
  for (const DayPlan& day : plan.day) {
    Json hours = Json::array();
    for (std::size_t h = 0; h < kHoursPerDay; ++h) {
      hours.push(Json::object()
                     .set("hour", h)
                     .set("requests_per_s", day.rate[h])
                     .set("engines", day.engines[h]));
    }
    all.push(Json::object()
                 .set("design", day.design)
                 .set("requests_per_s_per_engine", day.requests_per_s)
                 .set("at_least", day.at_least)
                 .set("hours", hours)
                 .set("peak_engines", day.peak_engines)
                 .set("fewest_engines", day.fewest_engines)
                 .set("mean_engines", day.mean_engines)
                 .set("fixed", fleet_json(day.fixed))
                 .set("following", fleet_json(day.following))
                 .set("mixed", fleet_json(day.mixed)));
  }
  return all;
}

void add_rent_or_buy(const Plan& plan, ReportWriter& out) {
  if (plan.rent_or_buy.size() < 2) {
    return;
  }
  out.heading("Rent or buy (the recommended fleet at every tier of the price book)");
  TextTable table({"tier", "offer", "seen", "instances", "paid GPUs", "USD/month", "paid",
                   "cheaper than on demand from"});
  for (const TenureRow& row : plan.rent_or_buy) {
    const auto& hours = row.break_even_hours_per_day;
    table.add({row.tier, row.price_id, row.as_of.text(), fmt::format("{}", row.instances),
               fmt::format("{}", row.paid_gpus), fmt::format("{:.0f}", row.usd_per_month),
               row.by_the_hour ? "by the hour" : "all the time",
               !hours         ? "-"
               : *hours > 24. ? "never"
                              : fmt::format("{:.1f} h of use a day", *hours)});
  }
  out.table(table);
}

void add_day(const Plan& plan, const Scenario& scenario, ReportWriter& out) {
  for (const DayPlan& day : plan.day) {
    out.heading("Over the day: " + describe(plan.designs[day.design], scenario));
    out.item(fmt::format(
        "An engine carries {}{:.3g} requests/s of steady traffic; engines by hour "
        "from 0 to 23: {}.",
        day.at_least ? "at least " : "", day.requests_per_s, fmt::join(day.engines, " ")));
    TextTable table({"fleet", "committed engines", "by the hour", "engine-hours a day", "USD/month",
                     "against fixed"});
    table.add(fleet_row("fixed at the peak", day.fixed, day.fixed));
    if (day.following) {
      table.add(fleet_row("following by the hour", *day.following, day.fixed));
    }
    if (day.mixed) {
      table.add(fleet_row("base and peak", *day.mixed, day.fixed));
    }
    out.table(table);
  }
}

}  // namespace moeplan::sim
