#include "sim/plan/reasons.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "models/units/parse.hpp"

namespace moeplan::sim {
namespace {

double percent(double fraction) { return 100.0 * fraction; }

std::string change_text(double ratio) {
  return ratio < 1.0 ? fmt::format("{:.0f} % less", percent(1.0 - ratio))
                     : fmt::format("{:.0f} % more", percent(ratio - 1.0));
}

void add_savings(const Design& chosen, const Design& baseline, std::vector<std::string>& out) {
  if (chosen.candidate.experts_kept == 0) {
    return;  // a dense model has nothing to prune
  }
  if (chosen.candidate.experts_kept == baseline.candidate.experts_kept) {
    out.push_back(
        "Pruning does not pay here: the unpruned model is the cheapest design that meets the "
        "objectives.");
    return;
  }
  const double money = chosen.money.usd_per_month / baseline.money.usd_per_month;
  const double capacity = (chosen.capacity.load / static_cast<double>(chosen.candidate.gpus)) /
                          (baseline.capacity.load / static_cast<double>(baseline.candidate.gpus));
  const auto engine_weights = [](const Design& d) {
    return to_text(d.memory.weights() * static_cast<double>(d.candidate.gpus));
  };
  out.push_back(fmt::format(
      "Against the best unpruned design ({} GPUs), pruning to {} experts costs {} ({:.0f} instead "
      "of {:.0f} USD a month), carries {} traffic per GPU, and an engine's weights take {} instead "
      "of {}.",
      baseline.gpus_total(), chosen.candidate.experts_kept, change_text(money),
      chosen.money.usd_per_month, baseline.money.usd_per_month, change_text(capacity),
      engine_weights(chosen), engine_weights(baseline)));
  out.push_back(fmt::format(
      "Where it comes from: a decode step reads every active expert, so fewer experts shorten "
      "mid-size decode batches (mean batch here {:.0f}); tiny batches and long prefills gain "
      "little, "
      "memory is saved always.",
      chosen.metrics.mean_batch));
}

void add_accuracy(const Design& chosen, const Scenario& scenario, std::vector<std::string>& out) {
  if (!chosen.accuracy || !scenario.accuracy) {
    return;
  }
  const models::AccuracyDescription& what = scenario.accuracy->description();
  const std::string band = chosen.accuracy->has_band
                               ? fmt::format("{:.1f} to {:.1f} %", percent(chosen.accuracy->low),
                                             percent(chosen.accuracy->high))
                               : "no interval known";
  std::string change = "unpruned";
  if (chosen.accuracy_change && chosen.candidate.experts_kept != scenario.pretrained_experts()) {
    change =
        fmt::format("{:+.1f} points against unpruned, {}", percent(chosen.accuracy_change->value),
                    !chosen.accuracy_distinguishable   ? "interval unknown"
                    : *chosen.accuracy_distinguishable ? "a real difference at 95 %"
                                                       : "not distinguishable from it at 95 %");
  }
  out.push_back(
      fmt::format("Accuracy {:.1f} % ({}; {}), {} of {} with {}, n = {}, router {}{}.",
                  percent(chosen.accuracy->value), band, change, what.metric, what.model,
                  what.method, chosen.accuracy->samples, what.router,
                  chosen.accuracy->measured ? "" : ", interpolated between measured counts"));
}

void add_band(const Design& chosen, std::vector<std::string>& out) {
  if (!chosen.band) {
    return;
  }
  const ErrorBand& band = *chosen.band;
  const auto high = [&](double value) {
    return band.slow.overloaded ? std::string("overload") : to_text(Seconds(value));
  };
  const std::string engines =
      band.replicas_slow == 0
          ? "no number of engines meets the objectives in the slow case"
          : fmt::format("{} to {} engines meet the objectives, {:.0f} to {:.0f} USD a month",
                        band.replicas_fast, band.replicas_slow, band.usd_per_month_low,
                        band.usd_per_month_high);
  out.push_back(fmt::format(
      "How sure: with all cost laws off by their held-out error at once (5 to 95 %), these engines "
      "give p99 TTFT {} to {} and p99 TPOT {} to {}; {}.",
      to_text(Seconds(band.fast.ttft.p99)), high(band.slow.ttft.p99),
      to_text(Seconds(band.fast.tpot.p99)), high(band.slow.tpot.p99), engines));
}

void add_binding(const Plan& plan, const Design& chosen, const Scenario& scenario,
                 std::vector<std::string>& out) {
  const ServingMetrics& at = chosen.capacity.at_load;
  const std::string load = fmt::format("{:.2f} {}", chosen.capacity.load,
                                       scenario.workload.closed_loop ? "users" : "requests/s");
  if (plan.binding_constraint == "ttft" || plan.binding_constraint == "tpot") {
    out.push_back(fmt::format(
        "What binds: {}; one engine carries {} with p99 TTFT {} and p99 TPOT {}, more misses the "
        "objective.",
        plan.binding_constraint == "ttft" ? "time to first token" : "time per output token", load,
        to_text(Seconds(at.ttft.p99)), to_text(Seconds(at.tpot.p99))));
  } else if (plan.binding_constraint == "memory") {
    out.push_back(
        fmt::format("What binds: memory; beyond {} an engine runs out of its {} KV blocks.", load,
                    chosen.memory.kv_blocks));
  } else if (plan.binding_constraint == "throughput") {
    out.push_back(fmt::format("What binds: throughput; beyond {} the queue grows.", load));
  } else if (plan.binding_constraint == "accuracy") {
    out.push_back("What binds: accuracy; a cheaper design exists but loses more than allowed.");
  } else if (plan.binding_constraint == "budget") {
    out.push_back("What binds: the budget.");
  } else {
    out.push_back("What binds: nothing; one engine of this kind has room to spare.");
  }
}

// Most traffic: always. Best quality: a more accurate count of experts fell to the budget alone.
bool budget_binds(const Plan& plan, const Scenario& scenario, const Design& chosen) {
  if (scenario.objectives.search == SearchGoal::most_traffic) {
    return true;
  }
  return std::any_of(plan.infeasible.begin(), plan.infeasible.end(), [&](const Infeasible& why) {
    const auto other = scenario.accuracy->at(why.candidate.experts_kept);
    return why.code == "budget" && other && chosen.accuracy &&
           other->value > chosen.accuracy->value;
  });
}

}  // namespace

std::string describe(const Design& d, const Scenario& scenario) {
  const Candidate& c = d.candidate;
  const std::string experts = c.experts_kept == 0 ? "dense model"
                                                  : fmt::format("{} of {} experts", c.experts_kept,
                                                                scenario.pretrained_experts());
  const std::string layout = c.gpus == 1 ? "" : " (" + c.layout_name() + ")";
  if (d.prefill) {
    return fmt::format("{} on {}, {} x [{} prefill engines ({}) and {} decode engines ({})]",
                       experts, scenario.hardware[c.hardware].label(), d.replicas,
                       d.prefill->engines, d.prefill->candidate.layout_name(),
                       d.prefill->decode_engines, c.layout_name());
  }
  return fmt::format("{} on {} x {}{} per engine, {} engine{}", experts, c.gpus,
                     scenario.hardware[c.hardware].label(), layout, d.replicas,
                     d.replicas == 1 ? "" : "s");
}

std::string binding_constraint(const Plan& plan, const Scenario& scenario) {
  const Design& chosen = plan.designs[*plan.recommended];
  if (scenario.objectives.search != SearchGoal::cheapest) {
    return budget_binds(plan, scenario, chosen) ? "budget" : chosen.capacity.binding;
  }
  for (const Design& other : plan.designs) {
    if (!other.accuracy_allowed && other.verdict != Verdict::missed &&
        other.money.usd_per_month < chosen.money.usd_per_month) {
      return "accuracy";
    }
  }
  const double wanted = scenario.workload.closed_loop
                            ? static_cast<double>(scenario.workload.concurrency)
                            : in_per_second(scenario.workload.rate);
  // One engine that is not full: no objective keeps the fleet from being smaller.
  if (chosen.replicas == 1 && wanted < 0.9 * chosen.capacity.load) {
    return "none";
  }
  return chosen.capacity.binding;
}

namespace {

// "3 by latency, 1 by memory"; and one reason of them.
struct Counted {
  std::string counts;
  std::string example;
};
template <class Counts>
Counted counted(const std::vector<Infeasible>& infeasible, Counts counts) {
  std::map<std::string, int> codes;
  Counted out;
  for (const Infeasible& why : infeasible) {
    if (counts(why)) {
      ++codes[why.code];
      out.example = why.reason;
    }
  }
  for (const auto& [code, count] : codes) {
    out.counts += fmt::format("{}{} by {}", out.counts.empty() ? "" : ", ", count, code);
  }
  return out;
}

}  // namespace

std::string baseline_reason(const Plan& plan, const Scenario& scenario) {
  const std::int64_t pretrained = scenario.pretrained_experts();
  const std::vector<std::int64_t>& kept = scenario.experts_kept;
  if (!kept.empty() && std::find(kept.begin(), kept.end(), pretrained) == kept.end()) {
    return fmt::format("the unpruned model ({} experts) is not among pruning.experts_kept",
                       pretrained);
  }
  const Counted why = counted(plan.infeasible, [&](const Infeasible& design) {
    return design.candidate.experts_kept == pretrained;
  });
  return why.counts.empty() ? "no unpruned design meets the objectives"
                            : fmt::format("no unpruned design works ({}); for example: {}",
                                          why.counts, why.example);
}

std::string no_plan_reason(const Plan& plan) {
  if (!plan.designs.empty()) {
    return fmt::format("each of {} designs misses an objective or loses too much accuracy",
                       plan.designs.size());
  }
  const Counted why = counted(plan.infeasible, [](const Infeasible&) { return true; });
  return fmt::format("no design works ({}); for example: {}", why.counts, why.example);
}

std::vector<std::string> reasons(const Plan& plan, const Scenario& scenario) {
  std::vector<std::string> out;
  if (!plan.recommended) {
    out.push_back(plan.designs.empty()
                      ? "No design works; each one's reason is listed under infeasible."
                      : "Designs exist, but each misses an objective or loses too much accuracy.");
    return out;
  }
  const Design& chosen = plan.designs[*plan.recommended];
  const char* best = scenario.objectives.search == SearchGoal::best_quality ? "Most accurate"
                     : scenario.objectives.search == SearchGoal::most_traffic
                         ? "Most traffic within the budget"
                         : "Cheapest";
  out.push_back(fmt::format("{} of {} designs that were simulated ({} more are infeasible): {}.",
                            best, plan.designs.size(), plan.infeasible.size(),
                            describe(chosen, scenario)));
  if (scenario.objectives.search != SearchGoal::cheapest) {
    out.push_back(fmt::format(
        "Within {} it carries {:.4g} requests/s for {} (accuracy {}).",
        to_text(*scenario.objectives.budget), chosen.load * static_cast<double>(chosen.replicas),
        to_text(chosen.money.rent),
        chosen.accuracy ? fmt::format("{:.1f} %", percent(chosen.accuracy->value)) : "unknown"));
  }
  if (plan.baseline && scenario.objectives.search == SearchGoal::most_traffic) {
    const Design& unpruned = plan.designs[*plan.baseline];
    out.push_back(fmt::format("The best unpruned design carries {:.4g} requests/s for as much: {}.",
                              unpruned.load * static_cast<double>(unpruned.replicas),
                              describe(unpruned, scenario)));
  } else if (plan.baseline) {
    add_savings(chosen, plan.designs[*plan.baseline], out);
  } else {
    out.push_back("No unpruned design to compare with: " + plan.baseline_reason + ".");
  }
  add_binding(plan, chosen, scenario, out);
  add_band(chosen, out);
  add_accuracy(chosen, scenario, out);
  if (chosen.money.stranded_gpus > 0) {
    const std::int64_t paid = chosen.money.stranded_gpus + chosen.gpus_total();
    out.push_back(chosen.money.owned
                      ? fmt::format("{} of {} owned GPUs stay idle: machines are bought whole.",
                                    chosen.money.stranded_gpus, paid)
                      : fmt::format("{} of {} rented GPUs stay idle: {} rents whole instances.",
                                    chosen.money.stranded_gpus, paid, chosen.money.provider));
  }
  if (scenario.spare_engines > 0) {
    out.push_back(
        fmt::format("{} of the {} engines are spare: so many may fail, and the others "
                    "still meet the objectives.",
                    scenario.spare_engines, chosen.replicas));
  }
  if (plan.pruning_limit && plan.pruning_limit->fewest) {
    out.push_back(
        fmt::format("How far it may be pruned: to {} experts{}{}.", *plan.pruning_limit->fewest,
                    plan.pruning_limit->fewest_by_accuracy
                        ? fmt::format(" of those tried (the accuracy gate alone allows {})",
                                      *plan.pruning_limit->fewest_by_accuracy)
                        : "",
                    "; " + plan.pruning_limit->reason));
  }
  if (plan.api) {
    const ApiBreakEven& api = *plan.api;
    out.push_back(fmt::format(
        "Against the API: {:.0f} USD a month for this traffic, the fleet {:.0f}; {}.",
        api.api_usd_per_month, api.own_usd_per_month,
        api.wins_always_from ? fmt::format("the fleet costs no more from {:.3g} requests/s on",
                                           *api.wins_always_from)
                             : "a full fleet of such engines costs more at any traffic"));
  }
  for (const DayPlan& day : plan.day) {
    if (day.design == *plan.recommended && day.mixed) {
      out.push_back(
          fmt::format("Over the day it needs {} to {} engines: {:.0f} USD a month when kept at the "
                      "peak, {:.0f} "
                      "with {} engines committed to and the rest by the hour.",
                      day.fewest_engines, day.peak_engines, day.fixed.usd_per_month,
                      day.mixed->usd_per_month, day.mixed->base_engines));
    }
  }
  if (plan.runner_up) {
    const Design& second = plan.designs[*plan.runner_up];
    out.push_back(fmt::format("Runner-up: {}, {:.0f} USD a month.", describe(second, scenario),
                              second.money.usd_per_month));
  }
  return out;
}

}  // namespace moeplan::sim
