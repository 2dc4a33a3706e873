// engine.*: the limits of an engine (serving.md 3).

#include <fmt/format.h>

#include <algorithm>

#include "sim/scenario/checker.hpp"

namespace moeplan::sim {
namespace {

std::vector<std::int64_t> read_graph_sizes(Checker& check, const ScenarioValues& values,
                                           const EngineOptions& engine) {
  const std::string path = "engine.cuda_graph_sizes";
  const std::vector<std::string> texts = values.texts(path);
  if (texts == std::vector<std::string>{"none"}) {
    return {};
  }
  if (texts == std::vector<std::string>{"default"}) {
    return default_graph_sizes(engine.max_sequences, engine.max_batched_tokens);
  }
  std::vector<std::int64_t> sizes;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (texts[i] == "none" || texts[i] == "default") {
      check.item_problem(path, i, "E_VALUE", texts[i] + " is not one of several sizes",
                         "numbers of tokens, or the word alone");
      return {};
    }
  }
  sizes = values.counts(path);
  std::sort(sizes.begin(), sizes.end());
  return sizes;
}

}  // namespace

// Source: VllmConfig._set_cudagraph_sizes and CompilationConfig, vLLM 0.19.
std::vector<std::int64_t> default_graph_sizes(std::int64_t max_sequences,
                                              std::int64_t max_batched_tokens) {
  const std::int64_t largest = std::min({2 * max_sequences, std::int64_t{512}, max_batched_tokens});
  std::vector<std::int64_t> sizes;
  for (std::int64_t size = 1; size <= largest; size += size < 2     ? 1
                                                       : size < 4   ? 2
                                                       : size < 8   ? 4
                                                       : size < 256 ? 8
                                                                    : 16) {
    sizes.push_back(size);
  }
  return sizes;
}

EngineOptions read_engine(Checker& check, const ScenarioValues& values,
                          const models::SmoeArchitecture& architecture) {
  EngineOptions e;
  e.max_sequences = values.count("engine.max_sequences");
  e.max_batched_tokens = values.count("engine.max_batched_tokens");
  e.max_model_length = values.has("engine.max_model_length")
                           ? values.count("engine.max_model_length")
                           : architecture.max_positions;
  e.memory_utilization = values.number("engine.memory_utilization");
  e.buffer_memory = Bytes(values.number("engine.buffer_memory"));
  if (values.has("engine.kv_blocks")) {
    e.kv_blocks = values.count("engine.kv_blocks");
  }
  if (values.has("engine.host_time")) {
    e.host_time = Seconds(values.number("engine.host_time"));
  }
  e.chunked_prefill = values.number("engine.chunked_prefill") != 0.0;
  e.async_scheduling = values.number("engine.async_scheduling") != 0.0;
  if (!e.chunked_prefill && e.max_model_length > e.max_batched_tokens) {
    check.problem(
        "engine.chunked_prefill", "E_VALUE",
        fmt::format("whole prompts of up to {} tokens (the model's length) do not fit the "
                    "{} tokens of a step",
                    e.max_model_length, e.max_batched_tokens),
        "true, or max_batched_tokens of at least max_model_length");
  }
  e.graph_sizes = read_graph_sizes(check, values, e);
  e.divided_batches = values.text("engine.pipeline_batches") == "divided";
  e.prefix_caching = values.number("engine.prefix_caching") != 0.0;
  e.startup = Seconds(values.number("engine.startup_time"));
  e.jitter = values.number("engine.jitter");
  return e;
}

}  // namespace moeplan::sim
