#pragma once
// Design: one candidate that works, judged: its capacity, the fleet for the wanted traffic, its
// latency there, accuracy and money. Rows of the plan.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "models/accuracy/accuracy_curve.hpp"
#include "models/price/energy.hpp"
#include "models/price/price_book.hpp"
#include "sim/deployment/deployment.hpp"
#include "sim/evaluate.hpp"
#include "sim/plan/capacity.hpp"
#include "sim/plan/offer.hpp"

namespace moeplan::sim {

// A month of 730 h, as everywhere in the project.
inline constexpr double kSecondsPerMonth = 730.0 * 3600.0;

class Screen;

// What the fleet costs. Whole instances; an engine spans machines only node by node.
struct Money {
  std::string price_id;
  std::string provider;
  std::string instance;
  std::string tier;
  models::Date as_of = models::Date::epoch();
  std::int64_t instances = 0;
  std::int64_t stranded_gpus = 0;          // paid for and idle
  UsdPerSecond rent;                       // of all instances
  std::optional<models::OwnedCost> owned;  // the parts of rent, of machines of one's own
  // Rent / tokens of the wanted traffic; the split follows device time on prompts and on outputs.
  double usd_per_million_tokens = 0.0;
  double usd_per_million_input_tokens = 0.0;
  double usd_per_million_output_tokens = 0.0;
  // Rent / most tokens the objectives allow on these GPUs.
  double usd_per_million_tokens_at_capacity = 0.0;
  double usd_per_month = 0.0;  // 730 h
};

// How far the cost laws' own errors reach: the same design with all laws slower, or all faster, by
// 1.645 of their discrepancies at once (the 5th and 95th percentile of one correlated draw).
struct ErrorBand {
  ServingMetrics fast;  // of one engine at the design's load
  ServingMetrics slow;  // may be overloaded: then its latencies mean nothing
  std::int64_t replicas_fast = 0;
  std::int64_t replicas_slow = 0;  // 0: no number of replicas meets the objectives
  double usd_per_month_low = 0.0;
  double usd_per_month_high = 0.0;  // 0 with replicas_slow
};

// The prefill engines of a unit, whose decode engines the design's candidate describes.
struct PrefillPool {
  Candidate candidate;
  MemoryBudget memory;
  std::int64_t engines = 0;         // of one unit
  std::int64_t decode_engines = 0;  // beside them
};

struct Design {
  Candidate candidate;
  std::string gpu;
  std::string node;          // catalog id where the scenario names one, else ""
  int nodes_per_engine = 1;  //
  MemoryBudget memory;
  std::optional<models::RouterEffect> router;  // what pruning did; nullopt: unpruned or dense
  Capacity capacity;                           // of one engine
  std::optional<PrefillPool> prefill;  // with disaggregation: a replica is a unit of two pools
  std::int64_t replicas = 0;
  double load = 0.0;       // per engine: wanted / replicas
  ServingMetrics metrics;  // of one engine at `load`
  Verdict verdict = Verdict::met;
  double fleet_tokens_per_s = 0.0;  // input + output of the wanted traffic
  double fleet_output_tokens_per_s = 0.0;
  Money money;
  models::JoulesPerToken energy;  // of the GPU boards, an estimate from their maximum power
  std::optional<models::AccuracyEstimate> accuracy;
  std::optional<models::AccuracyEstimate> accuracy_change;  // against the unpruned model
  std::optional<bool> accuracy_distinguishable;             // from the unpruned model
  bool accuracy_allowed = true;                             // within objectives.accuracy_loss
  std::optional<ErrorBand> band;                            // of the designs that a plan names
  std::int64_t gpus_total() const {
    return replicas * (prefill ? prefill->engines * prefill->candidate.gpus +
                                     prefill->decode_engines * candidate.gpus
                               : candidate.gpus);
  }
};

// Deploys, searches the capacity, sizes the fleet, prices it. Deterministic. With a screen (of the
// same scenario), what it discards is not simulated.
std::variant<Design, Infeasible> judge(const Scenario& scenario, const Candidate& candidate,
                                       const Screen* screen = nullptr);

// The same for a given number of engines, which share the scenario's traffic: no search, so no
// capacity (load 0), and objectives are judged but refuse nothing; without an offer in the price
// book the money stays zero (price_id empty). errors: of the laws, see ModelStepCost.
// Deterministic. Throws: std::logic_error for replicas < 1.
std::variant<Design, Infeasible> assess(const Scenario& scenario, const Candidate& candidate,
                                        std::int64_t replicas, const LawErrors& errors = {});

// Requests per second of the fleet, or users.
double wanted_load(const Workload& workload);

// Engines of the fleet when one of them carries `load` > 0: those that the wanted traffic needs,
// and the spare ones.
std::int64_t engines_for(const Scenario& scenario, double load);

// Sizes a design to so many engines, and what follows from that: the load of each, the fleet's
// tokens, the money of the cheapest offer (unchanged where the book has none). The design's metrics
// and capacity must be those of its engines. Deterministic.
// Throws: std::logic_error for replicas < 1.
void size_fleet(const Deployment& deployment, std::int64_t replicas, Design& design);

// The load of each of so many engines that share the scenario's traffic: requests per second, or
// whole users.
double engine_load(const Workload& workload, std::int64_t replicas);

// The load that assess() simulates: that of one engine, or of all of them behind a router.
Load simulated_load(const Scenario& scenario, std::int64_t replicas);

// The curves of a judged design's TTFT and TPOT, whose run it repeats. Deterministic.
LatencyCurves latency_curves(const Scenario& scenario, const Design& design);

// The error band of a judged design. Deterministic.
ErrorBand error_band(const Scenario& scenario, const Design& design);

}  // namespace moeplan::sim
