#include "sim/uncertainty/sample.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "sim/evaluate.hpp"
#include "sim/serving/pipeline_step_cost.hpp"

namespace moeplan::sim {
namespace {

constexpr double kNone = std::numeric_limits<double>::infinity();
constexpr double kNotOne = std::numeric_limits<double>::quiet_NaN();

double& figure(Sample& sample, Figure which) {
  return sample.figures[static_cast<std::size_t>(which)];
}

// What the world adds to the curve's value at a number of experts.
double shift_at(const DrawnScenario& world, std::int64_t kept) {
  const auto found = world.accuracy.find(kept);
  return found == world.accuracy.end() ? 0.0 : found->second;
}

// As models the objective: the loss against the unpruned model, both as the world has them.
bool keeps_accuracy(const Scenario& scenario, const Design& design, const DrawnScenario& world) {
  if (!scenario.objectives.accuracy_loss) {
    return true;
  }
  const std::int64_t kept = design.candidate.experts_kept;
  const std::int64_t pretrained = scenario.pretrained_experts();
  return design.accuracy_change &&
         -(design.accuracy_change->value +
           (kept == pretrained ? 0.0 : shift_at(world, kept) - shift_at(world, pretrained))) <=
             *scenario.objectives.accuracy_loss + 1e-12;
}

void set_latency(const ServingMetrics& metrics, std::int64_t replicas, Sample& sample) {
  const auto latency = [&](double value) { return metrics.overloaded ? kNone : value; };
  figure(sample, Figure::ttft_p50) = latency(metrics.ttft.p50);
  figure(sample, Figure::ttft_p99) = latency(metrics.ttft.p99);
  figure(sample, Figure::tpot_p50) = latency(metrics.tpot.p50);
  figure(sample, Figure::tpot_p99) = latency(metrics.tpot.p99);
  figure(sample, Figure::throughput) =
      (metrics.input_tokens_per_s + metrics.output_tokens_per_s) * static_cast<double>(replicas);
}

void set_money(const Money& money, double price, Sample& sample) {
  figure(sample, Figure::tokens_cost) = money.usd_per_million_tokens * price;
  figure(sample, Figure::input_cost) = money.usd_per_million_input_tokens * price;
  figure(sample, Figure::output_cost) = money.usd_per_million_output_tokens * price;
  figure(sample, Figure::capacity_cost) = money.usd_per_million_tokens_at_capacity * price;
  figure(sample, Figure::month_cost) = money.usd_per_month * price;
}

bool within_budget(const Scenario& scenario, const Money& money, double price) {
  return !scenario.objectives.budget || money.rent * price <= *scenario.objectives.budget;
}

}  // namespace

std::string_view key_of(Figure figure) {
  static constexpr std::array<std::string_view, kFigureCount> kKeys = {
      "ttft_p50_s",
      "ttft_p99_s",
      "tpot_p50_s",
      "tpot_p99_s",
      "throughput_tokens_per_s",
      "engine_capacity",
      "replicas",
      "cost_usd_per_million_tokens",
      "cost_usd_per_million_input_tokens",
      "cost_usd_per_million_output_tokens",
      "cost_usd_per_million_tokens_at_capacity",
      "cost_usd_per_month",
      "accuracy"};
  return kKeys[static_cast<std::size_t>(figure)];
}

DesignSampler::DesignSampler(const Scenario& scenario, const Design& design, bool fixed)
    : scenario_(scenario), design_(design), fixed_(fixed) {}

DesignSampler::DesignSampler(const Scenario& scenario, const Design& design)
    : DesignSampler(scenario, design, false) {}

DesignSampler DesignSampler::fixed(const Scenario& scenario, const Design& design) {
  return {scenario, design, true};
}

double DesignSampler::saturated(const DrawnScenario& world) const {
  const auto placed = deploy(world.scenario, design_.candidate);
  const Deployment& deployment = std::get<Deployment>(placed);
  return saturated_load(deployment,
                        *make_step_cost(deployment, world.errors[design_.candidate.hardware]));
}

Sample DesignSampler::sample(const DrawnScenario& world) const {
  Sample result;
  result.figures.fill(kNotOne);
  const Scenario& drawn = world.scenario;
  const LawErrors& errors = world.errors[design_.candidate.hardware];
  const auto factor = world.price.find(design_.gpu);
  const double price = factor == world.price.end() ? 1.0 : factor->second;
  const bool accurate = keeps_accuracy(scenario_, design_, world);
  if (design_.accuracy) {
    figure(result, Figure::accuracy) =
        design_.accuracy->value + shift_at(world, design_.candidate.experts_kept);
  }
  if (fixed_) {
    const auto assessed = assess(drawn, design_.candidate, design_.replicas, errors);
    const Design& design = std::get<Design>(assessed);
    set_latency(design.metrics, design.replicas, result);
    if (!design.money.price_id.empty()) {
      set_money(design.money, price, result);
      if (design.metrics.overloaded) {
        for (const Figure cost : {Figure::tokens_cost, Figure::input_cost, Figure::output_cost}) {
          figure(result, cost) = kNone;
        }
      }
      figure(result, Figure::capacity_cost) = kNotOne;
    }
    result.meets = accurate && meets(design.metrics, drawn.objectives.latency) &&
                   within_budget(drawn, design.money, price);
    result.can_serve = result.meets;
    return result;
  }
  const auto placed = deploy(drawn, design_.candidate);
  const Deployment& deployment = std::get<Deployment>(placed);
  const std::unique_ptr<StepCost> cost = make_step_cost(deployment, errors);
  Design design = design_;
  design.metrics = run(deployment, full_load(drawn, design_.load), *cost);
  set_latency(design.metrics, design_.replicas, result);
  result.meets = accurate && meets(design.metrics, drawn.objectives.latency) &&
                 within_budget(drawn, design_.money, price);
  design.capacity.load = find_capacity(deployment, errors).load;
  figure(result, Figure::capacity) = design.capacity.load;
  if (design.capacity.load <= 0.0) {
    for (const Figure none : {Figure::replicas, Figure::tokens_cost, Figure::input_cost,
                              Figure::output_cost, Figure::capacity_cost, Figure::month_cost}) {
      figure(result, none) = kNone;
    }
    return result;
  }
  size_fleet(deployment, engines_for(drawn, design.capacity.load), design);
  figure(result, Figure::replicas) = static_cast<double>(design.replicas);
  set_money(design.money, price, result);
  result.can_serve = accurate && within_budget(drawn, design.money, price);
  return result;
}

}  // namespace moeplan::sim
