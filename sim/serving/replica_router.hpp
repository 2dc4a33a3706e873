#pragma once
// ReplicaRouter: chooses the engine of a request from what it knows of the engines at that instant:
// their loads and, for prefix_affinity, the prompt tokens in their caches. The shared queue is no
// choice at arrival: simulate() keeps it.
//
// Source: policies of the SGLang and vLLM routers (random, round_robin, power_of_two, cache_aware),
// docs.gpustack.ai/gpustack-operator/main/docs/modules/model-deployment/routing, read 2026-11-24.

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sim/engine/random_stream.hpp"
#include "sim/workload/router_policy.hpp"

namespace moeplan::sim {

class ReplicaRouter {
 public:
  // prefix_affinity follows the cache if it holds at least kCacheThreshold of the prompt, and as
  // long as the fullest engine has at most kBalanceRequests more requests than the emptiest or at
  // most kBalanceRatio times as many; else the least load decides. Source: defaults of both routers
  // (--cache-threshold, --balance-abs-threshold, --balance-rel-threshold), as above. They keep a
  // record of what they sent where; this router asks the caches themselves, as routers fed by KV
  // events do, and below the threshold they take the engine with the smallest record.
  static constexpr double kCacheThreshold = 0.3;
  static constexpr std::int64_t kBalanceRequests = 64;
  static constexpr double kBalanceRatio = 1.5;

  // `pool` names the engines: its draws are a stream of their own, word 2 i and 2 i + 1 for request
  // i, so that they do not depend on how many engines there are or what else is drawn.
  ReplicaRouter(RouterPolicy policy, std::uint64_t seed, std::string_view pool)
      : policy_(policy), draws_(seed, pool) {}

  bool needs_loads() const {
    return policy_ != RouterPolicy::round_robin && policy_ != RouterPolicy::random;
  }
  bool needs_caches() const { return policy_ == RouterPolicy::prefix_affinity; }

  // The index of the engine that takes the request, of loads.size() >= 1 engines. cached [engines]:
  // of its prompt tokens, those in the engine's cache; empty: none anywhere.
  // Throws: std::logic_error for the shared queue.
  std::size_t choose(std::int64_t request, std::int64_t prompt_tokens,
                     std::span<const std::int64_t> loads,
                     std::span<const std::int64_t> cached) const;

 private:
  // 0..n-1 from a word; the bias is below n / 2^64.
  std::size_t draw(std::int64_t request, std::uint64_t which, std::size_t n) const;

  RouterPolicy policy_;
  RandomStream draws_;
};

}  // namespace moeplan::sim
