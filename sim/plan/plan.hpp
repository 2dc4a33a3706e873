#pragma once
// Plan: judges all candidates and recommends one, with its reasons.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/plan/api_break_even.hpp"
#include "sim/plan/break_even.hpp"
#include "sim/plan/day_plan.hpp"
#include "sim/plan/design.hpp"
#include "sim/plan/for_each_index.hpp"
#include "sim/plan/pruning_limit.hpp"
#include "sim/plan/rent_or_buy.hpp"

namespace moeplan::sim {

struct Plan {
  std::vector<Design> designs;             // that work, in the order of the candidates
  std::vector<Infeasible> infeasible;      // in the order of the candidates
  std::optional<std::size_t> recommended;  // indices into designs
  std::optional<std::size_t> baseline;     // best unpruned design
  std::string baseline_reason;             // when there is none
  std::optional<std::size_t> runner_up;
  std::vector<std::size_t> pareto;            // by cost, accuracy and p99 TPOT; cheapest first
  std::vector<BreakEven> break_even;          // between kinds of hardware; empty where there is one
  std::optional<PruningLimit> pruning_limit;  // where several counts of experts were tried
  std::optional<ApiBreakEven> api;            // where the scenario has prices of an API
  std::vector<TenureRow> rent_or_buy;         // of the recommendation; empty without one
  std::vector<DayPlan> day;                   // of recommendation and baseline, with a day profile
  std::string binding_constraint;             // ttft tpot throughput accuracy memory budget none
  std::vector<std::string> reasons;           // sentences: why this one, what pruning saved
  std::vector<std::string> warnings;          // stale prices, short runs, extrapolation
};

struct PlanOptions {
  int threads = 1;
  // Error bands of the designs that the plan names: about as long again as the search of small
  // plans.
  bool bands = true;
  std::function<void(std::size_t, std::size_t)> progress;  // after each judged candidate

  operator WorkOptions() const { return {.threads = threads, .progress = progress}; }
};

// Throws: InputError at a key of the scenario that only simulate understands.
[[noreturn]] void refuse_key(const Scenario& scenario, const std::string& path,
                             const std::string& what, const std::string& expected);

// Throws: InputError for what a plan does not search: a router over a fleet
// (replica_router), pools of prefill and decode engines (disaggregation).
void refuse_unplanned(const Scenario& scenario);

// Deterministic in the scenario; threads change nothing but the time taken.
// Throws: as refuse_unplanned().
Plan make_plan(const Scenario& scenario, const PlanOptions& options);

// True when `a` is what the goal looks for before `b`: cheaper for the wanted traffic; more
// accurate; or carrying more tokens a second. Ties: cheaper, more accurate, cheaper at capacity,
// lower p99 TPOT, then the order of the candidates (a before b).
bool preferred(const Design& a, const Design& b, SearchGoal goal = SearchGoal::cheapest);

// Indices of designs that no other beats or equals in all of cost, accuracy and p99 TPOT while
// beating it in one; cost a month, or, where designs carry different traffic, a token. Preferred
// first.
std::vector<std::size_t> pareto_front(const std::vector<Design>& designs,
                                      SearchGoal goal = SearchGoal::cheapest);

}  // namespace moeplan::sim
