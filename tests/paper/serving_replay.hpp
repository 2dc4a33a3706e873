#pragma once
// Replay: the latencies of a run as a sum over its steps. In a closed loop the batches do not
// depend on how long steps take (a user's next request arrives when the last one ends), so one
// simulation gives the batches, and TTFT and TPOT follow for any price of them:
//   ttft = sum of the steps from arrival to first token, tpot = those from there to the last token
//   / (output tokens - 1).

#include <array>
#include <vector>

#include "sim/deployment/deployment.hpp"
#include "sim/result/phase.hpp"

namespace moeplan::tests {

// Terms of a step's price, seconds resp. counts.
inline constexpr std::size_t kTermCount = sim::kPhaseCount + 3;
inline constexpr std::size_t kSteps = sim::kPhaseCount;          // 1 a step
inline constexpr std::size_t kSequences = sim::kPhaseCount + 1;  // sequences in the step
inline constexpr std::size_t kPrefillSteps =
    sim::kPhaseCount + 2;                      // 1 a step with prompts, no graph
using Terms = std::array<double, kTermCount>;  // [phases, then the three above]

struct Replay {
  std::vector<Terms> ttft;  // [requests]
  std::vector<Terms> tpot;  // [requests with more than one output token]
  Terms mean_ttft{};
  Terms mean_tpot{};
  std::int64_t steps = 0;
  std::int64_t preemptions = 0;
  std::vector<std::string> extrapolated;
};

// The run of the deployment's own workload (closed loop). Phases host and launch are left out:
// zero.
Replay replay(const sim::Deployment& deployment);

}  // namespace moeplan::tests
