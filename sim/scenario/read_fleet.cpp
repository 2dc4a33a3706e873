// What concerns several engines or what they share: routers, prefix caching, pools.

#include "sim/scenario/checker.hpp"

namespace moeplan::sim {

void check_prefix_caching(Checker& check, const ScenarioValues& values, const Workload& workload) {
  const bool caching = values.number("engine.prefix_caching") != 0.0;
  const bool hashes = workload.trace && !workload.trace->block_end.empty();
  if (caching && !hashes && !workload.shared_prefix) {
    check.problem("engine.prefix_caching", "E_VALUE",
                  "nothing says what prompts have in common, so nothing would ever be found",
                  "a trace with block hashes (mooncake: hash_ids; vidur: block_hash_ids), or "
                  "workload.shared_prefix.tokens");
  }
  if (!caching && values.text("parallelism.replica_router") == "prefix_affinity") {
    check.problem("parallelism.replica_router", "E_VALUE",
                  "there are no cached prefixes to be near to", "engine.prefix_caching: true");
  }
}

std::optional<Disaggregation> read_disaggregation(Checker& check, const ScenarioValues& values) {
  const std::string section = "parallelism.disaggregation.";
  const auto given = [&](const char* key) { return values.has(section + key); };
  if (!given("prefill_engines") && !given("decode_engines") && !given("prefill_gpus") &&
      !given("prefill_tensor_parallel")) {
    return std::nullopt;
  }
  for (const char* key : {"prefill_engines", "decode_engines"}) {
    if (!given(key)) {
      check.problem(section + key, "E_MISSING", "disaggregation has two pools of engines",
                    section + key + ": how many");
    }
  }
  if (values.text("parallelism.replica_router") == "shared_queue") {
    check.problem("parallelism.replica_router", "E_VALUE",
                  "prefill and decode engines have no queue in common",
                  "round_robin, random, least_loaded, power_of_two or prefix_affinity");
  }
  const auto optional = [&](const char* key) {
    return given(key) ? std::optional(static_cast<int>(values.count(section + key))) : std::nullopt;
  };
  return Disaggregation{
      .prefill_engines = static_cast<std::int32_t>(values.count(section + "prefill_engines")),
      .decode_engines = static_cast<std::int32_t>(values.count(section + "decode_engines")),
      .prefill_gpus = optional("prefill_gpus"),
      .prefill_tensor_parallel = optional("prefill_tensor_parallel")};
}

}  // namespace moeplan::sim
