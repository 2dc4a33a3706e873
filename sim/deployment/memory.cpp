// What a GPU's memory holds (the fullest rank of the fullest pipeline stage).

#include <algorithm>

#include "models/units/require.hpp"
#include "sim/deployment/exchange_memory.hpp"
#include "sim/deployment/kv_block.hpp"
#include "sim/deployment/pipeline.hpp"

namespace moeplan::sim {
namespace {

models::RankLayout rank_layout(const Candidate& c) {
  return {.tensor_parallel = c.tensor_parallel,
          .data_parallel = c.data_parallel,
          .expert_parallel = c.expert_parallel,
          .redundant_experts = c.redundant_experts};
}

// Weights of the fullest rank of one stage: token embeddings lie on the first stage, and on the
// last one where lm_head is tied to them; lm_head and the final norm on the last.
models::RankWeights stage_weights(const models::SmoeArchitecture& stage, const Candidate& candidate,
                                  models::Precision precision, const StagePlace& place) {
  models::RankWeights weights = models::rank_weights(stage, rank_layout(candidate), precision);
  if (!place.first && !(place.last && stage.tied_embeddings)) {
    weights.embeddings = Bytes(0.0);
  }
  if (!place.last) {
    weights.lm_head = Bytes(0.0);
    weights.norms -= Bytes(static_cast<double>(models::count_parameters(stage).final_norm) *
                           models::plain_bytes(precision));
  }
  return weights;
}

MemoryBudget stage_budget(const Scenario& scenario, const Candidate& candidate,
                          const models::SmoeArchitecture& stage, const StagePlace& place) {
  const models::Gpu& gpu = scenario.hardware[candidate.hardware].gpu;
  MemoryBudget m;
  m.capacity = gpu.memory;
  m.usable = gpu.memory * scenario.engine.memory_utilization;
  const models::RankWeights weights = stage_weights(stage, candidate, scenario.precision, place);
  m.expert_weights = weights.experts;
  m.other_weights = weights.total() - weights.experts;
  const int nodes = (candidate.stage_gpus() + gpu.gpus_per_node - 1) / gpu.gpus_per_node;
  const bool low_latency = scenario.hardware[candidate.hardware].laws.exchange.takes(
      models::ExchangeMode::low_latency, nodes, 1.0);
  m.activations = activation_bytes(stage, candidate, scenario.engine,
                                   {.precision = stage.experts_in(scenario.precision),
                                    .bytes_per_element = models::plain_bytes(scenario.precision),
                                    .low_latency = low_latency},
                                   place);
  m.buffers = scenario.engine.buffer_memory;
  // One set for all layers, as large as the layer with most experts needs.
  Bytes exchange;
  for (const std::size_t layer : stage.moe_layers()) {
    exchange = std::max(
        exchange, exchange_buffers(std::get<models::MoeFfn>(stage.layers[layer].ffn), stage.hidden,
                                   candidate, scenario.engine, nodes, low_latency));
  }
  m.buffers += exchange;
  m.kv = m.usable - m.weights() - m.activations - m.buffers;
  m.kv_per_token =
      models::rank_kv_bytes_per_token(stage, candidate.tensor_parallel, scenario.kv_precision);
  if (m.kv > Bytes(0.0)) {
    m.kv_blocks =
        static_cast<std::int64_t>(m.kv / (m.kv_per_token * static_cast<double>(kBlockTokens)));
  }
  if (scenario.engine.kv_blocks) {
    m.kv_blocks = *scenario.engine.kv_blocks;
  }
  return m;
}

}  // namespace

Bytes activation_bytes(const models::SmoeArchitecture& architecture, const Candidate& candidate,
                       const EngineOptions& engine, const ExpertStorage& storage,
                       const StagePlace& place) {
  const double bytes_per_element = storage.bytes_per_element;
  const auto tokens = static_cast<double>(engine.max_batched_tokens);
  const auto hidden = static_cast<double>(architecture.hidden);
  const double tp = candidate.tensor_parallel;
  double largest = 0.0;
  double workspace = 0.0;  // kept from the start
  double absorbed = 0.0;   // all layers
  const models::MoeFfn* previous = nullptr;
  for (const models::Layer& layer : architecture.layers) {
    if (const auto* gqa = std::get_if<models::GroupedQueryAttention>(&layer.attention)) {
      const auto width = static_cast<double>((2 * gqa->heads + 2 * gqa->kv_heads) * gqa->head_dim);
      largest = std::max(largest, tokens * width / tp * bytes_per_element);
    } else {
      const auto& mla = std::get<models::LatentAttention>(layer.attention);
      const double key = static_cast<double>(mla.qk_nope_head_dim + mla.qk_rope_head_dim);
      const double value = static_cast<double>(mla.v_head_dim);
      const double expanded = static_cast<double>(mla.qk_nope_head_dim) + value;
      const double heads = static_cast<double>(mla.heads) / tp;
      const double latent = static_cast<double>(mla.kv_lora_rank + mla.qk_rope_head_dim);
      const double context = std::min(
          65536.0, std::max(8.0 * static_cast<double>(engine.max_model_length),
                            4.0 * kBlockTokens * static_cast<double>(engine.max_sequences)));
      const double own = tokens * heads * (2.0 * key + expanded + value);
      workspace = context * latent * bytes_per_element;
      absorbed += heads * expanded * static_cast<double>(mla.kv_lora_rank) * bytes_per_element;
      largest = std::max(largest, (own + context * heads * (key + expanded)) * bytes_per_element);
    }
    if (const auto* dense = std::get_if<models::DenseFfn>(&layer.ffn)) {
      largest = std::max(largest, 3.0 * tokens * static_cast<double>(dense->intermediate) / tp *
                                      bytes_per_element);
    } else {
      // Layers that are alike follow each other.
      const auto& moe = std::get<models::MoeFfn>(layer.ffn);
      if (previous == nullptr || !(*previous == moe)) {
        largest = std::max(
            largest,
            expert_workspace(moe, architecture.hidden, candidate, engine, storage).value());
      }
      previous = &moe;
    }
  }
  const double logits = place.last ? 4.0 * static_cast<double>(engine.max_sequences) *
                                         static_cast<double>(architecture.vocabulary)
                                   : 0.0;
  return Bytes(2.0 * tokens * hidden * bytes_per_element + largest + workspace + absorbed + logits);
}

MemoryBudget memory_budget(const Scenario& scenario, const Candidate& candidate,
                           const models::SmoeArchitecture& pruned) {
  if (candidate.pipeline_parallel == 1) {
    return stage_budget(scenario, candidate, pruned, StagePlace{});
  }
  const int per_node = scenario.hardware[candidate.hardware].gpu.gpus_per_node;
  const auto ranges = stage_layers(pruned.layers.size(), candidate.pipeline_parallel);
  std::optional<MemoryBudget> fullest;
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    MemoryBudget stage = stage_budget(scenario, candidate, stage_architecture(pruned, ranges[i]),
                                      place_of(candidate, static_cast<int>(i), per_node));
    stage.stage = static_cast<int>(i);
    // Tokens that the stage's cache would hold.
    if (!fullest || stage.kv / stage.kv_per_token < fullest->kv / fullest->kv_per_token) {
      fullest = stage;
    }
  }
  return *fullest;
}

}  // namespace moeplan::sim
