#include "sim/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "models/units/parse.hpp"
#include "sim/plan/candidates.hpp"
#include "sim/plan/reasons.hpp"
#include "sim/plan/screen.hpp"

namespace moeplan::sim {
namespace {

using Outcome = std::variant<std::monostate, Design, Infeasible>;

// Judges candidate i into outcomes[i]; any number of threads gives the same outcomes.
std::vector<Outcome> judge_all(const Scenario& scenario, const std::vector<Candidate>& all,
                               const PlanOptions& options) {
  std::vector<Outcome> outcomes(all.size());
  const Screen screen(scenario);
  for_each_index(all.size(), options, [&](std::size_t i) {
    std::visit([&](const auto& result) { outcomes[i] = result; }, judge(scenario, all[i], &screen));
  });
  return outcomes;
}

// The best design for which the predicate holds.
template <class Predicate>
std::optional<std::size_t> best_of(const std::vector<Design>& designs, SearchGoal goal,
                                   Predicate holds) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    if (holds(designs[i]) && (!best || preferred(designs[i], designs[*best], goal))) {
      best = i;
    }
  }
  return best;
}

double accuracy_of(const Design& d) { return d.accuracy ? d.accuracy->value : 0.0; }

double cost_of(const Design& d, SearchGoal goal) {
  return goal == SearchGoal::most_traffic ? d.money.usd_per_million_tokens : d.money.usd_per_month;
}

}  // namespace

bool preferred(const Design& a, const Design& b, SearchGoal goal) {
  if (goal == SearchGoal::best_quality && accuracy_of(a) != accuracy_of(b)) {
    return accuracy_of(a) > accuracy_of(b);
  }
  if (goal == SearchGoal::most_traffic && a.fleet_tokens_per_s != b.fleet_tokens_per_s) {
    return a.fleet_tokens_per_s > b.fleet_tokens_per_s;
  }
  if (a.money.usd_per_month != b.money.usd_per_month) {
    return a.money.usd_per_month < b.money.usd_per_month;
  }
  if (accuracy_of(a) != accuracy_of(b)) {
    return accuracy_of(a) > accuracy_of(b);
  }
  if (a.money.usd_per_million_tokens_at_capacity != b.money.usd_per_million_tokens_at_capacity) {
    return a.money.usd_per_million_tokens_at_capacity < b.money.usd_per_million_tokens_at_capacity;
  }
  return a.metrics.tpot.p99 < b.metrics.tpot.p99;
}

std::vector<std::size_t> pareto_front(const std::vector<Design>& designs, SearchGoal goal) {
  const auto beats = [&](const Design& a, const Design& b) {
    const double cost_a = cost_of(a, goal);
    const double cost_b = cost_of(b, goal);
    const bool no_worse = cost_a <= cost_b && accuracy_of(a) >= accuracy_of(b) &&
                          a.metrics.tpot.p99 <= b.metrics.tpot.p99;
    const bool better = cost_a < cost_b || accuracy_of(a) > accuracy_of(b) ||
                        a.metrics.tpot.p99 < b.metrics.tpot.p99;
    return no_worse && better;
  };
  std::vector<std::size_t> front;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    bool beaten = false;
    for (const Design& other : designs) {
      beaten = beaten || beats(other, designs[i]);
    }
    if (!beaten) {
      front.push_back(i);
    }
  }
  std::stable_sort(front.begin(), front.end(), [&](std::size_t a, std::size_t b) {
    return preferred(designs[a], designs[b], goal);
  });
  return front;
}

void refuse_key(const Scenario& scenario, const std::string& path, const std::string& what,
                const std::string& expected) {
  throw InputError(
      Problem{.code = "E_VALUE",
              .file = scenario.file,
              .mark = scenario.values.mark(path),
              .pointer = pointer_of(path),
              .what = what,
              .got = scenario.values.text(path),
              .expected = expected,
              .fix = "moeplan simulate SCENARIO --replicas N takes this scenario as it is"});
}

void refuse_unplanned(const Scenario& scenario) {
  if (scenario.replica_router) {
    refuse_key(scenario, "parallelism.replica_router",
               "plan sizes one engine under its share of the traffic; a router in front of several "
               "is simulated for a given number of engines",
               "split");
  }
  if (scenario.disaggregation) {
    refuse_key(scenario, "parallelism.disaggregation.prefill_engines",
               "plan does not search over pools of prefill and decode engines",
               "no parallelism.disaggregation");
  }
}

Plan make_plan(const Scenario& scenario, const PlanOptions& options) {
  refuse_unplanned(scenario);
  const std::vector<Candidate> all = candidates(scenario);
  Plan plan;
  for (Outcome& outcome : judge_all(scenario, all, options)) {
    if (auto* design = std::get_if<Design>(&outcome)) {
      plan.designs.push_back(std::move(*design));
    } else {
      plan.infeasible.push_back(std::get<Infeasible>(outcome));
    }
  }
  const SearchGoal goal = scenario.objectives.search;
  const auto acceptable = [](const Design& d) {
    return d.accuracy_allowed && d.verdict != Verdict::missed;
  };
  plan.recommended = best_of(plan.designs, goal, acceptable);
  const std::int64_t pretrained = scenario.pretrained_experts();
  plan.baseline = best_of(plan.designs, goal, [&](const Design& d) {
    return acceptable(d) && d.candidate.experts_kept == pretrained;
  });
  plan.pareto = pareto_front(plan.designs, goal);
  std::vector<std::size_t> works;
  for (std::size_t i = 0; i < plan.designs.size(); ++i) {
    if (acceptable(plan.designs[i])) {
      works.push_back(i);
    }
  }
  if (goal != SearchGoal::most_traffic) {  // whose fleets differ in what they carry
    plan.break_even = break_even(plan.designs, works);
  }
  plan.pruning_limit = pruning_limit(scenario, plan.designs, plan.infeasible);
  if (plan.recommended) {
    const Design& chosen = plan.designs[*plan.recommended];
    plan.runner_up = best_of(plan.designs, goal, [&](const Design& d) {
      return acceptable(d) && !(d.candidate == chosen.candidate);
    });
    plan.binding_constraint = binding_constraint(plan, scenario);
    plan.api = api_break_even(scenario, chosen);
    plan.rent_or_buy = rent_or_buy(scenario, chosen);
    std::set<std::size_t> compared = {*plan.recommended};
    if (plan.baseline) {
      compared.insert(*plan.baseline);
    }
    for (const std::size_t design : compared) {
      if (auto day = day_plan(scenario, plan.designs, design)) {
        plan.day.push_back(std::move(*day));
      }
    }
  }
  for (const auto& named : {plan.recommended, plan.baseline, plan.runner_up}) {
    if (options.bands && named && !plan.designs[*named].band && goal != SearchGoal::most_traffic) {
      Design& design = plan.designs[*named];
      design.band = error_band(scenario, design);
      design.metrics.curves = latency_curves(scenario, design);
    }
  }
  plan.baseline_reason = plan.baseline ? "" : baseline_reason(plan, scenario);
  plan.reasons = reasons(plan, scenario);
  plan.warnings = warnings(plan, scenario);
  return plan;
}

}  // namespace moeplan::sim
