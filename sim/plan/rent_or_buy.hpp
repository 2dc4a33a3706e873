#pragma once
// RentOrBuy: one fleet at the price of every tier of the book: what is paid whether it is used or
// not (reserved, owned), and what is paid by the hour; and from how many hours a day on the first
// costs less.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/plan/design.hpp"

namespace moeplan::sim {

// The cheapest offer of one tier for a design's fleet.
struct TenureRow {
  std::string tier;
  std::string price_id;
  std::string provider;
  std::int64_t instances = 0;
  std::int64_t paid_gpus = 0;
  models::Date as_of = models::Date::epoch();
  bool by_the_hour = false;    // may be given back any hour: on_demand, spot
  double usd_per_month = 0.0;  // used all 730 hours
  // Of committed tiers, against the cheapest that is rented by the hour without being taken back
  // (on_demand): the hours of use a day from which on the commitment costs less:
  //   24 h x (committed USD per month / on-demand USD per month); above 24: never.
  // Nothing without an on-demand offer, and of tiers by the hour.
  std::optional<double> break_even_hours_per_day;
};

// "on_demand" and "spot": whether a tier is paid only while it is used.
bool is_by_the_hour(const std::string& tier);

// One row for each tier of the scenario's price book that has an offer for these engines, in the
// order of price_tiers(); the scenario's provider is kept to, except for owned machines, which have
// none; its tiers are not: the question is which tier to choose. The owned machine's cost is that
// at the utilisation that its price states. Empty for pools of two engine sizes.
std::vector<TenureRow> rent_or_buy(const Scenario& scenario, const Design& design);

}  // namespace moeplan::sim
