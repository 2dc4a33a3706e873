#pragma once
// StaticScenario: a scenario with engine.regime: static_forward, the paper's regime: one forward
// pass of a training framework over a fixed batch. It has no requests, objectives or prices, so
// `simulate` takes it and `plan` does not.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/architecture/smoe_architecture.hpp"
#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/static_forward.hpp"
#include "sim/scenario/input_cache.hpp"
#include "sim/scenario/values.hpp"

namespace moeplan::sim {

struct StaticHardware {
  models::Gpu gpu;
  models::Fabric fabric;  // inside a node
  models::StaticForward law;
};

struct StaticScenario {
  std::string name;
  std::string file;
  std::string sha256;  // of the file's bytes
  models::SmoeArchitecture architecture;
  std::vector<std::int64_t> experts_kept;  // {0} for a dense model
  std::vector<StaticHardware> hardware;
  std::vector<std::int64_t> gpus;  // of the job
  std::int64_t expert_ranks = 1;   // GPUs that share the experts
  std::int64_t sequences_per_gpu = 1;
  std::int64_t sequence_length = 1;  // tokens
  std::string source;                // of the workload
  ScenarioValues values;             // as written
};

// Whether a static pass reads this key of the field table; the others are refused where given.
bool reads_static(const std::string& path);

// True for a scenario whose engine.regime is static_forward. Throws: InputError when the file
// cannot be read as YAML; wrong values are left to the loaders.
bool is_static_scenario(const std::filesystem::path& path);

// Throws: InputError with all problems: those of any scenario; keys of serving, which would be
// ignored in silence; an exchange other than capacity_padded; a model that is not bf16; a GPU
// without a fitted law.
StaticScenario load_static_scenario(const std::filesystem::path& path);

// The same from values that are already checked one by one, as a sweep has them.
// path, sha256: of the file they come from. Throws: InputError with the problems of values that do
// not go together.
StaticScenario make_static_scenario(ScenarioValues values, const std::filesystem::path& path,
                                    const std::string& sha256, InputCache& inputs);

}  // namespace moeplan::sim
