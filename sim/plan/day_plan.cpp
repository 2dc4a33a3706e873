#include "sim/plan/day_plan.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "sim/plan/rent_or_buy.hpp"

namespace moeplan::sim {
namespace {

constexpr double kHour = 3600.0;
constexpr double kDaysPerMonth = kSecondsPerMonth / (kHoursPerDay * kHour);

// Rents of 0, 1, 2, ... engines, in USD per hour, under some tiers.
class Rents {
 public:
  Rents(const Scenario& scenario, const Design& design, std::vector<std::string> tiers)
      : prices_(scenario.prices),
        gpu_(scenario.hardware[design.candidate.hardware].gpu),
        engine_gpus_(design.candidate.gpus) {
    prices_.tiers = std::move(tiers);
  }
  // Nothing where the book has no offer.
  std::optional<Offer> offer(std::int64_t engines) const {
    const auto found = cheapest_offer(prices_, gpu_.id, engine_gpus_, gpu_.gpus_per_node, engines);
    const auto* offer = std::get_if<Offer>(&found);
    return offer != nullptr ? std::optional(*offer) : std::nullopt;
  }
  double usd_per_hour(std::int64_t engines) const {
    if (engines == 0) {
      return 0.0;
    }
    const Offer found = *offer(engines);
    return in_usd_per_hour(found.price->rent) * static_cast<double>(found.instances);
  }

 private:
  PriceOptions prices_;
  const models::Gpu& gpu_;
  int engine_gpus_;
};

// USD a day by the hour; whole instances, those that start paid from `startup` before.
double usd_per_day(const EnginesByHour& engines, Seconds startup, const Rents& rents) {
  const double lead = std::min(in_seconds(startup) / kHour, 1.0);
  double usd = 0.0;
  for (std::size_t h = 0; h < kHoursPerDay; ++h) {
    const std::int64_t next = engines[(h + 1) % kHoursPerDay];
    const double now = rents.usd_per_hour(engines[h]);
    usd += now + lead * std::max(0.0, rents.usd_per_hour(next) - now);
  }
  return usd;
}

EnginesByHour above(const EnginesByHour& engines, std::int64_t base) {
  EnginesByHour rest{};
  std::transform(engines.begin(), engines.end(), rest.begin(),
                 [&](std::int64_t n) { return std::max<std::int64_t>(0, n - base); });
  return rest;
}

std::vector<std::string> hourly_tiers(const PriceOptions& prices) {
  std::vector<std::string> tiers;
  std::copy_if(prices.tiers.begin(), prices.tiers.end(), std::back_inserter(tiers), is_by_the_hour);
  return tiers.empty() ? std::vector<std::string>{"on_demand"} : tiers;
}

DayFleet fleet_of(const DayPlan& day, std::int64_t base, const Rents& committed,
                  const Rents& hourly, Seconds startup) {
  const EnginesByHour rest = above(day.engines, base);
  const std::int64_t most = *std::max_element(rest.begin(), rest.end());
  DayFleet fleet;
  fleet.base_engines = base;
  fleet.engine_hours = static_cast<double>(base) * kHoursPerDay + engine_hours(rest, startup);
  double usd = static_cast<double>(kHoursPerDay) * committed.usd_per_hour(base);
  if (base > 0) {
    fleet.base_price = committed.offer(base)->price->id;
  }
  if (most > 0) {
    fleet.hourly_price = hourly.offer(most)->price->id;
    usd += usd_per_day(rest, startup, hourly);
  }
  fleet.usd_per_month = usd * kDaysPerMonth;
  return fleet;
}

}  // namespace

double engine_hours(const EnginesByHour& engines, Seconds startup) {
  const double lead = std::min(in_seconds(startup) / kHour, 1.0);
  double hours = 0.0;
  for (std::size_t h = 0; h < kHoursPerDay; ++h) {
    const std::int64_t started =
        std::max<std::int64_t>(0, engines[(h + 1) % kHoursPerDay] - engines[h]);
    hours += static_cast<double>(engines[h]) + lead * static_cast<double>(started);
  }
  return hours;
}

std::optional<DayPlan> day_plan(const Scenario& scenario, const std::vector<Design>& designs,
                                std::size_t design) {
  if (!scenario.workload.day || scenario.objectives.search == SearchGoal::most_traffic) {
    return std::nullopt;
  }
  const std::vector<double>& weights = scenario.workload.day->weights;
  const double mean = std::accumulate(weights.begin(), weights.end(), 0.0) / kHoursPerDay;
  DayPlan day;
  day.design = design;
  for (std::size_t h = 0; h < kHoursPerDay; ++h) {
    day.rate[h] = in_per_second(scenario.workload.rate) * weights[h] / mean;
  }
  Scenario steady = scenario;
  steady.workload.day.reset();
  steady.workload.rate = per_second(*std::max_element(day.rate.begin(), day.rate.end()));
  const auto placed = deploy(steady, designs[design].candidate);
  const Capacity capacity = find_capacity(std::get<Deployment>(placed));
  if (capacity.load <= 0.0) {
    return std::nullopt;
  }
  day.requests_per_s = capacity.load;
  day.at_least = capacity.limited_by_wanted;
  for (std::size_t h = 0; h < kHoursPerDay; ++h) {
    steady.workload.rate = per_second(day.rate[h]);
    day.engines[h] = engines_for(steady, capacity.load);
  }
  day.peak_engines = *std::max_element(day.engines.begin(), day.engines.end());
  day.fewest_engines = *std::min_element(day.engines.begin(), day.engines.end());
  day.mean_engines = static_cast<double>(
                         std::accumulate(day.engines.begin(), day.engines.end(), std::int64_t{0})) /
                     kHoursPerDay;
  const Rents committed(scenario, designs[design], scenario.prices.tiers);
  const Rents hourly(scenario, designs[design], hourly_tiers(scenario.prices));
  const Seconds startup = scenario.engine.startup;
  day.fixed = fleet_of(day, day.peak_engines, committed, hourly, startup);
  if (hourly.offer(1)) {
    day.following = fleet_of(day, 0, committed, hourly, startup);
    for (std::int64_t base = 0; base <= day.peak_engines; ++base) {
      const DayFleet fleet = fleet_of(day, base, committed, hourly, startup);
      if (!day.mixed || fleet.usd_per_month < day.mixed->usd_per_month) {
        day.mixed = fleet;
      }
    }
  }
  return day;
}

}  // namespace moeplan::sim
