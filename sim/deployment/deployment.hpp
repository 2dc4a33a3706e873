#pragma once
// Deployment: one candidate design placed on GPUs, with its memory budget; or Infeasible with the
// reason. Memory is a hard constraint: a design that does not fit is never simulated.

#include <cstdint>
#include <string>
#include <variant>

#include "models/architecture/counts.hpp"
#include "sim/deployment/expert_layers.hpp"
#include "sim/scenario/scenario.hpp"

namespace moeplan::sim {

// One design of one engine. gpus = tensor_parallel x data_parallel x pipeline_parallel. More GPUs
// than a node holds: whole nodes. Tensor parallelism over nodes is allowed, as engines allow it,
// and priced (all-reduces over the uplinks). Experts are spread over the GPUs of a stage.
struct Candidate {
  std::size_t hardware = 0;       // index into Scenario::hardware
  std::int64_t experts_kept = 0;  // 0 for a dense model
  int gpus = 1;
  int tensor_parallel = 1;
  int data_parallel = 1;      // of attention, inside the engine
  int pipeline_parallel = 1;  // stages, each with contiguous layers
  bool expert_parallel = false;
  Exchange exchange = Exchange::allgather_reducescatter;
  models::PlacementRule placement = models::PlacementRule::contiguous;
  std::int64_t redundant_experts = 0;  // copies more, in every MoE layer; balanced only

  // GPUs that hold the same layers.
  int stage_gpus() const { return tensor_parallel * data_parallel; }
  // Ranks that hold different whole experts; 1 when every expert is sharded over a stage's GPUs.
  int expert_ranks() const { return expert_parallel ? stage_gpus() : 1; }
  // "none" for one GPU a stage; "allreduce" when tokens are replicated; else the exchange's name.
  std::string exchange_name() const;
  // "1 GPU", "TP2", "TP2 PP2", "TP2 DP2 EP4 alltoall_per_rank", "TP2 EP2 balanced+8": for tables.
  std::string layout_name() const;
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

struct Infeasible {
  Candidate candidate;
  std::string code;    // memory tensor_parallel expert_parallel pipeline_parallel node precision
                       // attention exchange pruning placement price latency budget accuracy
  std::string reason;  // one sentence with the numbers
};

// Where stage `place` of a pipeline stands: what lies on it beside its layers, and how its input
// comes.
struct StagePlace {
  bool first = true;  // has the embeddings
  bool last = true;   // has the head, and samples
  int hop_nodes = 0;  // nodes that a GPU and the one it receives from lie on; 0: no stage before
};

// Where a GPU's memory goes (the fullest rank), and what is left for the KV cache. With pipeline
// stages: the stage whose cache would hold fewest tokens; every stage has as many blocks (vLLM:
// get_kv_cache_configs takes the least over workers).
//   kv = capacity x utilization - weights - activations - buffers
// Every token is kept in every layer, behind a sliding window too: never too little. vLLM's hybrid
// KV cache manager frees what lies behind the window, but not with every setting (KV connectors)
// and not in pages of its own size (docs.vllm.ai/en/latest/design/hybrid_kv_cache_manager, read
// 2026-11-24); so fewer long requests fit here than there.
struct MemoryBudget {
  Bytes capacity;
  Bytes usable;                // capacity x memory_utilization
  Bytes expert_weights;        //
  Bytes other_weights;         // attention, router, dense, embeddings, head, norms
  Bytes activations;           // peak at max_batched_tokens
  Bytes buffers;               // engine.buffer_memory and exchange_buffers()
  Bytes kv;                    // for the cache; <= 0: does not fit
  Bytes kv_per_token;          // of this rank
  std::int64_t kv_blocks = 0;  // of kBlockTokens tokens
  int stage = 0;               // of the pipeline, whose memory this is
  Bytes weights() const { return expert_weights + other_weights; }
};

struct Deployment {
  const Scenario* scenario = nullptr;  // outlives the deployment
  Candidate candidate;
  models::SmoeArchitecture architecture;  // pruned
  MemoryBudget memory;
  std::vector<ExpertLayers> experts;           // empty for a dense model
  std::optional<models::RouterEffect> router;  // what pruning did; nullopt: nothing pruned
  StagePlace place;                            // of a deployment that is one stage (pipeline.hpp)
  const HardwareOption& hardware() const { return scenario->hardware[candidate.hardware]; }
  // Ranks lie on nodes in order, a TP group's neighbours first.
  int nodes() const;                       // of the engine
  int stage_nodes() const;                 // of one pipeline stage
  models::RankGroup tensor_group() const;  // shards one attention data-parallel rank
  models::RankGroup data_group() const;    // one GPU of each of those, that hold the same shard
  models::RankGroup engine_group() const;  // all GPUs of a stage
};

struct ExpertStorage;

// Throws: nothing for a design that does not work (that is a value); std::logic_error for a
// candidate whose numbers do not multiply up.
std::variant<Deployment, Infeasible> deploy(const Scenario& scenario, const Candidate& candidate);

// The memory budget alone, for a pruned architecture.
MemoryBudget memory_budget(const Scenario& scenario, const Candidate& candidate,
                           const models::SmoeArchitecture& pruned);

// Peak bytes of activations on one rank in a step of `tokens` tokens of this rank:
//   residual stream and its normed copy      2 T h a
//   + the larger of attention and the feed-forward network:
//     grouped-query: q, k, v and output, T (2 heads + 2 kv_heads) head_dim / tp a
//     latent: heads / tp a (T (2 (nope + rope) + (nope + v) + v) + C (2 nope + rope + v)): q, k,
//       expanded keys and values, output, and the C tokens of earlier chunks that vLLM expands at
//       once, C = min(max(8 max_model_length, 64 max_sequences), 65536)
//     dense: 3 T I / tp a; experts: expert_workspace() (exchange_memory.hpp)
//   + latent attention only: C (kv_lora_rank + rope) a of latents, and in every layer 16-bit copies
//     of the expansion for decoding, heads / tp (nope + v) kv_lora_rank a
//   + logits of max_sequences rows in fp32, on the last stage.
// architecture: the layers of one stage.
// Source: vllm/model_executor/layers/fused_moe/fused_moe.py (intermediate_cache1..3) and
// v1/attention/backends/mla/common.py (determine_chunked_prefill_workspace_size), vLLM 0.19.
Bytes activation_bytes(const models::SmoeArchitecture& architecture, const Candidate& candidate,
                       const EngineOptions& engine, const ExpertStorage& storage,
                       const StagePlace& place = {});

}  // namespace moeplan::sim
