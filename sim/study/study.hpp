#pragma once
// PretrainingStudy: one question before pretraining - how many experts per layer, given that the
// model will be pruned later - read from YAML, checked and immutable. Names are resolved here, so
// run_study (run_study.hpp) reads no file. README.md has the keys.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "models/accuracy/accuracy_table.hpp"
#include "models/architecture/smoe_architecture.hpp"
#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/collective_latency.hpp"
#include "models/units/quantity.hpp"
#include "sim/scenario/scenario.hpp"
#include "sim/scenario/static_scenario.hpp"

namespace moeplan::sim {

// A figure that nobody measured for this study. low and high are equal to value without a range.
struct Assumption {
  std::string key;  // "pretraining.mfu"
  double value = 0.0;
  double low = 0.0;
  double high = 0.0;
  std::string source;  // document, or why it is taken so
};

// What of the activations is computed again in the backward pass instead of being kept
// (training_memory.hpp).
enum class Recompute { none, selective, full };

// The cluster and the run that make a model of any of the expert counts.
struct PretrainingSetup {
  std::vector<std::int64_t> experts;  // per MoE layer, ascending
  Tokens tokens;
  std::int64_t batch_sequences = 0;  // of a step, over all GPUs
  std::int64_t sequence_length = 0;  // tokens
  std::int64_t micro_batch = 0;      // sequences of a GPU in one pass; a step accumulates passes
  std::string node;                  // catalog id
  int nodes = 0;
  models::Gpu gpu;  // its node's fabrics and number of GPUs
  models::CollectiveLatency collective;
  // GPUs that share the experts, ascending; of several, each expert count takes what is cheapest
  // and fits.
  std::vector<std::int64_t> expert_ranks;
  double capacity_factor = 0.0;  // of expert buffers in training
  std::int64_t minimum_capacity = 0;
  double mfu = 0.0;  // model FLOPs of the compute / peak, without exchanges and gradients
  double mfu_low = 0.0;
  double mfu_high = 0.0;
  Bytes state_per_parameter;  // weights, gradients and optimizer of one parameter
  Recompute recompute = Recompute::selective;
  std::string recompute_source;

  int gpus() const { return nodes * gpu.gpus_per_node; }
};

// Training a pruned model further, on the same cluster, in the same batches.
struct Finetuning {
  Tokens tokens;
  std::string source;
};

// What a user asks of the answer. Without a quality floor the most accurate option within the
// limits is wanted, with one the cheapest over the lifetime.
struct StudyObjectives {
  std::optional<double> quality_floor;    // fraction
  double quality_tolerance = 0.0;         // fraction: a loss so small counts as none (break-evens)
  std::optional<Usd> pretraining_budget;  //
  std::optional<Seconds> latency;         // of a pass, or p99 TPOT
};

// One value of the file, or a default, for --print-config.
struct StudyValue {
  std::string key;
  std::string value;
  std::string from;  // file:line:column, or "default"
};

struct PretrainingStudy {
  std::string name;
  std::string file;
  std::string sha256;  // of the file's bytes
  std::string source;
  models::SmoeArchitecture architecture;  // with as many experts as it has; others by with_experts
  models::AccuracyTable table;
  std::vector<std::string> methods;        // of pruning
  std::vector<std::int64_t> experts_kept;  // ascending
  PretrainingSetup pretraining;
  std::optional<Finetuning> finetuning;  // of every pruned option; nothing: not priced
  std::variant<StaticScenario, Scenario> inference;
  PriceOptions prices;
  Tokens lifetime;  // processed over the model's life
  StudyObjectives objectives;
  std::vector<Assumption> assumptions;
  std::vector<StudyValue> values;
};

// Counts of either list, ascending, each once.
std::vector<std::int64_t> united(const std::vector<std::int64_t>& a,
                                 const std::vector<std::int64_t>& b);

// seed: of a serving scenario's random streams, instead of its own.
// Throws: InputError with all problems of the file: unknown or missing keys, ids that are not in
// the catalog, expert counts that the architecture cannot have or the accuracy table has no
// from-scratch row of, a batch that does not divide over the GPUs, an inference scenario of another
// model or without the expert counts.
PretrainingStudy load_pretraining_study(const std::filesystem::path& path,
                                        std::optional<std::uint64_t> seed = std::nullopt);

}  // namespace moeplan::sim
