#pragma once
// TrainingMemory: what one GPU of the pretraining cluster holds while it trains: weights,
// gradients, optimizer, and the activations that the backward pass needs. Not in it: fragmentation,
// communication buffers beyond the rows that are kept, temporaries.

#include <cstdint>
#include <optional>
#include <string>

#include "models/architecture/smoe_architecture.hpp"
#include "models/units/quantity.hpp"
#include "sim/study/study.hpp"

namespace moeplan::sim {

struct TrainingMemory {
  Bytes weights;      // bf16
  Bytes gradients;    // bf16
  Bytes optimizer;    // the rest of state_bytes_per_parameter
  Bytes activations;  // of a pass (micro_batch sequences)
  Bytes state() const { return weights + gradients + optimizer; }
  Bytes total() const { return state() + activations; }
};

// Activations of one layer, kept for its backward pass, in bytes; 2 bytes a value, 1 a dropout
// mask, 4 a router's logit. s tokens a sequence, b sequences, h hidden, H heads, K KV heads, d
// head_dim, I intermediate width, m = 2 up-matrices where gated, else 1:
//   norms        4 s b h                     (both inputs)
//   attention    s b (2 h + 4 H d + 4 K d + h)   input, Q and what enters the projection, K and V,
//                mask; latent attention: as many heads of their own widths, and its latent vectors
//   scores       5 H s min(s, window) b      softmax, its mask and its output: kept by `none` alone
//   dense FFN    s b (3 h + 2 (m + 1) I)     input, mask; up-products and what enters the down one
//   MoE FFN      s b (3 h + 8 E) + R (4 h + 2 (m + 1) I), R = E C rows of the buffers of fixed
//                capacity that a GPU computes (its own tokens' or, after an even exchange, as many
//                of others'): dispatched rows, expert rows, expert outputs for the weighted sum
// With m = 1, I = 4 h, H d = K d = h that is s b h (34 + 5 H s / h), the formula of the source.
// Source: Korthikanti et al. 2022 (arXiv:2205.05198), section 4.1, equation 1 and table 2.
Bytes layer_activations(const models::SmoeArchitecture& architecture, const models::Layer& layer,
                        const PretrainingSetup& setup);

// All layers of a pass, with what setup.recompute keeps:
//   none       the sum over layers
//   selective  the same without scores (section 5 of the source; what flash attention keeps)
//   full       2 s b h a layer, its input; and the largest layer, which is recomputed as a whole
// and, always, embeddings' mask, last norm, input of the output layer and fp32 logits:
//   s b (h + 2 h + 2 h + 4 V)
Bytes activations(const models::SmoeArchitecture& architecture, const PretrainingSetup& setup);

// Of a GPU when so many share the experts; everything else is on each.
TrainingMemory training_memory(const models::SmoeArchitecture& architecture,
                               const PretrainingSetup& setup, std::int64_t expert_ranks);

// The fewest GPUs that may share the experts so that all of it fits: a divisor of the number of
// experts, within a node or of whole nodes; more than the cluster has where that is what it takes.
// Nothing where even one expert a GPU is too much: the backbone and the activations alone are.
std::optional<std::int64_t> fewest_expert_ranks(const models::SmoeArchitecture& architecture,
                                                const PretrainingSetup& setup);

// "selective recompute": for people.
std::string recompute_text(Recompute recompute);

}  // namespace moeplan::sim
