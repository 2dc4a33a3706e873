#pragma once
// PrefixCache: the KV blocks of one rank when blocks of equal tokens are computed once, as vLLM V1
// does it (automatic prefix caching):
//   - full blocks are found by key (their tokens and all before them) from the moment their step is
//     scheduled; blocks that fill up with the same tokens at the same time both stay;
//   - a hit is the longest run of cached blocks from the start, at most target - 1 tokens: the last
//     token is always computed, and with it its whole block;
//   - blocks are counted by reference; without one they are free but stay cached until needed. Free
//     blocks are taken in the order in which they became free, of one request the last one first;
//     blocks never used come before all.
// Keys of a request's further blocks (the rest of its prompt, what it generated) are its own: it
// finds them again after a preemption, no other request does.
// Source: docs.vllm.ai/en/latest/design/prefix_caching, and vllm/v1/core/{block_pool,
// kv_cache_manager}.py, version 0.19, read 2026-11-24.

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace moeplan::sim {

class PrefixCache {
 public:
  explicit PrefixCache(std::int64_t blocks) : total_(blocks) {}

  // A request comes to the rank: keys of its first full blocks, as far as others may share them.
  void open(std::int32_t request, std::span<const std::uint64_t> shared);
  // It leaves; its blocks lose its reference.
  void close(std::int32_t request);

  // Tokens that a request without blocks would find, of `target` to be in the cache; a multiple of
  // the block size.
  std::int64_t hit_tokens(std::int32_t request, std::int64_t target) const;
  // The same for a request that is not here, from its keys.
  std::int64_t hit_tokens(std::span<const std::uint64_t> shared, std::int64_t prompt) const;

  // Gives the request the blocks for `tokens` tokens more than the `computed` in its cache; a
  // request without blocks first takes what hit_tokens() found, which is then `computed`. Blocks
  // that become full are cached. False, with nothing changed, when too few are free.
  bool extend(std::int32_t request, std::int64_t computed, std::int64_t tokens);
  // Takes all blocks from a request that stays.
  void release(std::int32_t request);

  std::int64_t used() const { return total_ - free_; }  // with a reference
  std::int64_t free() const { return free_; }
  // Blocks that can be found, with or without a reference.
  std::int64_t cached() const { return cached_; }

 private:
  struct Block {
    std::uint64_t key = 0;
    std::int32_t references = 0;
    bool is_cached = false;
    // In the queue of free blocks (0: its end on both sides).
    std::int32_t before = 0;
    std::int32_t after = 0;
    // Among cached blocks of equal key, oldest first (0: none).
    std::int32_t older = 0;
    std::int32_t newer = 0;
  };
  struct Equal {
    std::int32_t oldest = 0;
    std::int32_t newest = 0;
  };
  struct Table {
    std::vector<std::uint64_t> shared;
    std::vector<std::int32_t> blocks;
  };

  Block& at(std::int32_t block) { return blocks_[static_cast<std::size_t>(block)]; }
  static std::uint64_t key_of(const Table& table, std::int32_t request, std::size_t block);
  // 0: none.
  std::int32_t find(std::uint64_t key) const;
  void refer(std::int32_t block);
  void free_last(std::int32_t block);
  std::int32_t take();
  void cache(std::int32_t block, std::uint64_t key);
  void forget(Block& block, std::int32_t index);

  std::int64_t total_;
  std::int64_t free_ = total_;
  std::int64_t cached_ = 0;
  std::vector<Block> blocks_ = std::vector<Block>(1);  // that were ever used; 0 is the queue's end
  std::unordered_map<std::uint64_t, Equal> by_key_;    // never iterated
  std::unordered_map<std::int32_t, Table> tables_;     // never iterated
};

}  // namespace moeplan::sim
