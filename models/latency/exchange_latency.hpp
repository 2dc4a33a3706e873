#pragma once
// ExchangeLatency: time of one dispatch or combine by kernels made for it (DeepEP), on one node or
// over several. Implementation: two_tier_v1. Collectives of a communication library, which can do
// an exchange too, are CollectiveLatency.

#include <optional>
#include <string_view>
#include <vector>

#include "models/hardware/fabric.hpp"
#include "models/latency/fabric_law.hpp"
#include "models/latency/law_info.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::models {

// DeepEP's two kinds of kernels (deep_ep/buffer.py, csrc/kernels of its legacy branch).
enum class ExchangeMode {
  normal,      // a copy for each rank; crosses to a node once and is forwarded inside it
  low_latency  // a copy for each expert, straight to its rank, over the node's fabric or the
               // network
};
enum class ExchangePhase { dispatch, combine };

// "deepep_normal", "deepep_ll".
std::string_view kernel_source_of(ExchangeMode mode);

// Bytes of a dispatched row: 16-bit values, or 8-bit ones with one fp32 scale for 128 of them; in
// low-latency mode 16 more that say whose row it is. Combined rows are 16-bit values.
// Source: DeepEP tests/test_low_latency.py, test_internode.py (fp8_factor).
double dispatch_row_bytes(ExchangeMode mode, double hidden, bool quantised);

// What the busiest rank moves (ExchangeTraffic::volume times the bytes of a row).
struct ExchangeLoad {
  double tokens = 0.0;   // of that rank
  double experts = 0.0;  // of the layer
  double hidden = 0.0;
  double own_bytes = 0.0;  // of its tokens, each once
  double near_bytes = 0.0;
  double far_bytes = 0.0;
  double staged_bytes = 0.0;
};

struct ExchangeTheta {
  double launch = 0.0;  // s
  double near = 0.0;    // B/s over the fabric inside a node
  double far = 0.0;     // B/s over an uplink; 0: no such tier
  double staged = 0.0;  // B/s that the forwarding multiprocessors take in; 0: no such limit
  double own = 0.0;     // B/s at which a rank goes through its own tokens; 0: no time
  double token = 0.0;   // s that one multiprocessor needs to send off a token; 0: no such limit
  double norm = 1.0;
  double multiprocessors = 1.0;
};

//   t = (launch^q + busy^q)^(1/q), q = norm,
//   busy = own_bytes / own + max(near_bytes / near, far_bytes / far, staged_bytes / staged,
//                                token ceil(tokens / senders))
// senders: the multiprocessors of the low-latency kernels, E / ceil(E / multiprocessors) rounded up
// (a group of warps per expert; DeepEP internode_ll.cu). launch for an empty load.
double exchange_seconds(const ExchangeTheta& theta, const ExchangeLoad& load);
ExchangeTheta exchange_theta(const FittedLaw& law);

class ExchangeLatency {
 public:
  // Laws of the form two_tier_v1, each fitted for a mode, a phase and a number of nodes. The
  // fabrics are those of the scenario: rates are scaled by stated rate / stated rate where it was
  // fitted (and marked extrapolated). between: nullptr for engines of one node.
  // Throws: InputError E_VALUE for other forms, E_RANGE for constants that are not whole numbers.
  ExchangeLatency(const std::vector<FittedLaw>& laws, const Fabric& inside, const Fabric* between);

  // Both phases of the mode have laws, and `tokens` tokens a rank are within what its buffers were
  // measured with (low_latency; normal mode takes any number).
  bool takes(ExchangeMode mode, int nodes, double tokens) const;

  // The law of the largest number of nodes up to the group's; of more nodes than it was fitted
  // on, or of other ranks, hidden sizes, experts or more tokens: extrapolated. A law of one node
  // used on several gets the uplink's stated rate x kBusEfficiency and its latency.
  // Throws: std::logic_error for a mode without laws or a group without `nodes`.
  Estimate estimate(ExchangeMode mode, ExchangePhase phase, const RankGroup& group,
                    const ExchangeLoad& load) const;

  // Of the laws that answer for a group on so many nodes; empty: there are none.
  std::vector<LawInfo> info(int nodes) const;
  LawSupport support(int nodes) const;  // of those
  std::vector<LawInfo> info() const;
  // A law was fitted to groups of exactly so many ranks on so many nodes.
  bool measured(const RankGroup& group) const;

 private:
  struct Law {
    LawInfo info;
    ExchangeMode mode = ExchangeMode::normal;
    ExchangePhase phase = ExchangePhase::dispatch;
    int ranks = 0;
    int nodes = 0;
    ExchangeTheta theta;
    bool scaled = false;  // to another fabric than it was fitted on
    Interval tokens, hidden, experts;
  };
  Law make(const FittedLaw& fitted) const;
  const Law* find(ExchangeMode mode, ExchangePhase phase, int nodes) const;

  Fabric inside_;
  std::optional<Fabric> between_;
  std::vector<Law> laws_;
};

}  // namespace moeplan::models
