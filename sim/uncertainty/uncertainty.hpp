#pragma once
// Uncertainty: how far the headline figures of a plan, or of one design, may be off, given what is
// not known (inputs.hpp); how likely it meets its objectives and is the cheapest; and what drives
// it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/plan/plan.hpp"
#include "sim/uncertainty/interval.hpp"
#include "sim/uncertainty/sample.hpp"

namespace moeplan::sim {

// A probability from n draws, with its binomial standard error sqrt(p (1 - p) / n).
struct Probability {
  double value = 0.0;
  double error = 0.0;
};
// Of so many draws, > 0, so many times.
Probability probability_of(std::size_t hits, std::size_t draws);

struct DesignIntervals {
  std::size_t design = 0;          // index into Plan::designs; 0 for one assessed design
  std::vector<std::string> roles;  // recommendation baseline runner_up cheapest_on_<gpu> design
  // [kFigureCount]; nothing where the design has no such figure.
  std::array<std::optional<Interval>, kFigureCount> figures;
  Probability meets;     // the fleet as planned meets every objective
  Probability cheapest;  // no other compared design can serve for less money a month (ties count)
};

// One input at its 5th and 95th percentile, all others as estimated; of the first design.
struct TornadoBar {
  std::string input;
  std::string unit;
  double low = 0.0;  // of the input
  double high = 0.0;
  Sample at_low;
  Sample at_high;
};

struct Uncertainty {
  std::int64_t draws = 0;
  std::uint64_t seed = 0;
  std::vector<DesignIntervals> designs;  // compared; the recommendation (or the one design) first
  Sample estimate;                       // of the first design, evaluated as the draws are
  Figure tornado_figure = Figure::tpot_p99;  // by whose range the bars are sorted
  std::vector<TornadoBar> tornado;           // widest first; inputs that move nothing are left out
  std::vector<std::string> notes;  // sentences: what counts as not known here, and what not
};

// Of the designs that a plan names, and of the cheapest acceptable one on every other GPU. Nothing
// for a plan without a recommendation, or of no given traffic (most_traffic). Deterministic in
// scenario, plan and draws >= kFewestDraws; threads change nothing but the time taken. Throws:
// std::logic_error for fewer draws.
std::optional<Uncertainty> uncertainty_of(const Scenario& scenario, const Plan& plan,
                                          std::int64_t draws, const WorkOptions& options);

// Of one design as assess() gave it.
Uncertainty uncertainty_of(const Scenario& scenario, const Design& design, std::int64_t draws,
                           const WorkOptions& options);

}  // namespace moeplan::sim
