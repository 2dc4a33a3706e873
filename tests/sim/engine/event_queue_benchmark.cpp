// How much the queue's guarantees cost: events per second at a constant number of pending events
// (pop one, push one an exponential gap later) of EventQueue and of a bare 4-ary heap: the same
// nodes and order, no check, no clock, no sequence counter kept by the heap.
//   build/bin/event_queue_benchmark --benchmark_repetitions=5
// event_queue_ratio_to_heap = items_per_second of EventQueue / of BareHeap at 100000.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

#include "sim/engine/event_queue.hpp"
#include "tests/support/bare_heap.hpp"

namespace {

using moeplan::sim::EventQueue;
using moeplan::sim::SimDuration;
using moeplan::sim::SimTime;
using moeplan::tests::BareHeap;
using moeplan::tests::HeapEvent;
using moeplan::tests::HeapNode;
using moeplan::tests::hold_gaps;

void event_queue(benchmark::State& state) {
  const std::vector<std::int64_t> gap = hold_gaps();
  EventQueue<HeapEvent> queue;
  std::size_t g = 0;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    queue.push(SimTime(gap[g++ % gap.size()]), HeapEvent{0, static_cast<std::uint32_t>(i), 0});
  }
  for (auto _ : state) {
    auto [time, event] = queue.pop();
    ++event.version;
    queue.push(time + SimDuration(gap[g++ % gap.size()]), event);
  }
  state.SetItemsProcessed(state.iterations());
}

void bare_heap(benchmark::State& state) {
  const std::vector<std::int64_t> gap = hold_gaps();
  BareHeap heap;
  std::size_t g = 0;
  std::uint64_t sequence = 0;
  for (std::int64_t i = 0; i < state.range(0); ++i) {
    heap.push({gap[g++ % gap.size()], sequence++, HeapEvent{0, static_cast<std::uint32_t>(i), 0}});
  }
  for (auto _ : state) {
    HeapNode node = heap.pop();
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
