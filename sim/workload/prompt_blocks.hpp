#pragma once
// PromptBlocks: what the prompts of a run have in common, as keys of their KV blocks: two requests
// have a key in common where their prompts are equal from the start to the end of that block. From
// the block hashes of a trace, or from drawn prefixes (RequestMix::shared_prefix).

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/engine/random_stream.hpp"
#include "sim/workload/request_source.hpp"

namespace moeplan::sim {

// A key made of three words: equal words, equal keys; n different ones meet with a probability of
// n^2 / 2^65. The same under every compiler.
std::uint64_t block_key(std::uint64_t parent, std::uint64_t hash, std::uint64_t index);

class PromptBlocks {
 public:
  // The trace of the mix must outlive this.
  PromptBlocks(const RequestMix& mix, std::uint64_t seed);

  // False: nothing is known of any prompt, and no request has a key.
  bool any() const { return trace_ != nullptr || prefix_.has_value(); }

  // Keys of the blocks of block_tokens tokens that lie whole within the known part of the prompt of
  // request `request` (numbered as RequestSource hands them out), from the first one on. A key
  // stands for its block and all before it, as vLLM hashes a block with its parent, so hashes of a
  // trace need not be prefix hashes. A trace's block may be longer: it is cut into KV blocks; what
  // its last, partial block leaves of a prompt is known too (equal hashes, equal tokens).
  std::vector<std::uint64_t> keys(std::int64_t request, std::int64_t prompt_tokens,
                                  std::int64_t block_tokens) const;

 private:
  const RequestTrace* trace_ = nullptr;  // with hashes
  std::optional<SharedPrefix> prefix_;
  RandomStream groups_;
};

}  // namespace moeplan::sim
