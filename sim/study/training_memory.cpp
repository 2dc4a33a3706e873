#include "sim/study/training_memory.hpp"

#include <algorithm>

#include "models/architecture/counts.hpp"
#include "models/routing/capacity.hpp"

namespace moeplan::sim {
namespace {

constexpr double kValue = 2.0;  // bytes of an activation, a weight, a gradient: bf16
constexpr double kMask = 1.0;   // of a dropout mask
constexpr double kFloat = 4.0;  // of a logit

double number(std::int64_t count) { return static_cast<double>(count); }

double tokens_of(const PretrainingSetup& setup) {
  return number(setup.micro_batch * setup.sequence_length);
}

// Values of a token that attention keeps beside its input: queries, keys, values and what enters
// the output projection.
double attention_values(const models::Attention& attention) {
  if (const auto* grouped = std::get_if<models::GroupedQueryAttention>(&attention)) {
    const double heads = number(grouped->heads * grouped->head_dim);
    const double keys = number(grouped->kv_heads * grouped->head_dim);
    const bool normed = grouped->qk_norm || grouped->qk_norm_whole;
    return 2.0 * heads + (grouped->value_is_key ? 1.0 : 2.0) * keys + (normed ? heads + keys : 0.0);
  }
  const auto& latent = std::get<models::LatentAttention>(attention);
  const double query = number(latent.qk_nope_head_dim + latent.qk_rope_head_dim);
  const double latents =
      number(latent.kv_lora_rank + latent.qk_rope_head_dim + latent.q_lora_rank.value_or(0));
  return number(latent.heads) * (2.0 * query + 2.0 * number(latent.v_head_dim)) + latents;
}

// Bytes of scores: softmax output, dropout mask and dropout output, for every head and pair.
double score_bytes(const models::Attention& attention, const PretrainingSetup& setup) {
  const double length = number(setup.sequence_length);
  double heads = 0.0;
  double keys = length;
  if (const auto* grouped = std::get_if<models::GroupedQueryAttention>(&attention)) {
    heads = number(grouped->heads);
    keys = grouped->window ? std::min(length, number(*grouped->window)) : length;
  } else {
    heads = number(std::get<models::LatentAttention>(attention).heads);
  }
  return (2.0 * kValue + kMask) * heads * length * keys * number(setup.micro_batch);
}

// Values of one row in an FFN between its input and its output.
double inner_values(std::int64_t intermediate, bool gated) {
  return (gated ? 3.0 : 2.0) * number(intermediate);
}

double ffn_bytes(const models::SmoeArchitecture& architecture, const models::Ffn& ffn,
                 const PretrainingSetup& setup) {
  const double tokens = tokens_of(setup);
  const double hidden = number(architecture.hidden);
  const double around = tokens * hidden * (kValue + kMask);
  if (const auto* dense = std::get_if<models::DenseFfn>(&ffn)) {
    return around + tokens * kValue * inner_values(dense->intermediate, dense->gated);
  }
  const auto& moe = std::get<models::MoeFfn>(ffn);
  const double rows =
      number(moe.experts *
             models::expert_capacity(setup.capacity_factor, setup.minimum_capacity, moe.top_k,
                                     setup.micro_batch * setup.sequence_length, moe.experts));
  const double shared = tokens * kValue * inner_values(moe.shared_intermediate, moe.gated);
  return around + tokens * 2.0 * kFloat * number(moe.experts) +
         rows * kValue * (2.0 * hidden + inner_values(moe.intermediate, moe.gated)) + shared;
}

// Of one layer; with its scores, or without.
double layer_bytes(const models::SmoeArchitecture& architecture, const models::Layer& layer,
                   const PretrainingSetup& setup, bool scores) {
  const double tokens = tokens_of(setup);
  const double hidden = number(architecture.hidden);
  const double norms = 2.0 * kValue * tokens * hidden;
  const double attention =
      tokens * (hidden * (kValue + kMask) + kValue * attention_values(layer.attention));
  return norms + attention + (scores ? score_bytes(layer.attention, setup) : 0.0) +
         ffn_bytes(architecture, layer.ffn, setup);
}

}  // namespace

Bytes layer_activations(const models::SmoeArchitecture& architecture, const models::Layer& layer,
                        const PretrainingSetup& setup) {
  return bytes(layer_bytes(architecture, layer, setup, true));
}

Bytes activations(const models::SmoeArchitecture& architecture, const PretrainingSetup& setup) {
  const double tokens = tokens_of(setup);
  const double hidden = number(architecture.hidden);
  double sum =
      tokens * (hidden * (kMask + 2.0 * kValue) + kFloat * number(architecture.vocabulary));
  double largest = 0.0;
  for (const models::Layer& layer : architecture.layers) {
    const double all = layer_bytes(architecture, layer, setup, setup.recompute == Recompute::none);
    sum += setup.recompute == Recompute::full ? kValue * tokens * hidden : all;
    largest = std::max(largest, all);
  }
  return bytes(sum + (setup.recompute == Recompute::full ? largest : 0.0));
}

TrainingMemory training_memory(const models::SmoeArchitecture& architecture,
                               const PretrainingSetup& setup, std::int64_t expert_ranks) {
  const models::Parameters parameters = models::count_parameters(architecture);
  const std::int64_t experts = parameters.layers.experts + parameters.layers.expert_biases;
  const double own = number(parameters.total() - experts) + number(experts) / number(expert_ranks);
  const double state = in_bytes(setup.state_per_parameter);
  const double weights = std::min(kValue, state);
  const double gradients = std::min(kValue, state - weights);
  return {.weights = bytes(weights * own),
          .gradients = bytes(gradients * own),
          .optimizer = bytes((state - weights - gradients) * own),
          .activations = activations(architecture, setup)};
}

std::optional<std::int64_t> fewest_expert_ranks(const models::SmoeArchitecture& architecture,
                                                const PretrainingSetup& setup) {
  const std::size_t first = architecture.moe_layers().front();
  const std::int64_t experts = std::get<models::MoeFfn>(architecture.layers[first].ffn).experts;
  const std::int64_t per_node = setup.gpu.gpus_per_node;
  for (std::int64_t ranks = 1; ranks <= experts; ++ranks) {
    const bool lies = per_node % ranks == 0 || ranks % per_node == 0;
    if (experts % ranks == 0 && lies &&
        training_memory(architecture, setup, ranks).total() <= setup.gpu.memory) {
      return ranks;
    }
  }
  return std::nullopt;
}

std::string recompute_text(Recompute recompute) {
  switch (recompute) {
    case Recompute::none:
      return "no recompute";
    case Recompute::selective:
      return "selective recompute";
    case Recompute::full:
      break;
  }
  return "full recompute";
}

}  // namespace moeplan::sim
