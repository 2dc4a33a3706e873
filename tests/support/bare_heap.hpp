#pragma once
// What EventQueue's guarantees are measured against: a bare 4-ary heap of the same nodes in the
// same order, without a check, a clock or a sequence counter of its own.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "sim/engine/random_stream.hpp"

namespace moeplan::tests {

struct HeapEvent {  // as large as the serving layer's: a kind, an entity, a version
  std::uint32_t kind;
  std::uint32_t entity;
  std::uint64_t version;
};

// Gaps in ps, drawn beforehand so that a loop times the queue alone.
inline std::vector<std::int64_t> hold_gaps() {
  sim::RandomStream random(1, "gaps");
  std::vector<std::int64_t> drawn(1 << 16);
  for (std::int64_t& gap : drawn) {
    gap = static_cast<std::int64_t>(random.exponential(1e9));
  }
  return drawn;
}

struct HeapNode {
  std::int64_t time;
  std::uint64_t sequence;
  HeapEvent event;
};

inline bool before(const HeapNode& a, const HeapNode& b) {
  return a.time != b.time ? a.time < b.time : a.sequence < b.sequence;
}

struct BareHeap {
  std::vector<HeapNode> nodes;
  void push(const HeapNode& node) {
    nodes.push_back(node);
    std::size_t i = nodes.size() - 1;
    while (i > 0 && before(node, nodes[(i - 1) / 4])) {
      nodes[i] = nodes[(i - 1) / 4];
      i = (i - 1) / 4;
    }
    nodes[i] = node;
  }
  HeapNode pop() {
    const HeapNode top = nodes.front();
    const HeapNode node = nodes.back();
    nodes.pop_back();
    const std::size_t count = nodes.size();
    std::size_t i = 0;
    while (4 * i + 1 < count) {
      std::size_t best = 4 * i + 1;
      for (std::size_t child = best + 1; child < count && child <= 4 * i + 4; ++child) {
        best = before(nodes[child], nodes[best]) ? child : best;
      }
      if (!before(nodes[best], node)) {
        break;
      }
      nodes[i] = nodes[best];
      i = best;
    }
    if (count > 0) {
      nodes[i] = node;
    }
    return top;
  }
};

}  // namespace moeplan::tests
