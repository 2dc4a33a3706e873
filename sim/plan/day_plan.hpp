#pragma once
// DayPlan: a fleet over the hours of a day whose traffic comes and goes: sized to the peak and
// kept; following the traffic by the hour; or a base that is committed to, with the peak rented by
// the hour.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/plan/design.hpp"

namespace moeplan::sim {

inline constexpr std::size_t kHoursPerDay = 24;
using EnginesByHour = std::array<std::int64_t, kHoursPerDay>;

// Engines that are rented by the hour over a day that repeats: hour h pays for engines(h), and what
// starts at the top of an hour is paid from `startup` before it, within the hour before (at most
// all of it).
// engines: >= 0. startup: >= 0; above an hour it counts as one.
// Result: engine-hours a day.
double engine_hours(const EnginesByHour& engines, Seconds startup);

// One way to pay for the day.
struct DayFleet {
  std::int64_t base_engines = 0;  // committed to, all day
  std::string base_price;         // id; "": no base
  std::string hourly_price;       // id; "": nothing by the hour
  double engine_hours = 0.0;      // paid a day
  double usd_per_month = 0.0;
};

struct DayPlan {
  std::size_t design = 0;       // into Plan::designs
  double requests_per_s = 0.0;  // that one engine carries within the objectives, steadily
  bool at_least = false;        // that much is the whole peak: its capacity was not searched on
  std::array<double, kHoursPerDay> rate{};  // requests per second of the fleet, each hour
  EnginesByHour engines{};                  // that hour needs, spare ones included
  std::int64_t peak_engines = 0;
  std::int64_t fewest_engines = 0;
  double mean_engines = 0.0;
  DayFleet fixed;                     // peak_engines all day, at the cheapest tier of the scenario
  std::optional<DayFleet> following;  // all by the hour; nothing without an offer by the hour
  // The cheapest split into a base and the rest by the hour; nothing without either offer.
  std::optional<DayFleet> mixed;
};

// A design's day. Its capacity is searched anew under steady traffic of the peak hour's rate: the
// plan's own fleet is judged on the percentiles of the whole day, in which a bad hour may hide;
// here every hour meets the objectives. A base takes the cheapest offer of the scenario's tiers,
// the rest the cheapest of those of them that are paid by the hour, or of on_demand where none is.
// Nothing where the scenario has no day profile, or the design does not meet the objectives even at
// no load. Deterministic.
std::optional<DayPlan> day_plan(const Scenario& scenario, const std::vector<Design>& designs,
                                std::size_t design);

}  // namespace moeplan::sim
