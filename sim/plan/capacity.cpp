#include "sim/plan/capacity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/units/parse.hpp"
#include "sim/deployment/kv_block.hpp"
#include "sim/evaluate.hpp"
#include "sim/plan/screen.hpp"
#include "sim/serving/pipeline_step_cost.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kBracketRequests = 1500;  // to find the neighbourhood
constexpr double kBracketTolerance = 0.12;
constexpr double kTooFast = 64.0;  // times the optimistic load: everything has arrived at once

struct Miss {
  std::string name;
  double ratio = 0.0;  // value / objective
  double value = 0.0;
  double bound = 0.0;
};

Miss worst_miss(const ServingMetrics& m, const LatencyObjectives& o) {
  Miss worst;
  const auto consider = [&](const char* name, double value, double bound) {
    if (bound > 0.0 && value / bound > worst.ratio) {
      worst = {name, value / bound, value, bound};
    }
  };
  consider("ttft", m.ttft.p99, o.ttft_p99_s);
  consider("tpot", m.tpot.p99, o.tpot_p99_s);
  consider("ttft", m.ttft.p50, o.ttft_p50_s);
  consider("tpot", m.tpot.p50, o.tpot_p50_s);
  return worst;
}

std::string binding_of(const ServingMetrics& beyond, const LatencyObjectives& objectives) {
  if (beyond.preemptions > 0 && beyond.steps_out_of_blocks_fraction > 0.05) {
    return "memory";
  }
  const Miss miss = worst_miss(beyond, objectives);
  if (miss.ratio > 1.0) {
    return miss.name;
  }
  return "throughput";
}

class Search {
 public:
  Search(const Deployment& deployment, StepCost& cost)
      : d_(deployment),
        objectives_(deployment.scenario->objectives.latency),
        cost_(&cost),
        closed_(deployment.scenario->workload.closed_loop) {}

  Capacity run() {
    if (const std::string reason = floor_reason(); !reason.empty()) {
      return {.floor_reason = reason};
    }
    if (closed_) {
      limit_ = static_cast<double>(d_.scenario->workload.concurrency);
      found_.beyond = full_run(limit_);
      if (meets(found_.beyond, objectives_)) {
        return {
            .load = limit_, .at_load = found_.beyond, .binding = "none", .limited_by_wanted = true};
      }
    }
    if (!bracket(coarse())) {
      return {.floor_reason =
                  unsaturated_
                      ? fmt::format("{} requests cannot load this engine: even at {:.0f} a second "
                                    "they meet the objectives; more are needed to find its limit",
                                    d_.scenario->workload.requests, found_.load)
                      : "no load above zero meets the objectives"};
    }
    while (missed_ / found_.load > 1.0 + kCapacityTolerance &&
           !(closed_ && missed_ - found_.load <= 1.0)) {
      judge_load(between(found_.load, missed_));
    }
    found_.binding = binding_of(found_.beyond, objectives_);
    return found_;
  }

  ServingMetrics simulate_load(double value, std::int64_t requests, bool may_abort) {
    const Scenario& scenario = *d_.scenario;
    Load load = full_load(scenario, value);
    load.search_only = true;
    if (requests != load.requests && scenario.workload.kind != ArrivalKind::all_at_once) {
      load.requests = requests;
      load.warmup = requests / 10;
    }
    if (may_abort && !load.closed_loop) {
      // So many waiting requests miss any first-token bound by far and for long.
      const double bound = std::max(objectives_.ttft_p99_s, objectives_.ttft_p50_s);
      load.abort_above_waiting =
          64 +
          static_cast<std::int64_t>(0.02 * static_cast<double>(requests) + 10.0 * value * bound);
    }
    return sim::run(d_, load, *cost_);
  }

 private:
  // Why not even a single user is served in time, or "".
  std::string floor_reason() {
    const Scenario& scenario = *d_.scenario;
    if (scenario.engine.prefix_caching && scenario.workload.trace) {
      return "";  // single users would draw lengths without the trace's hashes
    }
    const ServingMetrics floor = sim::run(d_, floor_load(*d_.scenario), *cost_);
    if (meets(floor, objectives_)) {
      return "";
    }
    const Miss miss = worst_miss(floor, objectives_);
    const Phase largest = floor.phases.largest();
    return fmt::format(
        "{} is {} even without load (objective {}); the largest term is {} ({:.0f} % of the time)",
        miss.name, to_text(Seconds(miss.value)), to_text(Seconds(miss.bound)), name_of(largest),
        100.0 * in_seconds(floor.phases[largest]) / in_seconds(floor.phases.total()));
  }

  // The neighbourhood of the capacity, from short runs.
  double coarse() {
    double high = closed_ ? limit_ : saturated_load(d_, *cost_);
    double low = closed_ ? 1.0 : high / 1024.0;
    const std::int64_t requests = std::min(d_.scenario->workload.requests, kBracketRequests);
    while (high / low > 1.0 + kBracketTolerance && !(closed_ && high - low <= 1.0)) {
      const double middle = between(low, high);
      (meets(simulate_load(middle, requests, true), objectives_) ? low : high) = middle;
    }
    return low;
  }

  // Steps from a load, ever wider, until one full run meets and one misses; short runs may have
  // been wrong either way. False when none meets.
  bool bracket(double load) {
    double factor = 1.1;
    while (found_.load == 0.0 || missed_ == 0.0) {
      if (closed_ && load >= limit_) {
        missed_ = limit_;  // known from the start
        return true;
      }
      if (load < (closed_ ? 1.0 : saturated_load(d_, *cost_) * 1e-6)) {
        return false;
      }
      if (!closed_ && found_.load > saturated_load(d_, *cost_) * kTooFast) {
        unsaturated_ = true;
        return false;
      }
      if (judge_load(load)) {
        load = closed_ ? std::max(load + 1.0, std::round(load * factor)) : load * factor;
      } else {
        load = closed_ ? std::min(load - 1.0, std::round(load / factor)) : load / factor;
      }
      factor = std::min(2.0, factor * factor);
    }
    return true;
  }

  // A full run; narrows the bracket.
  bool judge_load(double load) {
    ServingMetrics metrics = full_run(load);
    const bool good = meets(metrics, objectives_);
    if (good) {
      found_.load = load;
      found_.at_load = std::move(metrics);
    } else {
      missed_ = load;
      found_.beyond = std::move(metrics);
    }
    return good;
  }

  ServingMetrics full_run(double load) {
    return simulate_load(load, d_.scenario->workload.requests, true);
  }

  double between(double low, double high) const {
    const double middle = std::sqrt(low * high);
    return closed_ ? std::clamp(std::round(middle), low + 1.0, high - 1.0) : middle;
  }

  const Deployment& d_;
  LatencyObjectives objectives_;
  StepCost* cost_;
  bool closed_;
  double limit_ = 0.0;        // users of a closed loop: more are not wanted
  bool unsaturated_ = false;  // the run is too short to find the limit
  double missed_ = 0.0;       // lowest load found to miss, 0 = none yet
  Capacity found_;            // load 0 = none yet
};

}  // namespace

double saturated_load(const Deployment& d, StepCost& cost) {
  const Workload& w = d.scenario->workload;
  const EngineOptions& e = d.scenario->engine;
  const double context = w.mean_input() + 0.5 * w.mean_output();
  const double by_memory = static_cast<double>(d.memory.kv_blocks * kBlockTokens) / context;
  const double batch =
      std::max(1.0, std::min(static_cast<double>(e.max_sequences), std::floor(by_memory)));
  RankBatch decode;
  decode.decode_sequences = decode.sampled = static_cast<std::int64_t>(batch);
  decode.decode_kv_tokens = static_cast<std::int64_t>(batch * context);
  const std::vector<RankBatch> decodes(static_cast<std::size_t>(d.candidate.data_parallel), decode);
  const double step = in_seconds(cost.cost(decodes).total());
  RankBatch prefill;
  prefill.prefill_tokens = e.max_batched_tokens;
  prefill.prefill.push_back({e.max_batched_tokens, 0});
  const std::vector<RankBatch> prefills(static_cast<std::size_t>(d.candidate.data_parallel),
                                        prefill);
  const double per_prompt_token =
      in_seconds(cost.cost(prefills).total()) / static_cast<double>(e.max_batched_tokens);
  const double ranks = d.candidate.data_parallel;
  // Full decode batches overstate attention, so the bracket is doubled; a pipeline has as many
  // batches in flight as stages.
  return 2.0 * ranks * d.candidate.pipeline_parallel /
         (w.mean_output() * step / batch + w.mean_input() * per_prompt_token);
}

Capacity find_capacity(const Deployment& deployment, const LawErrors& errors) {
  const std::unique_ptr<StepCost> cost = make_step_cost(deployment, errors);
  return Search(deployment, *cost).run();
}

}  // namespace moeplan::sim
