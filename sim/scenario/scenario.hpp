#pragma once
// Scenario: one what-if question, read from YAML, checked and immutable. Names are resolved here
// (catalog ids into architectures, GPUs, laws, prices), so nothing below reads a file.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/accuracy/accuracy_curve.hpp"
#include "models/architecture/smoe_architecture.hpp"
#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/cost_laws.hpp"
#include "models/price/price_book.hpp"
#include "models/routing/exchange.hpp"
#include "models/routing/routing.hpp"
#include "sim/result/metrics.hpp"
#include "sim/scenario/values.hpp"
#include "sim/workload/request_source.hpp"

namespace moeplan::sim {

using models::Exchange;

// A GPU that the plan may use, with the laws that price its kernels.
struct HardwareOption {
  models::Gpu gpu;
  models::Fabric fabric;
  models::CostLaws laws;
};

struct EngineOptions {
  std::int64_t max_sequences = 256;
  std::int64_t max_batched_tokens = 8192;
  std::int64_t max_model_length = 0;
  double memory_utilization = 0.9;
  Bytes buffer_memory;
  std::optional<std::int64_t> kv_blocks;  // instead of the derived number
  std::optional<Seconds> host_time;       // instead of the law
  double jitter = 0.0;
};

struct Workload {
  bool closed_loop = false;
  PerSecond rate;                // of the fleet, when open
  std::int64_t concurrency = 0;  // of the fleet, when closed
  Seconds think_time;            // between answer and next request, when closed
  LengthDistribution input;
  LengthDistribution output;
  std::int64_t requests = 10000;  // arrivals per replica and run
  std::int64_t warmup = 0;
  bool power_law = false;
  double alpha = 0.0;
  std::string source;

  double mean_input() const { return mean_length(input); }
  double mean_output() const { return mean_length(output); }
};

struct Objectives {
  LatencyObjectives latency;
  std::optional<double> accuracy_loss;  // fraction
  std::optional<UsdPerSecond> budget;   // of the fleet
};

struct PriceOptions {
  models::PriceBook book;
  std::vector<std::string> tiers;  // the cheapest offer of any of them
  std::string provider;            // "" = any
  models::Date as_of;
};

struct Scenario {
  std::string name;
  std::string file;
  std::string sha256;  // of the file's bytes
  models::SmoeArchitecture architecture;
  models::Precision precision;
  models::Precision kv_precision;
  std::vector<std::int64_t> experts_kept;  // empty for a dense model
  models::RouterMode router;
  std::optional<models::AccuracyCurve> accuracy;
  std::vector<HardwareOption> hardware;
  std::vector<std::int64_t> gpus;             // of one engine
  std::vector<std::int64_t> tensor_parallel;  // empty: every power of two
  std::vector<bool> expert_parallel;
  std::vector<Exchange> exchange;
  EngineOptions engine;
  Workload workload;
  Objectives objectives;
  PriceOptions prices;
  std::uint64_t seed = 1;
  std::vector<std::string> warnings;  // what a reader of the plan must know about the input
  ScenarioValues values;              // as written, for --print-config and provenance

  // Experts per MoE layer as pretrained; 0 for a dense model.
  std::int64_t pretrained_experts() const;
};

struct ScenarioOverrides {
  std::optional<std::uint64_t> seed;
  std::optional<std::int64_t> requests;  // arrivals a run; the warm-up becomes a tenth of it
};

// Throws: InputError with all problems found.
Scenario load_scenario(const std::filesystem::path& path, const ScenarioOverrides& overrides = {});

}  // namespace moeplan::sim
