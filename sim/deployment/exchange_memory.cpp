#include "sim/deployment/exchange_memory.hpp"

#include <algorithm>
#include <cmath>

#include "models/routing/capacity.hpp"
#include "models/routing/routing.hpp"

namespace moeplan::sim {
namespace {

constexpr double kRowAlignment = 128.0;  // of an expert's rows, DeepGEMM contiguous layout
constexpr double kExchangeBuffer = 1024.0 * 1024.0 * 1024.0;

// Tokens of the step on one GPU; the TP ranks of a group each send their share.
std::int64_t own_tokens(const Candidate& c, const EngineOptions& engine) {
  return (engine.max_batched_tokens + c.tensor_parallel - 1) / c.tensor_parallel;
}

double low_latency_rows(const models::MoeFfn& moe, const Candidate& c,
                        const EngineOptions& engine) {
  return static_cast<double>((moe.experts + c.redundant_experts) *
                             std::min(kLowLatencyTokens, own_tokens(c, engine)));
}

}  // namespace

Bytes expert_workspace(const models::MoeFfn& moe, std::int64_t hidden, const Candidate& c,
                       const EngineOptions& engine, const ExpertStorage& storage) {
  const double a = storage.bytes_per_element;
  const auto h = static_cast<double>(hidden);
  const auto k = static_cast<double>(moe.top_k);
  const double ranks = c.stage_gpus();
  const double w = static_cast<double>(moe.intermediate) / (c.expert_parallel ? 1.0 : ranks);
  const double up = std::max((moe.gated ? 2.0 : 1.0) * w, h);
  const double tokens = static_cast<double>(engine.max_batched_tokens) * c.data_parallel;
  if (c.data_parallel == 1 || c.exchange == Exchange::allgather_reducescatter) {
    return Bytes(tokens * k * (up + w) * a);
  }
  if (c.exchange == Exchange::capacity_padded) {
    const auto rows = static_cast<double>(
        moe.experts * models::expert_capacity(moe.router.capacity_factor,
                                              moe.router.minimum_capacity, moe.top_k,
                                              own_tokens(c, engine), moe.experts));
    return Bytes(rows * (up + w + 2.0 * h) * a);
  }
  const double pairs = tokens * k / ranks;
  const double copies = c.exchange == Exchange::alltoall_per_expert
                            ? pairs
                            : tokens / ranks *
                                  models::Routing::uniform(moe.experts, moe.top_k)
                                      .expected_distinct_ranks(static_cast<int>(ranks));
  const double dispatched = models::activation_bytes(storage.precision) == 1.0 ? 1.0 : a;
  const double grouped =
      (up + std::max(w, h)) * a;  // a row of a kernel that works expert by expert
  const double local = static_cast<double>(moe.experts + c.redundant_experts) / ranks;
  const double workspace = storage.precision == models::Precision::fp8_block
                               ? (pairs + (kRowAlignment - 1.0) * local) * (grouped + h)
                               : copies * k * (up + w) * a;
  double bytes = copies * h * (dispatched + a) + workspace;
  if (c.exchange == Exchange::alltoall_per_rank && storage.low_latency) {
    bytes = std::max(bytes, low_latency_rows(moe, c, engine) * (h * dispatched + grouped));
  }
  return Bytes(bytes);
}

Bytes exchange_buffers(const models::MoeFfn& moe, std::int64_t hidden, const Candidate& c,
                       const EngineOptions& engine, int nodes, bool low_latency) {
  if (c.data_parallel == 1 || c.exchange != Exchange::alltoall_per_rank) {
    return Bytes(0.0);
  }
  const double rows = low_latency ? low_latency_rows(moe, c, engine) : 0.0;
  return Bytes(kExchangeBuffer * (nodes > 1 ? 2.0 : 1.0) +
               4.0 * rows * (2.0 * static_cast<double>(hidden) + 16.0));
}

}  // namespace moeplan::sim
