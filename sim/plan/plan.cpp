#include "sim/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <set>
#include <thread>

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
  std::atomic<std::size_t> next{0};
  std::size_t done = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < all.size(); i = next++) {
      try {
        std::visit([&](const auto& result) { outcomes[i] = result; },
                   judge(scenario, all[i], &screen));
        const std::lock_guard lock(mutex);
        ++done;
        if (options.progress) {
          options.progress(done, all.size());
        }
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
        next = all.size();
        return;
      }
    }
  };
  std::vector<std::thread> threads;
  for (int t = 1; t < options.threads; ++t) {
    threads.emplace_back(work);
  }
  work();
  for (std::thread& thread : threads) {
    thread.join();
  }
  if (failure) {
    std::rethrow_exception(failure);
  }
  return outcomes;
}

// The best design for which the predicate holds.
template <class Predicate>
std::optional<std::size_t> best_of(const std::vector<Design>& designs, Predicate holds) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < designs.size(); ++i) {
    if (holds(designs[i]) && (!best || preferred(designs[i], designs[*best]))) {
      best = i;
    }
  }
  return best;
}

double accuracy_of(const Design& d) { return d.accuracy ? d.accuracy->value : 0.0; }

}  // namespace

bool preferred(const Design& a, const Design& b) {
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

std::vector<std::size_t> pareto_front(const std::vector<Design>& designs) {
  const auto beats = [](const Design& a, const Design& b) {
    const bool no_worse = a.money.usd_per_month <= b.money.usd_per_month &&
                          accuracy_of(a) >= accuracy_of(b) &&
                          a.metrics.tpot.p99 <= b.metrics.tpot.p99;
    const bool better = a.money.usd_per_month < b.money.usd_per_month ||
                        accuracy_of(a) > accuracy_of(b) || a.metrics.tpot.p99 < b.metrics.tpot.p99;
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
  std::stable_sort(front.begin(), front.end(),
                   [&](std::size_t a, std::size_t b) { return preferred(designs[a], designs[b]); });
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
  const auto acceptable = [](const Design& d) {
    return d.accuracy_allowed && d.verdict != Verdict::missed;
  };
  plan.recommended = best_of(plan.designs, acceptable);
  const std::int64_t pretrained = scenario.pretrained_experts();
  plan.baseline = best_of(plan.designs, [&](const Design& d) {
    return acceptable(d) && d.candidate.experts_kept == pretrained;
  });
  plan.pareto = pareto_front(plan.designs);
  std::vector<std::size_t> works;
  for (std::size_t i = 0; i < plan.designs.size(); ++i) {
    if (acceptable(plan.designs[i])) {
      works.push_back(i);
    }
  }
  plan.break_even = break_even(plan.designs, works);
  if (plan.recommended) {
    const Design& chosen = plan.designs[*plan.recommended];
    plan.runner_up = best_of(plan.designs, [&](const Design& d) {
      return acceptable(d) && !(d.candidate == chosen.candidate);
    });
    plan.binding_constraint = binding_constraint(plan, scenario);
  }
  for (const auto& named : {plan.recommended, plan.baseline, plan.runner_up}) {
    if (options.bands && named && !plan.designs[*named].band) {
      plan.designs[*named].band = error_band(scenario, plan.designs[*named]);
    }
  }
  plan.baseline_reason = plan.baseline ? "" : baseline_reason(plan, scenario);
  plan.reasons = reasons(plan, scenario);
  plan.warnings = warnings(plan, scenario);
  return plan;
}

}  // namespace moeplan::sim
