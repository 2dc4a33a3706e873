// What a reader of a plan must be careful about.

#include <fmt/format.h>

#include <set>

#include "models/units/parse.hpp"
#include "sim/plan/reasons.hpp"

namespace moeplan::sim {
namespace {

constexpr double kBurstCycles = 10.0;  // that a run should see

double percent(double fraction) { return 100.0 * fraction; }

// Of the prices that the recommendation and its comparisons rest on, each once.
void add_price_warnings(const Plan& plan, const Scenario& scenario, std::vector<std::string>& out) {
  std::set<std::string> said;
  for (const auto& named : {plan.recommended, plan.baseline, plan.runner_up}) {
    if (!named || !said.insert(plan.designs[*named].money.price_id).second) {
      continue;
    }
    const models::Price& price = scenario.prices.book.price(plan.designs[*named].money.price_id);
    const std::int64_t age = price.age_days(scenario.prices.as_of);
    if (age > models::kStaleDays) {
      out.push_back(fmt::format("The price {} is {} days old on {}.", price.id, age,
                                scenario.prices.as_of.text()));
    }
    if (age < 0) {
      out.push_back(fmt::format("The price {} was seen {} days after {}, the scenario's day.",
                                price.id, -age, scenario.prices.as_of.text()));
    }
    if (!price.note.empty()) {
      out.push_back(fmt::format("Price {}: {}", price.id, price.note));
    }
  }
}

// What pruning did to the routers, and what full buffers cost, where a reader must know.
void add_routing_warnings(const Design& chosen, std::vector<std::string>& out) {
  if (chosen.router && chosen.router->loses_experts()) {
    out.push_back(fmt::format(
        "Merged experts coincide: a token uses {:.2f} different experts instead of {:.0f} in the "
        "layer that loses most (router {}).",
        chosen.router->effective_top_k, chosen.router->top_k, name_of(chosen.router->mode)));
  }
  if (chosen.router && chosen.router->scales_output()) {
    out.push_back(fmt::format(
        "The model does not normalise its gates (norm_topk_prob false), so slicing the router "
        "scales MoE layers' outputs, at least {:.2f} times in the layer that changes most; the "
        "accuracy curve must have been measured so.",
        *chosen.router->output_scale));
  }
  if (chosen.metrics.buffers) {
    out.push_back(fmt::format(
        "Buffers of fixed capacity: {:.1f} % of (token, expert) pairs are dropped, {:.1f} % of the "
        "rows sent and computed are padding.",
        percent(chosen.metrics.buffers->dropped_fraction),
        percent(chosen.metrics.buffers->padding_fraction)));
  }
}

}  // namespace

std::vector<std::string> warnings(const Plan& plan, const Scenario& scenario) {
  std::vector<std::string> out = scenario.architecture.warnings;
  out.insert(out.end(), scenario.warnings.begin(), scenario.warnings.end());
  for (const std::size_t layer : scenario.architecture.moe_layers()) {
    if (std::get<models::MoeFfn>(scenario.architecture.layers[layer].ffn).router.capacity_factor >
        0.0) {
      out.push_back(
          "The model states a capacity factor; except for exchange capacity_padded it is served "
          "dropless here, as serving engines do.");
      break;
    }
  }
  add_price_warnings(plan, scenario, out);
  if (plan.recommended) {
    const Design& chosen = plan.designs[*plan.recommended];
    if (chosen.verdict == Verdict::undecided) {
      out.push_back("An objective is met, but by less than the error of the estimate.");
    }
    if (!chosen.metrics.extrapolated.empty()) {
      out.push_back("Cost laws used outside their measured range: " +
                    joined(chosen.metrics.extrapolated) + ".");
    }
    add_routing_warnings(chosen, out);
    if (chosen.metrics.rejected > 0) {
      out.push_back(fmt::format("{} of {} requests were rejected as too long.",
                                chosen.metrics.rejected, chosen.metrics.arrived));
    }
    if (scenario.accuracy && !scenario.accuracy->description().note.empty()) {
      out.push_back("Accuracy: " + scenario.accuracy->description().note);
    }
  }
  if (plan.recommended && scenario.workload.bursts) {
    const double run_s =
        static_cast<double>(scenario.workload.requests) / plan.designs[*plan.recommended].load;
    const Seconds cycle = scenario.workload.bursts->on + scenario.workload.bursts->off;
    if (run_s < kBurstCycles * cycle.value()) {
      out.push_back(
          fmt::format("A run lasts {} and sees about {:.1f} bursts; figures that rest on "
                      "fewer than {:.0f} depend on where those fell: more "
                      "workload.requests see more.",
                      to_text(Seconds(run_s)), run_s / cycle.value(), kBurstCycles));
    }
  }
  out.insert(out.end(), scenario.workload.notes.begin(), scenario.workload.notes.end());
  if (scenario.workload.requests < 10000) {
    out.push_back(fmt::format("Percentiles rest on {} arrivals per run; p99 wants 10000.",
                              scenario.workload.requests));
  }
  std::set<std::string> datasheet;
  for (const HardwareOption& option : scenario.hardware) {
    for (const models::LawInfo& law : option.laws.all()) {
      if (law.datasheet) {
        datasheet.insert(option.gpu.id + " " + law.kernel);
      }
    }
  }
  if (!datasheet.empty()) {
    out.push_back("Laws from data sheets, not from measurements: " +
                  joined({datasheet.begin(), datasheet.end()}) + ".");
  }
  return out;
}

}  // namespace moeplan::sim
