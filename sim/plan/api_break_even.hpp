#pragma once
// ApiBreakEven: a fleet of one's own against paying for tokens over an API: which costs less now,
// and from which traffic on the fleet does.

#include <optional>

#include "sim/plan/design.hpp"

namespace moeplan::sim {

struct ApiBreakEven {
  double api_usd_per_month = 0.0;           // for the scenario's traffic
  double api_usd_per_million_tokens = 0.0;  // at its mix of input and output
  double own_usd_per_month = 0.0;
  // An API at this price for its mean token would cost as much as the fleet.
  double break_even_usd_per_million_tokens = 0.0;
  // Requests per second of the fleet: the least traffic for which a fleet of such engines costs no
  // more, and the one from which on it never costs more again (fleets grow engine by engine, and
  // instances are rented whole). Nothing: a full fleet costs more at any size.
  std::optional<double> wins_from;
  std::optional<double> wins_always_from;
};

// Of a design with a capacity, for open traffic. Nothing where the scenario has no API prices or
// its traffic is closed, or of no given size (SearchGoal::most_traffic).
std::optional<ApiBreakEven> api_break_even(const Scenario& scenario, const Design& design);

}  // namespace moeplan::sim
