#pragma once
// Shard: which part of a sweep one process does when the parts know nothing of each other (Slurm
// arrays, Kubernetes Indexed Jobs, or by hand). Shards count from 0.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace moeplan::sim {

struct Shard {
  std::int64_t index = 0;
  std::int64_t count = 1;
  std::string text() const;  // "0/4"
};

// The value of an environment variable; nullopt when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

// "0/4"; "auto": SLURM_ARRAY_TASK_ID of SLURM_ARRAY_TASK_COUNT (with _MIN, _STEP), or
// JOB_COMPLETION_INDEX of JOB_COMPLETIONS, which a Kubernetes manifest has to set; "auto/4": the
// same indices of 4.
// Throws: InputError E_VALUE naming the variable that is missing or wrong.
Shard shard_from(const std::string& text, const Environment& environment);

// The tasks of a shard: of all, ordered by predicted work (longest first, ties by number), every
// count-th, so that shards take about as long. In that order.
std::vector<std::int64_t> tasks_of(const Shard& shard, const std::vector<double>& predicted_work);

}  // namespace moeplan::sim
