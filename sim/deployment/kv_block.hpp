#pragma once
// The KV cache is handed out in blocks of 16 tokens (serving.md 3).

#include <cstdint>

namespace moeplan::sim {

inline constexpr std::int64_t kBlockTokens = 16;

// Blocks that hold `tokens` tokens.
constexpr std::int64_t blocks_for(std::int64_t tokens) {
  return (tokens + kBlockTokens - 1) / kBlockTokens;
}

}  // namespace moeplan::sim
