#include "sim/study/inference_cost.hpp"

#include <fmt/format.h>

#include <cmath>

#include "models/units/require.hpp"
#include "sim/forward/forward_pass.hpp"
#include "sim/plan/design.hpp"

namespace moeplan::sim {
namespace {

constexpr double kBandQuantile = 1.645;  // 5 and 95 % of a normal distribution

InferenceCost static_cost(const StaticScenario& scenario, const ForwardPass& pass,
                          const PriceOptions& prices) {
  const models::Gpu& gpu = scenario.hardware[pass.hardware].gpu;
  InferenceCost cost;
  cost.kept = pass.experts_kept;
  cost.why_not = pass.why_not;
  cost.gpus = pass.shape.gpus;
  cost.layout =
      fmt::format("{} x {}, experts over {}", pass.shape.gpus, gpu.id, pass.shape.expert_ranks);
  cost.latency = pass.estimate.terms.total();
  cost.latency_low = cost.latency * std::exp(-kBandQuantile * pass.sd_log);
  cost.latency_high = cost.latency * std::exp(kBandQuantile * pass.sd_log);
  cost.memory = pass.memory.used();
  cost.extrapolated = pass.estimate.extrapolated;
  const auto offer = cheapest_offer(prices, gpu.id, pass.shape.gpus, gpu.gpus_per_node, 1);
  require(std::holds_alternative<Offer>(offer), "a study's GPUs have a price");
  const Offer& found = std::get<Offer>(offer);
  cost.price_id = found.price->id;
  cost.rent = found.price->rent * static_cast<double>(found.instances);
  if (cost.latency > Seconds()) {
    const Tokens tokens_of_all(static_cast<double>(pass.shape.tokens() * pass.shape.gpus));
    cost.per_token = cost.rent * cost.latency / tokens_of_all;
  }
  return cost;
}

InferenceCost serving_cost(const Scenario& scenario, const Design& design) {
  InferenceCost cost;
  cost.kept = design.candidate.experts_kept;
  cost.gpus = design.gpus_total();
  cost.layout =
      fmt::format("{} engine{} of {} on {}", design.replicas, design.replicas == 1 ? "" : "s",
                  design.candidate.layout_name(), design.gpu);
  cost.latency = seconds(design.metrics.tpot.p99);
  const ErrorBand band = design.band ? *design.band : error_band(scenario, design);
  if (!band.fast.overloaded) {
    cost.latency_low = seconds(band.fast.tpot.p99);
  }
  if (!band.slow.overloaded) {
    cost.latency_high = seconds(band.slow.tpot.p99);
  }
  cost.memory = design.memory.weights() + design.memory.activations + design.memory.buffers;
  cost.price_id = design.money.price_id;
  cost.rent = design.money.rent;
  cost.per_token = UsdPerToken(design.money.usd_per_million_tokens * 1e-6);
  cost.extrapolated = !design.metrics.extrapolated.empty();
  return cost;
}

// Of every count the design that a plan would prefer, or the reason of one that does not work.
std::vector<InferenceCost> serving_costs(const Scenario& scenario,
                                         const std::vector<std::int64_t>& counts,
                                         const PlanOptions& options) {
  const Plan plan = make_plan(scenario, options);
  std::vector<InferenceCost> costs;
  for (const std::int64_t count : counts) {
    const Design* best = nullptr;
    for (const Design& design : plan.designs) {
      if (design.candidate.experts_kept == count &&
          (best == nullptr || preferred(design, *best, SearchGoal::cheapest))) {
        best = &design;
      }
    }
    if (best != nullptr) {
      costs.push_back(serving_cost(scenario, *best));
      continue;
    }
    InferenceCost cost;
    cost.kept = count;
    cost.why_not = "the scenario has no design of it";
    for (const Infeasible& refused : plan.infeasible) {
      if (refused.candidate.experts_kept == count) {
        cost.why_not = refused.reason;
        break;
      }
    }
    costs.push_back(std::move(cost));
  }
  return costs;
}

}  // namespace

std::string latency_name(const PretrainingStudy& study) {
  return std::holds_alternative<StaticScenario>(study.inference) ? "forward pass" : "p99 TPOT";
}

std::vector<InferenceCost> inference_costs(const PretrainingStudy& study,
                                           const PlanOptions& options) {
  const std::vector<std::int64_t> counts = united(study.experts_kept, study.pretraining.experts);
  if (const auto* serving = std::get_if<Scenario>(&study.inference)) {
    return serving_costs(*serving, counts, options);
  }
  StaticScenario scenario = std::get<StaticScenario>(study.inference);
  scenario.experts_kept = counts;
  std::vector<InferenceCost> costs;
  for (const ForwardPass& pass : forward_passes(scenario)) {
    costs.push_back(static_cost(scenario, pass, study.prices));
  }
  return costs;
}

}  // namespace moeplan::sim
