#pragma once
// A small valid static scenario as text, for tests that change a piece of it.

#include <string>

namespace moeplan::tests {

inline const std::string kStaticScenario = R"(name: static
model: {architecture: paper-354m-128e}
pruning: {experts_kept: [8, 128]}
hardware: {gpu: a10, gpus: [1, 2, 8]}
parallelism: {expert_parallel_size: 2, exchange: capacity_padded}
engine: {regime: static_forward}
workload: {batch: 2, sequence_length: 256}
)";

// The text with the first `from` replaced.
inline std::string with(const std::string& from, const std::string& to) {
  std::string text = kStaticScenario;
  return text.replace(text.find(from), from.size(), to);
}

}  // namespace moeplan::tests
