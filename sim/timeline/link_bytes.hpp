#pragma once
// LinkBytes: what the busiest device of an engine sends in one step over the fabric inside its node
// and over its share of the node's uplink, by phase, all layers together. Expected rows, without
// sampling fluctuation; of collectives, what the bandwidth-optimal algorithms send
// (models::wire_bytes). alltoall_per_rank forwards its rows, as DeepEP's normal kernels do, also
// where the faster low-latency kernels price the step. Quantised dispatch counts its scales.
// The all-gather of logits, inside the head's phase, is not here.

#include <array>
#include <span>
#include <vector>

#include "models/latency/fabric_law.hpp"
#include "models/routing/exchange_traffic.hpp"
#include "sim/deployment/deployment.hpp"
#include "sim/result/phase.hpp"
#include "sim/serving/batch.hpp"

namespace moeplan::sim {

// [phases]
using PhaseBytes = std::array<models::WireBytes, kPhaseCount>;

class LinkBytes {
 public:
  // The deployment must outlive it.
  explicit LinkBytes(const Deployment& deployment);

  // Of one step. Zero in phases that exchange nothing.
  PhaseBytes of(std::span<const RankBatch> ranks) const;

 private:
  // MoE layers that are alike, and the rows the busiest rank moves for a token on every rank.
  struct ExpertGroup {
    const ExpertLayers* layers = nullptr;
    models::ExchangeVolume per_token;
  };
  void add_experts(double group_tokens, double largest, PhaseBytes& bytes) const;
  models::WireBytes collective(models::Collective kind, const models::RankGroup& group,
                               double bytes) const;

  const Deployment& d_;
  double row_ = 0.0;           // bytes of a row of the residual stream
  double dispatch_row_ = 0.0;  // of a dispatched one
  double reduces_ = 0.0;       // all-reduces of a row in a step, outside MoE layers
  double norm_reduces_ = 0.0;  // of two fp32 sums a token: norms over the heads of all ranks
  std::vector<ExpertGroup> experts_;
};

}  // namespace moeplan::sim
