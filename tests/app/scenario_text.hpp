#pragma once
// A scenario whose plan takes tenths of a second, for tests of the process.

#include <string>

namespace moeplan::tests {

inline const std::string kScenario =
    "name: test\n"                                             // 1
    "model: {architecture: qwen3-30b-a3b, precision: bf16}\n"  // 2
    "pruning:\n"                                               // 3
    "  experts_kept: [128, 64]\n"                              // 4
    "accuracy: {curve: qwen3-30b-a3b-reap-code}\n"             // 5
    "hardware:\n"                                              // 6
    "  gpu: h100-sxm\n"                                        // 7
    "  gpus: [1, 2]\n"                                         // 8
    "workload:\n"                                              // 9
    "  rate: 60 requests/s\n"                                  // 10
    "  requests: 300\n"                                        // 11
    "  input_tokens: {tokens: 500}\n"                          // 12
    "  output_tokens: {tokens: 100}\n"                         // 13
    "objectives:\n"                                            // 14
    "  ttft_p99: 2 s\n"                                        // 15
    "  accuracy_loss: 0.05\n"                                  // 16
    "prices: {book: 2026-11, provider: AWS}\n";                // 17

// The text with the first occurrence of `what` replaced. Throws: std::out_of_range if absent.
inline std::string with(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);
}

}  // namespace moeplan::tests
