#pragma once
// What the experts of one layer and their exchange hold on one GPU beside weights.

#include "sim/deployment/deployment.hpp"

namespace moeplan::sim {

// Tokens of one rank up to which low-latency exchange kernels are used; their buffers are made for
// so many. Source: VLLM_MOE_DP_CHUNK_SIZE, vLLM envs.py.
inline constexpr std::int64_t kLowLatencyTokens = 256;

struct ExpertStorage {
  models::Precision precision = models::Precision::bf16;  // of the experts
  double bytes_per_element = 2.0;                         // of the residual stream
  bool low_latency = false;  // the profile has low-latency exchange kernels for these nodes
};

// Peak bytes of a layer's experts in a step in which each data-parallel rank has
// engine.max_batched_tokens, routed uniformly (a skewed layer needs as much more as its busiest
// rank has; engine.buffer_memory can state it). R = all ranks' tokens, P = GPUs of the stage,
// k = top_k, h = hidden, w = expert width on the GPU, g = 2 when gated, a = bytes_per_element:
//   one data-parallel rank, allgather_reducescatter: every rank has all R tokens:
//     R k (max(g w, h) + w) a
//   alltoall_*: the copies that reach a rank, C = R k / P (per_expert) or R D / P (per_rank, D the
//     expected different ranks of a token), received and returned, C h (d + a), d = 1 for 8-bit
//     experts else a; and the kernels' workspaces:
//       fp8_block (DeepGEMM; rows by expert, each expert's rounded up to 128):
//         (R k / P + 127 local experts) ((max(g w, h) + max(w, h)) a + h)
//       others (a fused kernel, which allots k rows to every copy): C k (max(g w, h) + w) a
//   alltoall_per_rank with low-latency kernels: at least E n (h d + (max(g w, h) + max(w, h)) a),
//     n = min(kLowLatencyTokens, tokens of a rank): buffers by expert, full or empty
//   capacity_padded: E x capacity rows, sent and computed: E c (max(g w, h) + w + 2 h) a
// Source: workspace_shapes of fused_moe.py, deep_gemm_moe.py and batched_deep_gemm_moe.py and
// compute_aligned_M, vLLM 0.19 (no chunks since pull request 34086); that a rank sizes for its
// balanced share when dummy inputs are random: pull requests 19298 and 57262.
Bytes expert_workspace(const models::MoeFfn& moe, std::int64_t hidden, const Candidate& candidate,
                       const EngineOptions& engine, const ExpertStorage& storage);

// Communication buffers that live as long as the engine, for alltoall_per_rank; else 0:
//   1 GiB, and 1 GiB more where the stage spans nodes (VLLM_DEEPEP_BUFFER_SIZE_MB, all2all.py), and
//   for low-latency kernels 4 E n (2 h + 16): send and receive, each twice
// Source: DeepEP csrc/config.hpp, LowLatencyLayout; vLLM issue 57894 prints sizes of it.
Bytes exchange_buffers(const models::MoeFfn& moe, std::int64_t hidden, const Candidate& candidate,
                       const EngineOptions& engine, int nodes, bool low_latency);

}  // namespace moeplan::sim
