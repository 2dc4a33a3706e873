#pragma once
// Kernel samples: the arguments of a law beside a measured duration. What importers make, fits use
// and validation compares; one file of measurements is one Measurements.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "models/latency/attention_latency.hpp"
#include "models/latency/exchange_latency.hpp"
#include "models/latency/expert_latency.hpp"
#include "models/latency/fabric_law.hpp"
#include "models/latency/mla_latency.hpp"

namespace moeplan::models {

// Rows that may be fitted together: never across kernel sources or precisions.
struct SampleOrigin {
  std::string kernel_source;  // implementation that was timed
  Precision precision = Precision::bf16;
  int line = 0;          // of the file, 1-based
  double seconds = 0.0;  // measured, > 0
  // The duration holds the host's launches (events around calls outside a graph): a floor that
  // serving does not pay.
  bool host_launched = false;
  // The same weights again and again, nothing in between: what fits the L2 cache is read from it.
  bool repeated = false;
  // [launches] of the measuring program, each one's median, s; `seconds` is their median. Empty
  // where the source tells no launches apart.
  std::vector<double> launch_seconds;
};

struct ExpertSample {
  SampleOrigin origin;
  std::string distribution;  // of the routing: "balanced", "power_law_1.2"
  ExpertPart part = ExpertPart::layer;
  ExpertShape shape;
  std::int64_t intermediate_full = 0;  // before tensor parallelism
  ExpertLoad load;                     // expectations where the routing was drawn at random

  // What leave-one-shape-out holds out together, whatever the parallel split.
  std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t> key() const {
    return {shape.hidden, intermediate_full, shape.top_k, shape.experts};
  }
  // Tokens and experts of a power law are expectations; of all others they are the row's own.
  bool drawn() const { return distribution.starts_with("power_law"); }
};

struct DenseSample {
  SampleOrigin origin;
  double rows = 0.0;
  std::int64_t columns = 0;
  std::int64_t inner = 0;
  bool product_alone = false;  // 8-bit inputs were quantised before, outside the duration
};

struct AttentionSample {
  SampleOrigin origin;  // precision: of the queries
  AttentionShape shape;
  bool decode = false;
  double sequences = 0.0;
  double chunk = 0.0;    // new tokens of each sequence (decode: 1)
  double history = 0.0;  // cached tokens of each sequence before them (decode: all it reads)
};

// A whole latent-attention block: its products with weights and what mla_latency.hpp describes.
struct LatentSample {
  SampleOrigin origin;  // precision: of the products
  // The attention kernel by itself: no products, and nothing of the small kernels that the law
  // counts too. hidden, q_lora_rank and what the kernel does not see of the shape are 0.
  bool kernel_alone = false;
  LatentShape shape;
  std::int64_t hidden = 0;
  std::int64_t q_lora_rank = 0;
  bool decode = false;
  LatentPath path = LatentPath::expanded;  // decode: absorbed
  double sequences = 0.0;
  double chunk = 0.0;    // as AttentionSample
  double history = 0.0;  //
};

struct CollectiveSample {
  SampleOrigin origin;
  Collective collective = Collective::all_reduce;
  int ranks = 0;
  double bytes = 0.0;  // as CollectiveLatency::estimate counts them
  int nodes = 1;       // that the ranks lie on, equally many on each
};

// Kernels that only pass data through memory.
struct StreamSample {
  SampleOrigin origin;
  std::string kernel;  // family: "permute" (norms, rotary embedding, shuffle, ...) or "router"
  std::string layer;   // what was timed, e.g. "layernorm": held out together
  double bytes = 0.0;  // read and written
};

// Peak rate that a file states by carrying fractions of it beside its durations.
struct StatedPeak {
  Precision precision = Precision::fp8;
  double flops = 0.0;  // FLOP/s
};

// One dispatch or combine of uniformly routed tokens, by kernels made for exchanges.
struct ExchangeSample {
  SampleOrigin origin;  // precision: of the rows that travel; dispatched 8-bit rows carry scales
  ExchangePhase phase = ExchangePhase::dispatch;
  int ranks = 0;
  int nodes = 0;
  std::int64_t tokens = 0;  // of one rank
  std::int64_t hidden = 0;
  std::int64_t top_k = 0;
  std::int64_t experts = 0;
  int multiprocessors = 0;  // that the kernel was given; 0: its own choice
};

struct Measurements {
  std::string file;    // as the user named it
  std::string name;    // without its directory
  std::string sha256;  // of its bytes
  std::string source;  // "imported: aiconfigurator"
  std::string device;  // as the file names it; "" where it does not
  std::vector<ExpertSample> experts;
  std::vector<DenseSample> dense;
  std::vector<AttentionSample> attention;
  std::vector<LatentSample> latent;
  std::vector<CollectiveSample> collectives;
  std::vector<StreamSample> streams;
  std::vector<ExchangeSample> exchanges;
  std::optional<StatedPeak> stated_peak;
  std::vector<std::string> notes;                  // rows that were left out, and why
  std::map<std::string, std::int64_t> skipped;     // why -> rows that could not be read
  std::map<std::string, std::string> fingerprint;  // of the machine that measured; empty: imported

  std::int64_t rows() const {
    return static_cast<std::int64_t>(experts.size() + dense.size() + attention.size() +
                                     latent.size() + collectives.size() + streams.size() +
                                     exchanges.size());
  }
};

}  // namespace moeplan::models
