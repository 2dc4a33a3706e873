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
#include "models/hardware/node.hpp"
#include "models/latency/cost_laws.hpp"
#include "models/price/price_book.hpp"
#include "models/routing/exchange.hpp"
#include "models/routing/placement.hpp"
#include "sim/result/metrics.hpp"
#include "sim/scenario/expert_routing.hpp"
#include "sim/scenario/input_cache.hpp"
#include "sim/scenario/planned_pruning.hpp"
#include "sim/scenario/values.hpp"
#include "sim/topology/topology.hpp"
#include "sim/workload/request_source.hpp"
#include "sim/workload/request_trace.hpp"
#include "sim/workload/router_policy.hpp"

namespace moeplan::sim {

using models::Exchange;

// A GPU that the plan may use, with the laws that price its kernels.
struct HardwareOption {
  models::Gpu gpu;        // its node's fabrics and number of GPUs, where a node is named
  models::Fabric fabric;  // inside a node
  models::Fabric uplink;  // between nodes, one GPU's share
  models::CostLaws laws;
  std::string node;      // catalog id; "": the GPU's usual node
  models::Node machine;  // that node, or the usual one
  // What the laws were made from; nullptr: data-sheet laws only.
  std::shared_ptr<const models::Profile> profile;
  models::LawRequest request;

  // "h100-sxm", "h100-sxm in aws-p5.48xlarge": for tables.
  std::string label() const { return node.empty() ? gpu.id : gpu.id + " in " + node; }
};

// How the exchange of MoE layers is priced, and the switches that it crosses between nodes.
struct NetworkOptions {
  // Flows that share the cluster's links stretch the exchange laws where ports alone do not set
  // the time; false: the laws alone.
  bool flows = false;
  double oversubscription = 1.0;      // ports to nodes / links to the spine, of a leaf
  std::optional<int> nodes_per_leaf;  // all on one leaf when absent
  // The cluster as the user drew it, instead of the node's usual one; an engine has its first GPUs.
  std::shared_ptr<const Topology> topology;
  std::string topology_source;  // its file and SHA-256
  // For provenance: what prices exchanges.
  std::string text() const;
};

// Prefill/decode disaggregation: what one unit of the fleet is made of. Decode engines are the
// candidates; prefill engines differ from them in what is stated here.
struct Disaggregation {
  std::int32_t prefill_engines = 1;
  std::int32_t decode_engines = 1;
  std::optional<int> prefill_gpus;
  std::optional<int> prefill_tensor_parallel;
};

struct EngineOptions {
  std::int64_t max_sequences = 256;
  std::int64_t max_batched_tokens = 8192;
  std::int64_t max_model_length = 0;
  double memory_utilization = 0.9;
  Bytes buffer_memory;
  std::optional<std::int64_t> kv_blocks;  // instead of the derived number
  std::optional<Seconds> host_time;       // instead of the law
  bool prefix_caching = false;            // of equal prompt beginnings
  bool divided_batches = false;           // of a pipeline
  bool chunked_prefill = true;            // false: a prompt is computed in one step
  bool async_scheduling = true;           // the host prepares a step while the last one runs
  // Numbers of tokens for which CUDA graphs were captured, ascending; empty: steps run as they are.
  std::vector<std::int64_t> graph_sizes;
  Seconds startup{600.0};  // from renting a machine to serving
  double jitter = 0.0;
};

// The sizes that vLLM captures: 1, 2, 4, then every 8 below 256 and every 16 from there, up to the
// least of 2 max_sequences, 512 and max_batched_tokens.
std::vector<std::int64_t> default_graph_sizes(std::int64_t max_sequences,
                                              std::int64_t max_batched_tokens);

enum class ArrivalKind { poisson, gamma, closed_loop, all_at_once, trace };

// The traffic. Its load is counted in requests per second, or in users: closed_loop, and
// all_at_once, which is a closed loop whose users send one request each.
struct Workload {
  ArrivalKind kind = ArrivalKind::poisson;
  bool closed_loop = false;      // the load is counted in users
  PerSecond rate;                // of the fleet, when open
  std::int64_t concurrency = 0;  // of the fleet, when closed
  Seconds think_time;            // between answer and next request, when closed
  double burstiness = 1.0;
  std::optional<Bursts> bursts;
  std::optional<DayProfile> day;
  std::optional<RampUp> ramp;
  std::int64_t max_in_flight = 0;             // of one engine, when open; 0: any
  std::shared_ptr<const RequestTrace> trace;  // when replayed
  LengthDistribution input;                   // of a trace: what it has
  LengthDistribution output;
  bool joint_lengths = false;
  std::optional<SharedPrefix> shared_prefix;
  std::int64_t requests = 10000;  // arrivals per replica and run
  std::int64_t warmup = 0;
  ExpertRouting routing;
  std::string source;
  std::vector<std::string> notes;  // what the reader of a result must know of the traffic

  double mean_input() const { return mean_length(input); }
  double mean_output() const { return mean_length(output); }
  // The arrivals of one engine at a load (requests per second, or users). A higher rate draws the
  // same unit gaps closer together; bursts and a day of a given length keep their times; a trace
  // is compressed in time as a whole.
  Arrivals arrivals_at(double load) const;
  // The rate is the same all the time: growth of the queue means overload.
  bool is_steady() const { return kind != ArrivalKind::trace && !day && !ramp; }
  // A run may have more requests than `requests`.
  bool can_run_longer() const {
    return kind != ArrivalKind::trace && kind != ArrivalKind::all_at_once;
  }
  // Runs of so many arrivals (of a trace: at most what it has), a tenth of them warm-up.
  void shorten(std::int64_t arrivals);
  // What one replica's traffic is to the fleet's, in a sentence.
  std::string split_text() const;
};

// What a plan looks for: the cheapest fleet for the wanted traffic; the most accurate one for it
// within the budget; or the most traffic within the budget.
enum class SearchGoal { cheapest, best_quality, most_traffic };

struct Objectives {
  SearchGoal search = SearchGoal::cheapest;
  LatencyObjectives latency;
  std::optional<double> accuracy_loss;  // fraction
  std::optional<UsdPerSecond> budget;   // of the fleet
};

struct PriceOptions {
  models::PriceBook book;
  std::vector<std::string> tiers;  // the cheapest offer of any of them
  std::string provider;            // "" = any
  models::Date as_of;
  // What others ask for a token of the model over an API, to compare with; both or none.
  std::optional<UsdPerToken> api_input;
  std::optional<UsdPerToken> api_output;
};

// How far inputs may be off, for intervals (sim/uncertainty); errors of laws and bands of accuracy
// curves come with those.
struct UncertaintyOptions {
  double price = 0.1;     // 5 to 95 % of what a GPU will cost: 1 -+ this
  double jitter = 0.05;   // engine.jitter may be more by as much as this
  double routing = 0.25;  // of alpha; or sd of ln concentration, or of ln of the log-odds' scale
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
  std::optional<PlannedPruning> planned;  // one of experts_kept comes from pruning.plan
  std::optional<models::AccuracyCurve> accuracy;
  std::vector<HardwareOption> hardware;
  std::vector<std::int64_t> gpus;             // of one engine
  std::vector<std::int64_t> tensor_parallel;  // empty: every power of two
  std::vector<std::int64_t> pipeline_parallel;
  std::vector<bool> expert_parallel;
  std::vector<Exchange> exchange;
  std::vector<models::PlacementRule> placement;
  std::vector<std::int64_t> redundant_experts;  // of balanced placements
  NetworkOptions network;
  // How the fleet's requests reach its engines. nullopt: they are split at random, so that every
  // engine sees traffic of its own and one of them stands for all.
  std::optional<RouterPolicy> replica_router;
  std::optional<Disaggregation> disaggregation;
  std::int64_t spare_engines = 0;  // of a plan's fleet: so many may fail
  EngineOptions engine;
  Workload workload;
  Objectives objectives;
  PriceOptions prices;
  UncertaintyOptions uncertainty;
  std::uint64_t seed = 1;
  std::vector<std::string> warnings;  // what a reader of the plan must know about the input
  models::RoutedModel routing;        // of the architecture, at every count of experts_kept
  ScenarioValues values;              // as written, for --print-config and provenance

  // Experts per MoE layer as pretrained; 0 for a dense model.
  std::int64_t pretrained_experts() const;
  // How the fleet's traffic reaches its engines, in a sentence.
  std::string split_text() const;
  // [layers], experts of the design that is called `experts_kept`; what dense layers have is never
  // read.
  std::vector<std::int64_t> experts_per_layer(std::int64_t experts_kept) const;
};

struct ScenarioOverrides {
  std::optional<std::uint64_t> seed;
  std::optional<std::int64_t> requests;  // arrivals a run; the warm-up becomes a tenth of it
};

// Throws: InputError with all problems found.
Scenario load_scenario(const std::filesystem::path& path, const ScenarioOverrides& overrides = {});

// A scenario from values that are already checked one by one (ScenarioValues::parse), as a sweep
// has them. path, sha256: of the file they come from, beside which other files lie.
// Throws: InputError with all problems found where values meet each other and the catalog.
Scenario make_scenario(ScenarioValues values, const std::filesystem::path& path,
                       const std::string& sha256, const ScenarioOverrides& overrides,
                       InputCache& inputs);

}  // namespace moeplan::sim
