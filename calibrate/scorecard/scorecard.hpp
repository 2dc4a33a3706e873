#pragma once
// Scorecard: what a machine's cost laws say to a fixed workload of SMoE layers: tokens/s and money
// per million tokens, the exchange between GPUs included. Comparable between machines, because
// layers, batches and routing are the same for all (workload.hpp).

#include <span>
#include <string>
#include <vector>

#include "calibrate/fitting/predictor.hpp"
#include "calibrate/scorecard/workload.hpp"
#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::calibrate {

struct ScorecardMachine {
  const models::Gpu* gpu = nullptr;
  const models::Fabric* inside = nullptr;    // of its node
  const models::Profile* profile = nullptr;  // nullptr: data-sheet laws
};

// One layer, in one group of ranks (a GPU each), each of which brings so many tokens.
struct ScorecardPoint {
  std::string architecture;
  models::Precision precision = models::Precision::bf16;  // of the experts
  std::int64_t expert_parallel = 1;
  std::int64_t tokens_per_rank = 1;
  Seconds router;    // its product
  Seconds experts;   // of the busiest rank under uniform routing, then the shared experts
  Seconds exchange;  // dispatch and combine; 0 for one rank
  std::vector<std::string> extrapolated;  // families whose law was outside its measured range
  std::vector<std::string> datasheet;     // families without a measured law

  Seconds layer() const { return router + experts + exchange; }
  // tokens_per_rank / layer().
  double tokens_per_s_per_gpu() const {
    return static_cast<double>(tokens_per_rank) / layer().value();
  }
  // Of this one layer: rent x layer() / tokens_per_rank x 10^6; all ranks pay and produce alike.
  double usd_per_million_tokens(UsdPerSecond rent_per_gpu) const {
    return rent_per_gpu.value() * layer().value() / static_cast<double>(tokens_per_rank) * 1e6;
  }
};

struct ScorecardGap {
  std::string architecture;
  std::string reason;
};

struct Scorecard {
  std::vector<ScorecardPoint> points;  // layer by layer, group by group, from few tokens to many
  std::vector<ScorecardGap> gaps;      // layers that the machine does not run
};

// Groups above the GPUs of the machine's node are left out. Experts in the first precision of the
// layer that the GPU runs; router in 16 bits; dispatched rows in 8 bits where experts have them.
// Dispatch and combine: the faster of the profile's kernels, else an all-to-all of the rows that
// they would move. Deterministic.
Scorecard make_scorecard(const ScorecardWorkload& workload, const ScorecardMachine& machine);

// exp(mean(ln tokens_per_s_per_gpu)): the one number of several points, in which a factor counts
// the same wherever it lies. The cost per million tokens of the same points has the geometric mean
// rent / this x 10^6. Throws: std::logic_error without points.
double geometric_mean_tokens_per_s(std::span<const ScorecardPoint> points);

}  // namespace moeplan::calibrate
