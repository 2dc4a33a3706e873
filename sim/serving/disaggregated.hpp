#pragma once
// simulate_disaggregated: prompts are computed by one pool of engines and answered by another, with
// the KV cache moving between them (prefill/decode disaggregation).
//   - A request goes to a prefill engine, which computes its prompt and emits token 1 (TTFT). An
//     answer of one token ends there.
//   - It is then handed to a decode engine, to its rank with the fewest requests. In order of
//     handing over, whenever the rank chooses a step, has a sequence slot, no preempted request
//     waits, and the blocks for the prompt and the next token are free, it takes these blocks and
//     the transfer begins.
//   - The prefill engine keeps the prompt's blocks until the transfer has ended.
//   - The request then decodes like any other. If it loses its blocks there, it is computed again
//     there, prompt and all, as an engine does that is on its own.
// The gap between tokens 1 and 2 contains waiting for blocks and transfer. Prefix caching is that
// of the prefill engines; decode engines always receive the whole cache. Source: disaggregated
// prefilling of vLLM V1 (KV connector, WAITING_FOR_REMOTE_KVS), 0.19.

#include "sim/serving/kv_transfer.hpp"
#include "sim/serving/simulate.hpp"

namespace moeplan::sim {

struct DisaggregatedSetup {
  EngineLimits prefill;  // of each engine
  EngineLimits decode;
  std::int32_t prefill_engines = 1;
  std::int32_t decode_engines = 1;
  RouterPolicy router = RouterPolicy::round_robin;  // of both pools; not the shared queue
  RequestMix mix;
  std::uint64_t seed = 1;
  std::int64_t max_events = 0;  // as SimulationSetup
};

// Deterministic in its arguments. Throws: SimulationStuck; std::logic_error for the shared queue.
ServingTrace simulate_disaggregated(const DisaggregatedSetup& setup, StepCost& prefill_cost,
                                    StepCost& decode_cost, KvTransfer& transfer);

}  // namespace moeplan::sim
