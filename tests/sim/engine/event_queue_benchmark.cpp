// How much the queue's guarantees cost: events per second at a constant number of pending events
// (pop one, push one an exponential gap later) of EventQueue and of a bare 4-ary heap: the same
// nodes and order, no check, no clock, no sequence counter kept by the heap.
//   build/bin/event_queue_benchmark --benchmark_repetitions=5
// event_queue_ratio_to_heap = items_per_second of EventQueue / of BareHeap at 100000.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <vector>

#include "sim/engine/event_queue.hpp"
#include "sim/engine/random_stream.hpp"

namespace {

using moeplan::sim::EventQueue;
using moeplan::sim::RandomStream;
using moeplan::sim::SimDuration;
using moeplan::sim::SimTime;

struct Event {  // as large as the serving layer's: a kind, an entity, a version
  std::uint32_t kind;
  std::uint32_t entity;
  std::uint64_t version;
};

// Gaps in ps, drawn beforehand so that the loop times the queue alone.
std::vector<std::int64_t> gaps() {
  RandomStream random(1, "gaps");
  std::vector<std::int64_t> drawn(1 << 16);
  for (auto& gap : drawn) {
    gap = static_cast<std::int64_t>(random.exponential(1e9));
  }
  return drawn;
}

void event_queue(benchmark::State& state) {
  const std::vector<std::int64_t> gap = gaps();
  EventQueue<Event> queue;
  std::size_t g = 0;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    queue.push(SimTime(gap[g++ % gap.size()]), Event{0, static_cast<std::uint32_t>(i), 0});
  }
  for (auto _ : state) {
    auto [time, event] = queue.pop();
    ++event.version;
    queue.push(time + SimDuration(gap[g++ % gap.size()]), event);
  }
  state.SetItemsProcessed(state.iterations());
}

struct Node {
  std::int64_t time;
  std::uint64_t sequence;
  Event event;
};

bool before(const Node& a, const Node& b) {
  return a.time != b.time ? a.time < b.time : a.sequence < b.sequence;
}

struct BareHeap {
  std::vector<Node> nodes;
  void push(const Node& node) {
    nodes.push_back(node);
    std::size_t i = nodes.size() - 1;
    while (i > 0 && before(node, nodes[(i - 1) / 4])) {
      nodes[i] = nodes[(i - 1) / 4];
      i = (i - 1) / 4;
    }
    nodes[i] = node;
  }
  Node pop() {
    const Node top = nodes.front();
    const Node node = nodes.back();
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

void bare_heap(benchmark::State& state) {
  const std::vector<std::int64_t> gap = gaps();
  BareHeap heap;
  std::size_t g = 0;
  std::uint64_t sequence = 0;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    heap.push({gap[g++ % gap.size()], sequence++, Event{0, static_cast<std::uint32_t>(i), 0}});
  }
  for (auto _ : state) {
    Node node = heap.pop();
    ++node.event.version;
    node.time += gap[g++ % gap.size()];
    node.sequence = sequence++;
    heap.push(node);
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK(event_queue)->Name("EventQueue")->Arg(1000)->Arg(100'000);
BENCHMARK(bare_heap)->Name("BareHeap")->Arg(1000)->Arg(100'000);

}  // namespace
