// What a plan looks for, and what its designs must keep to.

#include <fmt/format.h>

#include "models/catalog/catalog.hpp"
#include "sim/scenario/checker.hpp"

namespace moeplan::sim {

Objectives read_objectives(Checker& check, const ScenarioValues& values) {
  Objectives o;
  o.latency.ttft_p50_s = values.number("objectives.ttft_p50");
  o.latency.ttft_p99_s = values.number("objectives.ttft_p99");
  o.latency.tpot_p50_s = values.number("objectives.tpot_p50");
  o.latency.tpot_p99_s = values.number("objectives.tpot_p99");
  const LatencyObjectives& l = o.latency;
  if (l.ttft_p50_s == 0 && l.ttft_p99_s == 0 && l.tpot_p50_s == 0 && l.tpot_p99_s == 0) {
    check.problem("objectives.ttft_p99", "E_MISSING", "a plan needs at least one latency objective",
                  "one of objectives.ttft_p99, tpot_p99, ttft_p50, tpot_p50");
  }
  if (values.has("objectives.accuracy_loss")) {
    o.accuracy_loss = values.number("objectives.accuracy_loss");
    if (!values.has("accuracy.curve")) {
      check.problem("objectives.accuracy_loss", "E_VALUE",
                    "accuracy_loss cannot be judged without an accuracy curve",
                    "accuracy.curve: ID; known: " + joined(models::catalog_ids("accuracy")));
    }
  }
  if (values.has("objectives.budget")) {
    o.budget = UsdPerSecond(values.number("objectives.budget"));
  }
  const std::string search = values.text("objectives.search");
  if (search == "cheapest") {
    return o;
  }
  o.search = search == "best_quality" ? SearchGoal::best_quality : SearchGoal::most_traffic;
  if (!o.budget) {
    check.problem("objectives.search", "E_MISSING", search + " is of a budget",
                  "objectives.budget: what the fleet may cost, as 100 USD/h");
  }
  if (o.search == SearchGoal::best_quality && !values.has("accuracy.curve")) {
    check.problem("objectives.search", "E_MISSING", "quality is read off an accuracy curve",
                  "accuracy.curve: ID; known: " + joined(models::catalog_ids("accuracy")));
  }
  const std::string arrivals = values.text("workload.arrivals");
  if (o.search == SearchGoal::most_traffic && arrivals != "poisson" && arrivals != "gamma") {
    check.problem("objectives.search", "E_VALUE",
                  fmt::format("{} traffic is of a given size", arrivals),
                  "workload.arrivals: poisson or gamma");
  }
  return o;
}

}  // namespace moeplan::sim
