#pragma once
// StaticForward: one forward pass of a training framework (DeepSpeed-MoE), as Sarkar et al. timed
// it: eager kernels, all tokens of a fixed batch at once, buffers padded to capacity, a loop over
// the local experts, exchanges that wait for all ranks. Not how engines serve (the other laws).
// Implementation: static_forward_v1.
//
// The law is affine in the experts of a rank, as a loop is. No law affine in them passes through
// all points of figure 2a: from 16 to 32 local experts the pass grows by 3.18 ms an expert, from 4
// to 16 by 0.94 and from 32 to 64 by 2.24; a law through dense, 8e and 128e gives 32e 30 % too
// much.

#include <array>
#include <cstdint>
#include <string_view>

#include "models/architecture/smoe_architecture.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/fabric_law.hpp"
#include "models/latency/law_info.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::models {

// One pass: every GPU has a batch of its own (data parallelism), groups of `expert_ranks` GPUs
// share the experts.
struct StaticShape {
  std::int64_t sequences = 1;  // per GPU
  std::int64_t length = 1;     // tokens of each
  int gpus = 1;                // of the job
  int expert_ranks = 1;        // divides gpus; 1: every GPU holds all experts
  std::int64_t tokens() const { return sequences * length; }
};

// Seconds of the whole pass, summed over layers; each >= 0. T tokens of a rank, h hidden, E
// experts, P expert_ranks, C capacity (capacity.hpp), a 2 bytes, L layers, M of them MoE; rates are
// the data sheet's peaks.
struct StaticTerms {
  Seconds backbone_host;    // layer_s L: launches of attention, norms and FFN from Python
  Seconds backbone_device;  // matrices, attention over T keys of a sequence, all T rows of logits
  Seconds moe_host;  // moe_layer_s M: launches of gating, masks and exchanges, and their stalls
  Seconds gating;    // router 2 T h E flop; masks of T x E x C fp32 written and read
  Seconds dispatch;  // one-hot product 2 T E C h flop, then all-to-all of E C h a bytes over P
  Seconds launches;  // expert_s E / P: launches of the loop over local experts
  Seconds experts;   // for each local expert max(weights / bandwidth, flop of P C rows / peak)
  Seconds combine;   // as dispatch
  Seconds waiting;   // wait (gpus - 1) x all the above: at each exchange the slowest rank; 0 for
                     // P = 1
  Seconds total() const;
};

// The terms in the order above, with the names that reports use.
struct StaticTerm {
  std::string_view name;
  Seconds StaticTerms::*value;
};
const std::array<StaticTerm, 9>& static_terms();

struct StaticEstimate {
  StaticTerms terms;
  std::int64_t moe_layers = 0;
  double local_experts = 0.0;    // E / P; 0 for a dense model
  std::int64_t capacity = 0;     // C; 0 for a dense model
  std::int64_t buffer_rows = 0;  // E C
  bool extrapolated = false;     // tokens, local experts, hidden size or GPUs outside the fit
  // What an MoE layer takes: everything but the backbone, waiting in proportion. 0 when dense.
  Seconds moe_layer() const;
};

struct StaticTheta {
  double layer = 0.0;      // s
  double moe_layer = 0.0;  // s
  double expert = 0.0;     // s
  double wait = 0.0;       // fraction for each GPU beyond the first
};
StaticTheta static_theta(const FittedLaw& law);

class StaticForward {
 public:
  // Throws: InputError E_VALUE when the law's form is not static_forward_v1.
  StaticForward(const FittedLaw& law, const Gpu& gpu, const Fabric& inside);

  // Why the pass cannot be priced, or "": no capacity_factor in an MoE layer, experts or GPUs that
  // expert_ranks does not divide, more GPUs than a node holds, latent attention.
  std::string why_not(const SmoeArchitecture& architecture, const StaticShape& shape) const;
  // Throws: std::logic_error where why_not() has a reason or a count is not positive.
  // Source: deepspeed/moe/sharded_moe.py (top1gating, MOELayer.forward), deepspeed/moe/experts.py
  // (the loop); arXiv:2409.01483v1, section 2.
  StaticEstimate estimate(const SmoeArchitecture& architecture, const StaticShape& shape) const;
  const LawInfo& info() const { return info_; }
  const StaticTheta& theta() const { return theta_; }

 private:
  Seconds backbone_device(const SmoeArchitecture& architecture, const StaticShape& shape) const;
  void add_moe_layer(const SmoeArchitecture& architecture, const MoeFfn& moe,
                     const StaticShape& shape, StaticEstimate& estimate) const;

  LawInfo info_;
  StaticTheta theta_;
  FlopsPerSecond peak_;
  BytesPerSecond bandwidth_;
  int gpus_per_node_ = 1;
  FabricLaw fabric_;
};

}  // namespace moeplan::models
