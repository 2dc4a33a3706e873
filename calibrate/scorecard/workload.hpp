#pragma once
// ScorecardWorkload: what a scorecard runs (models/data/scorecard): layers, batch sizes, groups.

#include <cstdint>
#include <string>
#include <vector>

#include "models/architecture/smoe_architecture.hpp"

namespace moeplan::calibrate {

struct ScorecardLayer {
  std::string architecture;  // catalog id
  models::MoeFfn moe;        // its first MoE layer
  std::int64_t hidden = 0;
  std::vector<models::Precision> precisions;  // of the experts: the first that a GPU runs counts
  std::string why;
};

struct ScorecardWorkload {
  std::string id;  // "smoe-layers-1": stem of the file
  std::int64_t version = 1;
  std::string why;
  std::vector<std::int64_t> tokens_per_rank;
  std::vector<std::int64_t> expert_parallel;
  std::vector<ScorecardLayer> layers;
};

inline constexpr const char* kScorecardWorkload = "smoe-layers-1";

// data/scorecard/<id>.yaml. Throws: InputError for an unknown id or architecture, and for a wrong
// file: groups that do not divide a layer's experts, a dense architecture.
ScorecardWorkload load_scorecard_workload(const std::string& id = kScorecardWorkload);

}  // namespace moeplan::calibrate
