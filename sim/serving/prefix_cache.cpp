#include "sim/serving/prefix_cache.hpp"

#include <algorithm>

#include "models/units/require.hpp"
#include "sim/deployment/kv_block.hpp"
#include "sim/workload/prompt_blocks.hpp"

namespace moeplan::sim {

std::uint64_t PrefixCache::key_of(const Table& table, std::int32_t request, std::size_t block) {
  return block < table.shared.size()
             ? table.shared[block]
             : block_key(2, static_cast<std::uint64_t>(request), static_cast<std::uint64_t>(block));
}

void PrefixCache::open(std::int32_t request, std::span<const std::uint64_t> shared) {
  const bool is_new = tables_.emplace(request, Table{{shared.begin(), shared.end()}, {}}).second;
  require(is_new, "a request comes to a rank once");
}

void PrefixCache::close(std::int32_t request) {
  release(request);
  tables_.erase(request);
}

std::int32_t PrefixCache::find(std::uint64_t key) const {
  const auto found = by_key_.find(key);
  return found == by_key_.end() ? 0 : found->second.oldest;
}

std::int64_t PrefixCache::hit_tokens(std::int32_t request, std::int64_t target) const {
  const Table& table = tables_.at(request);
  require(table.blocks.empty(), "a request with blocks looks for no others");
  const auto most = static_cast<std::size_t>((target - 1) / kBlockTokens);
  std::size_t hits = 0;
  while (hits < most && find(key_of(table, request, hits)) != 0) {
    ++hits;
  }
  return static_cast<std::int64_t>(hits) * kBlockTokens;
}

std::int64_t PrefixCache::hit_tokens(std::span<const std::uint64_t> shared,
                                     std::int64_t prompt) const {
  const auto most = std::min(shared.size(), static_cast<std::size_t>((prompt - 1) / kBlockTokens));
  std::size_t hits = 0;
  while (hits < most && find(shared[hits]) != 0) {
    ++hits;
  }
  return static_cast<std::int64_t>(hits) * kBlockTokens;
}

bool PrefixCache::extend(std::int32_t request, std::int64_t computed, std::int64_t tokens) {
  Table& table = tables_.at(request);
  const auto full_before = static_cast<std::size_t>(computed / kBlockTokens);
  const auto full_after = static_cast<std::size_t>((computed + tokens) / kBlockTokens);
  const auto wanted = static_cast<std::size_t>(blocks_for(computed + tokens));
  const bool takes_hits = table.blocks.empty();
  // Cached blocks without a reference count as free, so taking them takes from the free ones.
  auto needed =
      static_cast<std::int64_t>(wanted - (takes_hits ? full_before : table.blocks.size()));
  for (std::size_t i = 0; takes_hits && i < full_before; ++i) {
    needed += at(find(key_of(table, request, i))).references == 0 ? 1 : 0;
  }
  if (needed > free_) {
    return false;
  }
  for (std::size_t i = 0; takes_hits && i < full_before; ++i) {
    const std::int32_t block = find(key_of(table, request, i));
    require(block != 0, "computed tokens of a request without blocks are cached ones");
    refer(block);
    table.blocks.push_back(block);
  }
  while (table.blocks.size() < wanted) {
    table.blocks.push_back(take());
  }
  for (std::size_t i = full_before; i < full_after; ++i) {
    cache(table.blocks[i], key_of(table, request, i));
  }
  return true;
}

void PrefixCache::release(std::int32_t request) {
  Table& table = tables_.at(request);
  while (!table.blocks.empty()) {
    const std::int32_t block = table.blocks.back();
    table.blocks.pop_back();
    if (--at(block).references == 0) {
      free_last(block);
    }
  }
}

void PrefixCache::refer(std::int32_t index) {
  Block& block = at(index);
  if (block.references++ == 0) {
    at(block.before).after = block.after;
    at(block.after).before = block.before;
    --free_;
  }
}

void PrefixCache::free_last(std::int32_t index) {
  Block& block = at(index);
  block.before = at(0).before;
  block.after = 0;
  at(block.before).after = index;
  at(0).before = index;
  ++free_;
}

std::int32_t PrefixCache::take() {
  if (static_cast<std::int64_t>(blocks_.size()) <= total_) {
    blocks_.push_back({.references = 1});
    --free_;
    return static_cast<std::int32_t>(blocks_.size() - 1);
  }
  const std::int32_t index = at(0).after;
  require(index != 0, "no free block is left");
  refer(index);
  forget(at(index), index);
  return index;
}

void PrefixCache::cache(std::int32_t index, std::uint64_t key) {
  Block& block = at(index);
  require(!block.is_cached, "a block fills up once");
  block.key = key;
  block.is_cached = true;
  Equal& equal = by_key_[key];
  block.older = equal.newest;
  block.newer = 0;
  if (equal.newest != 0) {
    at(equal.newest).newer = index;
  } else {
    equal.oldest = index;
  }
  equal.newest = index;
  ++cached_;
}

void PrefixCache::forget(Block& block, std::int32_t index) {
  if (!block.is_cached) {
    return;
  }
  const auto found = by_key_.find(block.key);
  Equal& equal = found->second;
  (block.older != 0 ? at(block.older).newer : equal.oldest) = block.newer;
  (block.newer != 0 ? at(block.newer).older : equal.newest) = block.older;
  if (equal.oldest == 0) {
    require(equal.newest == 0 && index != 0, "cached blocks of one key are linked both ways");
    by_key_.erase(found);
  }
  block.is_cached = false;
  --cached_;
}

}  // namespace moeplan::sim
