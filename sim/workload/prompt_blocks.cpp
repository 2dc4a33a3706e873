#include "sim/workload/prompt_blocks.hpp"

#include <algorithm>

#include "models/routing/split_mix.hpp"
#include "models/units/require.hpp"
#include "sim/workload/request_trace.hpp"

namespace moeplan::sim {

std::uint64_t block_key(std::uint64_t parent, std::uint64_t hash, std::uint64_t index) {
  return models::split_mix(models::split_mix(models::split_mix(parent) ^ hash) ^ index);
}

PromptBlocks::PromptBlocks(const RequestMix& mix, std::uint64_t seed)
    : prefix_(mix.shared_prefix), groups_(seed, "prefix groups") {
  if (const auto* replay = std::get_if<TraceArrivals>(&mix.arrivals);
      replay != nullptr && !replay->trace->block_end.empty()) {
    trace_ = replay->trace.get();
    require(!prefix_, "a trace with block hashes says what its prompts share");
  }
  require(!prefix_ || (prefix_->tokens >= 1 && prefix_->groups >= 1),
          "shared prefixes have tokens and groups");
}

std::vector<std::uint64_t> PromptBlocks::keys(std::int64_t request, std::int64_t prompt_tokens,
                                              std::int64_t block_tokens) const {
  std::vector<std::uint64_t> result;
  if (trace_ != nullptr) {
    const auto hashes = trace_->blocks_of(static_cast<std::size_t>(request));
    const std::int64_t known =
        std::min(prompt_tokens, static_cast<std::int64_t>(hashes.size()) * trace_->block_tokens);
    std::uint64_t parent = 0;
    for (std::int64_t block = 0; block < known / block_tokens; ++block) {
      // The block ends within this block of the trace, whose hash covers it and all before.
      const std::int64_t last = ((block + 1) * block_tokens - 1) / trace_->block_tokens;
      parent = block_key(parent, hashes[static_cast<std::size_t>(last)],
                         static_cast<std::uint64_t>(block));
      result.push_back(parent);
    }
  } else if (prefix_) {
    const std::uint64_t word = groups_.at(static_cast<std::uint64_t>(request));
    const auto group = static_cast<std::uint64_t>(
        static_cast<unsigned __int128>(word) * static_cast<std::uint64_t>(prefix_->groups) >> 64);
    const std::int64_t known = std::min<std::int64_t>(prompt_tokens, prefix_->tokens);
    for (std::int64_t block = 0; block < known / block_tokens; ++block) {
      result.push_back(block_key(1, group, static_cast<std::uint64_t>(block)));
    }
  }
  return result;
}

}  // namespace moeplan::sim
