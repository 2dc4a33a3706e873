#include "sim/plan/design.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/units/parse.hpp"
#include "models/units/require.hpp"
#include "sim/evaluate.hpp"
#include "sim/plan/screen.hpp"
#include "sim/pools.hpp"
#include "sim/serving/pipeline_step_cost.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kRefineFactor = 4;
constexpr int kMoreEngines = 4;  // steps of one engine, or of 2 %
constexpr double kBandQuantile = 1.645;
constexpr std::int64_t kMostFlowGpus = 1024;  // routes of all pairs are held

void add_accuracy(const Scenario& scenario, Design& design) {
  if (!scenario.accuracy) {
    return;
  }
  const std::int64_t kept = design.candidate.experts_kept;
  design.accuracy = scenario.accuracy->at(kept);
  design.accuracy_change = scenario.accuracy->change(kept);
  if (design.accuracy_change && design.accuracy_change->has_band) {
    design.accuracy_distinguishable = scenario.accuracy->distinguishable(kept);
  }
  if (scenario.objectives.accuracy_loss) {
    design.accuracy_allowed =
        design.accuracy_change &&
        -design.accuracy_change->value <= *scenario.objectives.accuracy_loss + 1e-12;
  }
}

Money money_of(const Scenario& scenario, const Design& design, const Offer& offer) {
  const Workload& w = scenario.workload;
  Money m;
  m.price_id = offer.price->id;
  m.provider = offer.price->provider;
  m.instance = offer.price->instance;
  m.tier = offer.price->tier;
  m.as_of = offer.price->as_of;
  m.instances = offer.instances;
  m.stranded_gpus = offer.instances * offer.price->gpus - design.gpus_total();
  m.rent = offer.price->rent * static_cast<double>(offer.instances);
  if (offer.price->own) {
    m.owned =
        models::own_hardware_cost(*offer.price->own).times(static_cast<double>(offer.instances));
  }
  const double input_share = w.mean_input() / (w.mean_input() + w.mean_output());
  const double usd_per_s = m.rent.value();
  m.usd_per_million_tokens = usd_per_s / design.fleet_tokens_per_s * 1e6;
  const double input_money = design.metrics.input_time_fraction;
  m.usd_per_million_input_tokens = m.usd_per_million_tokens * input_money / input_share;
  m.usd_per_million_output_tokens =
      m.usd_per_million_tokens * (1.0 - input_money) / (1.0 - input_share);
  // Tokens scale with the load (open) or with what the run at capacity produced (closed).
  const ServingMetrics& most = design.capacity.at_load;
  const double at_capacity =
      static_cast<double>(design.replicas) *
      (w.closed_loop ? most.input_tokens_per_s + most.output_tokens_per_s
                     : design.capacity.load * (w.mean_input() + w.mean_output()));
  // A design that was not searched for its capacity has none.
  m.usd_per_million_tokens_at_capacity = at_capacity > 0.0 ? usd_per_s / at_capacity * 1e6 : 0.0;
  m.usd_per_month = usd_per_s * kSecondsPerMonth;
  return m;
}

Design begin_design(const Deployment& deployment) {
  Design d;
  d.candidate = deployment.candidate;
  d.gpu = deployment.hardware().gpu.id;
  d.node = deployment.hardware().node;
  d.nodes_per_engine = deployment.nodes();
  d.memory = deployment.memory;
  d.router = deployment.router;
  return d;
}

std::variant<Offer, std::string> offer_for(const Deployment& deployment, std::int64_t replicas) {
  const models::Gpu& gpu = deployment.hardware().gpu;
  return cheapest_offer(deployment.scenario->prices, gpu.id, deployment.candidate.gpus,
                        gpu.gpus_per_node, replicas);
}

std::variant<Offer, std::string> offer_for_pools(const Deployment& decode,
                                                 const PrefillPool& prefill, std::int64_t units) {
  const models::Gpu& gpu = decode.hardware().gpu;
  return cheapest_offer(decode.scenario->prices, gpu.id,
                        {{prefill.candidate.gpus, units * prefill.engines},
                         {decode.candidate.gpus, units * prefill.decode_engines}},
                        gpu.gpus_per_node);
}

// The most engines whose cheapest offer keeps to the budget; rents never fall with their number.
std::int64_t affordable_engines(const Deployment& deployment, UsdPerSecond budget) {
  const auto within = [&](std::int64_t engines) {
    const auto offer = offer_for(deployment, engines);
    const auto* found = std::get_if<Offer>(&offer);
    return found != nullptr && found->price->rent * static_cast<double>(found->instances) <= budget;
  };
  constexpr std::int64_t kMost = 1 << 30;
  std::int64_t beyond = 1;
  while (beyond < kMost && within(beyond)) {
    beyond *= 2;
  }
  std::int64_t affordable = beyond / 2;
  while (beyond - affordable > 1) {
    const std::int64_t middle = affordable + (beyond - affordable) / 2;
    (within(middle) ? affordable : beyond) = middle;
  }
  return affordable;
}

// The fleet's engines, and the load of each.
void set_replicas(Design& d, const Workload& workload, std::int64_t replicas) {
  d.replicas = replicas;
  d.load = engine_load(workload, replicas);
}

// The fleet's tokens: of the wanted traffic (open), or as the run produced them (closed); and the
// energy of a token that the run produced (none where it produced nothing).
void add_traffic(const Scenario& scenario, Design& d) {
  const Workload& w = scenario.workload;
  const auto replicas = static_cast<double>(d.replicas);
  if (w.closed_loop) {
    d.fleet_output_tokens_per_s = d.metrics.output_tokens_per_s * replicas;
    d.fleet_tokens_per_s = d.metrics.input_tokens_per_s * replicas + d.fleet_output_tokens_per_s;
  } else {
    const double load =
        scenario.objectives.search == SearchGoal::most_traffic ? d.load * replicas : wanted_load(w);
    d.fleet_output_tokens_per_s = load * w.mean_output();
    d.fleet_tokens_per_s = load * (w.mean_input() + w.mean_output());
  }
  const double served = (d.metrics.input_tokens_per_s + d.metrics.output_tokens_per_s) * replicas;
  if (served > 0.0) {
    d.energy =
        models::energy_per_token(scenario.hardware[d.candidate.hardware].gpu.power, d.gpus_total(),
                                 std::min(1.0, d.metrics.busy_fraction), TokensPerSecond(served));
  }
}

}  // namespace

double wanted_load(const Workload& workload) {
  return workload.closed_loop ? static_cast<double>(workload.concurrency)
                              : in_per_second(workload.rate);
}

std::int64_t engines_for(const Scenario& scenario, double load) {
  return static_cast<std::int64_t>(std::ceil(wanted_load(scenario.workload) / load - 1e-9)) +
         scenario.spare_engines;
}

void size_fleet(const Deployment& deployment, std::int64_t replicas, Design& design) {
  require(replicas >= 1, "a fleet has at least one engine");
  const Scenario& scenario = *deployment.scenario;
  set_replicas(design, scenario.workload, replicas);
  add_traffic(scenario, design);
  const auto offer = design.prefill ? offer_for_pools(deployment, *design.prefill, replicas)
                                    : offer_for(deployment, replicas);
  if (const auto* found = std::get_if<Offer>(&offer)) {
    design.money = money_of(scenario, design, *found);
  }
}

double engine_load(const Workload& workload, std::int64_t replicas) {
  const double load = wanted_load(workload) / static_cast<double>(replicas);
  return workload.closed_loop ? std::ceil(load) : load;
}

Load simulated_load(const Scenario& scenario, std::int64_t replicas) {
  return scenario.replica_router ? full_load(scenario, wanted_load(scenario.workload), replicas)
                                 : full_load(scenario, engine_load(scenario.workload, replicas));
}

// One engine of the fleet at its load: metrics and verdict.
void operate(const Deployment& deployment, StepCost& cost, Design& d) {
  const Scenario& scenario = *deployment.scenario;
  d.metrics = d.load == d.capacity.load ? d.capacity.at_load
                                        : run(deployment, full_load(scenario, d.load), cost);
  d.verdict = verdict(d.metrics, scenario.objectives.latency);
  if (d.verdict == Verdict::undecided && scenario.workload.can_run_longer()) {
    // Within the estimate's own error: a longer run decides, or the result says it could not.
    Load longer = full_load(scenario, d.load);
    longer.requests *= kRefineFactor;
    d.metrics = run(deployment, longer, cost);
    d.verdict = verdict(d.metrics, scenario.objectives.latency);
  }
}

std::variant<Design, Infeasible> judge(const Scenario& scenario, const Candidate& candidate,
                                       const Screen* screen) {
  auto placed = deploy(scenario, candidate);
  if (auto* why = std::get_if<Infeasible>(&placed)) {
    return *why;
  }
  const Deployment& deployment = std::get<Deployment>(placed);
  Design d = begin_design(deployment);
  // Without a price there is nothing to compare: say so before simulating.
  const auto any_offer = offer_for(deployment, 1);
  if (const auto* reason = std::get_if<std::string>(&any_offer)) {
    return Infeasible{candidate, "price", *reason};
  }
  const std::unique_ptr<StepCost> cost = make_step_cost(deployment);
  if (screen != nullptr) {
    if (auto why = screen->hopeless(deployment, *cost)) {
      return *why;
    }
  }
  d.capacity = find_capacity(deployment);
  if (d.capacity.load <= 0.0) {
    return Infeasible{candidate, "latency", d.capacity.floor_reason};
  }
  if (scenario.objectives.search == SearchGoal::most_traffic) {
    const std::int64_t affordable = affordable_engines(deployment, *scenario.objectives.budget);
    if (affordable <= scenario.spare_engines) {
      return Infeasible{
          candidate, "budget",
          fmt::format("the budget of {} pays for {} engines, of which {} are spare",
                      to_text(*scenario.objectives.budget), affordable, scenario.spare_engines)};
    }
    d.replicas = affordable;
    d.load = d.capacity.load * static_cast<double>(affordable - scenario.spare_engines) /
             static_cast<double>(affordable);
  } else {
    set_replicas(d, scenario.workload, engines_for(scenario, d.capacity.load));
  }
  operate(deployment, *cost, d);
  // Another load is another sample, and may miss what the capacity met: more engines decide.
  const std::int64_t step = std::max<std::int64_t>(1, d.replicas / 50);
  for (int more = 0; more < kMoreEngines && d.verdict == Verdict::missed &&
                     scenario.objectives.search != SearchGoal::most_traffic;
       ++more) {
    set_replicas(d, scenario.workload, d.replicas + step);
    operate(deployment, *cost, d);
  }
  add_traffic(scenario, d);
  const auto offer = offer_for(deployment, d.replicas);
  d.money = money_of(scenario, d, std::get<Offer>(offer));
  if (scenario.objectives.budget && d.money.rent > *scenario.objectives.budget) {
    return Infeasible{candidate, "budget",
                      fmt::format("{} engines rent for {}, above the budget of {}", d.replicas,
                                  to_text(d.money.rent), to_text(*scenario.objectives.budget))};
  }
  add_accuracy(scenario, d);
  if (!d.accuracy && scenario.objectives.accuracy_loss) {
    return Infeasible{candidate, "accuracy",
                      fmt::format("{} experts lie outside the measured range of the accuracy curve "
                                  "({} to {})",
                                  candidate.experts_kept, scenario.accuracy->smallest(),
                                  scenario.accuracy->largest())};
  }
  return d;
}

std::variant<Design, Infeasible> assess(const Scenario& scenario, const Candidate& candidate,
                                        std::int64_t replicas, const LawErrors& errors) {
  require(replicas >= 1, "a fleet has at least one engine");
  auto placed = deploy(scenario, candidate);
  if (auto* why = std::get_if<Infeasible>(&placed)) {
    return *why;
  }
  const Deployment& deployment = std::get<Deployment>(placed);
  Design d = begin_design(deployment);
  set_replicas(d, scenario.workload, replicas);
  Load load = simulated_load(scenario, replicas);
  load.curves = true;
  if (scenario.disaggregation) {
    const auto prefill = deploy_prefill(deployment);
    if (const auto* why = std::get_if<Infeasible>(&prefill)) {
      return *why;
    }
    const Deployment& pool = std::get<Deployment>(prefill);
    d.prefill = PrefillPool{.candidate = pool.candidate,
                            .memory = pool.memory,
                            .engines = scenario.disaggregation->prefill_engines,
                            .decode_engines = scenario.disaggregation->decode_engines};
    const std::int64_t together = load.replicas * d.gpus_total() / d.replicas;
    if (scenario.network.flows && together > kMostFlowGpus) {
      return Infeasible{candidate, "node",
                        fmt::format("flows among {} GPUs are not simulated (at most {}): "
                                    "hardware.network: law",
                                    together, kMostFlowGpus)};
    }
    d.metrics = run_pools(pool, deployment, load, errors);
  } else {
    d.metrics = run(deployment, load, *make_step_cost(deployment, errors));
  }
  d.verdict = verdict(d.metrics, scenario.objectives.latency);
  size_fleet(deployment, replicas, d);
  add_accuracy(scenario, d);
  return d;
}

LatencyCurves latency_curves(const Scenario& scenario, const Design& design) {
  const auto placed = deploy(scenario, design.candidate);
  const Deployment& deployment = std::get<Deployment>(placed);
  Load load = full_load(scenario, design.load);
  load.requests = std::max(load.requests, design.metrics.arrived);  // it may have run for longer
  load.curves = true;
  const ServingMetrics metrics = run(deployment, load, *make_step_cost(deployment));
  return metrics.curves.value();
}

ErrorBand error_band(const Scenario& scenario, const Design& design) {
  const auto placed = deploy(scenario, design.candidate);
  const Deployment& deployment = std::get<Deployment>(placed);
  ErrorBand band;
  const auto side = [&](double law_error, ServingMetrics& metrics, std::int64_t& replicas,
                        double& usd_per_month) {
    metrics =
        run(deployment, full_load(scenario, design.load), *make_step_cost(deployment, law_error));
    const double load = find_capacity(deployment, law_error).load;
    if (load > 0.0) {
      replicas = engines_for(scenario, load);
      const Offer offer = std::get<Offer>(offer_for(deployment, replicas));
      usd_per_month =
          (offer.price->rent * static_cast<double>(offer.instances)).value() * kSecondsPerMonth;
    }
  };
  side(-kBandQuantile, band.fast, band.replicas_fast, band.usd_per_month_low);
  side(kBandQuantile, band.slow, band.replicas_slow, band.usd_per_month_high);
  return band;
}

}  // namespace moeplan::sim
