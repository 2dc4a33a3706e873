#pragma once
// Mixed traffic: requests of several tasks on one engine, simulated together and judged task by
// task. For engines of a shared model, whose load is not the sum of what each task alone would be.

#include <cstdint>
#include <string>
#include <vector>

#include "sim/deployment/deployment.hpp"
#include "sim/scenario/scenario.hpp"
#include "sim/serving/law_errors.hpp"

namespace moeplan::sim {

struct MixPart {
  const Scenario* scenario = nullptr;  // its lengths, gaps, objectives and routing
  PerSecond rate;                      // on this engine; 0: none in this mix
};

struct MixResult {
  Verdict verdict = Verdict::met;  // the worst of all tasks
  double tightest_ratio = 0.0;     // largest figure / its objective
  std::string tightest;            // "chat: ttft p99 1.80 s of 2 s"
};

// One engine of the candidate under the sum of independent traffic of all parts: every task's gaps
// and lengths come from streams of its own, and its percentiles are judged by its own objectives.
// As many requests as the largest workload.requests, up to four times as many where a task would
// have fewer than a thousand; four times longer again where an objective is missed or met by less
// than the error of its percentile, and then the estimate decides; a task with fewer than fifty
// after the warm-up (a tenth) is not judged. Where tasks route differently, the mix runs under the
// routing of each and must hold under all. Equal prompt beginnings are not found again (prefix
// caching saves nothing) and limits at the client do not hold back: both conservative.
// errors: of the laws, see ModelStepCost. Deterministic. Throws: std::logic_error when no part has
// a rate, or the candidate cannot be deployed.
MixResult simulate_mix(const std::vector<MixPart>& parts, const Candidate& candidate,
                       const LawErrors& errors = {});

}  // namespace moeplan::sim
