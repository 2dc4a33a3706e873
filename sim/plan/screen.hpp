#pragma once
// Screen: designs that cannot work, found by bounds from a handful of step prices, before anything
// is simulated. What it discards, the simulation would have discarded too; what it lets through may
// still fail there.

#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "sim/deployment/deployment.hpp"
#include "sim/evaluate.hpp"
#include "sim/serving/batch.hpp"

namespace moeplan::sim {

// The requests of a capacity search's first question: one user alone. 100, a tenth of them warm-up.
Load floor_load(const Scenario& scenario);

class Screen {
 public:
  // Looks at the requests that every run of the scenario draws; the scenario must outlive it.
  explicit Screen(const Scenario& scenario);

  // Why no load can meet the latency objectives, or why the wanted traffic cannot be served within
  // the budget; nothing when neither can be excluded.
  //   one user:  TPOT >= a decode step of one sequence over its prompt, TTFT >= 0.9 x the step that
  //              computes (the first chunk of) its prompt; of the requests at the percentile
  //   capacity (Poisson traffic, one rank, one batch in flight): by the time the k-th request has
  //   its first token, all k
  //              prompts have been computed, and an objective on TPOT later all their answers; with
  //              arrivals at load / unit gaps that bounds the load, the engines and the rent
  // Assumes that step prices grow with tokens, prices per token fall with the batch, each to within
  // 10 %, and a jitter within four standard deviations.
  // With prefix caching only TPOT is bounded: prompts may be found instead of computed.
  std::optional<Infeasible> hopeless(const Deployment& deployment, StepCost& cost) const;

 private:
  struct Floor {
    std::int64_t ttft_p50_prompt = 0;  // prompt of the request at that rank by prompt; 0: none
    std::int64_t ttft_p99_prompt = 0;
    std::int64_t tpot_p50_prompt = 0;
    std::int64_t tpot_p99_prompt = 0;
  };
  // Of the first 98 % of the arrivals of a full run.
  struct Work {
    double prompt_tokens = 0.0;
    double decode_tokens = 0.0;  // without the 2 % of the run's requests with the longest answers
    double last_unit_gap = 0.0;  // instant of the last arrival x rate
    double longest_answer = 0.0;
  };

  Floor floor_of() const;
  std::optional<Work> work_of() const;
  std::optional<Infeasible> misses_floor(const Deployment& deployment, StepCost& cost) const;
  std::optional<Infeasible> exceeds_budget(const Deployment& deployment, StepCost& cost) const;

  const Scenario& scenario_;
  double slack_;  // the least a jittered step takes of its price
  Floor floor_;
  mutable std::once_flag work_known_;
  mutable std::optional<Work> work_;  // nothing: the load is not bounded
};

}  // namespace moeplan::sim
