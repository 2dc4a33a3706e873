#include "sim/engine/event_queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <numeric>
#include <stdexcept>
#include <vector>

#include "sim/engine/random_stream.hpp"

namespace moeplan::sim {
namespace {

using Pair = std::pair<std::int64_t, int>;  // time in ps, event

std::vector<Pair> drain(EventQueue<int>& queue) {
  std::vector<Pair> popped;
  while (!queue.empty()) {
    const auto [time, event] = queue.pop();
    popped.emplace_back(time.picoseconds(), event);
  }
  return popped;
}

TEST(EventQueue, EqualTimesLeaveFirstInFirstOut) {
  EventQueue<int> queue;
  for (int i = 0; i < 1000; ++i) {
    queue.push(SimTime(7), i);
  }
  const std::vector<Pair> popped = drain(queue);
  ASSERT_EQ(popped.size(), 1000u);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(popped[static_cast<std::size_t>(i)], Pair(7, i));
  }
}

TEST(EventQueue, FirstInFirstOutSurvivesPopsInBetween) {
  EventQueue<int> queue;
  queue.push(SimTime(5), 0);
  queue.push(SimTime(1), 1);
  queue.push(SimTime(5), 2);
  EXPECT_EQ(queue.pop().event, 1);
  queue.push(SimTime(5), 3);
  queue.push(SimTime(4), 4);
  EXPECT_EQ(drain(queue), (std::vector<Pair>{{4, 4}, {5, 0}, {5, 2}, {5, 3}}));
}

// Whatever the order of the pushes, events leave sorted by time, and ties in the order of pushing:
// the definition of a stable sort.
TEST(EventQueue, AnyPermutationOfPushesLeavesAsItsStableSort) {
  RandomStream random(2, "permutations");
  for (std::size_t size = 0; size <= 200; ++size) {
    std::vector<Pair> pushed(size);
    for (std::size_t i = 0; i < size; ++i) {
      pushed[i] = {static_cast<std::int64_t>(random.below(20)), static_cast<int>(i)};
    }
    for (std::size_t i = size; i > 1; --i) {  // Fisher-Yates
      std::swap(pushed[i - 1], pushed[random.below(i)]);
    }
    EventQueue<int> queue;
    for (const auto& [time, event] : pushed) {
      queue.push(SimTime(time), event);
    }
    std::stable_sort(pushed.begin(), pushed.end(),
                     [](const Pair& a, const Pair& b) { return a.first < b.first; });
    ASSERT_EQ(drain(queue), pushed) << size << " events";
  }
}

// Against a reference that is obviously right: std::multimap inserts equal keys at the upper end.
TEST(EventQueue, RandomMixOfPushesAndPopsAgreesWithAMultimap) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    RandomStream random(seed, "mix");
    EventQueue<int> queue;
    std::multimap<SimTime, int> reference;
    for (int step = 0; step < 5000; ++step) {
      if (reference.empty() || random.uniform() < 0.55) {
        const SimTime time = queue.now() + SimDuration(static_cast<std::int64_t>(random.below(50)));
        queue.push(time, step);
        reference.emplace(time, step);
      } else {
        ASSERT_EQ(queue.top_time(), reference.begin()->first);
        ASSERT_EQ(queue.top(), reference.begin()->second);
        const auto [time, event] = queue.pop();
        ASSERT_EQ(time, reference.begin()->first);
        ASSERT_EQ(event, reference.begin()->second);
        ASSERT_EQ(queue.now(), time);
        reference.erase(reference.begin());
      }
      ASSERT_EQ(queue.size(), reference.size());
    }
  }
}

TEST(EventQueue, RefusesThePast) {
  EventQueue<int> queue;
  EXPECT_THROW(queue.push(SimTime(-1), 0), std::logic_error);
  queue.push(SimTime(10), 1);
  queue.push(SimTime(20), 2);
  EXPECT_NO_THROW(queue.push(SimTime(3), 3));  // nothing popped yet: still the future
  queue.pop();
  queue.pop();  // now = 10
  EXPECT_THROW(queue.push(SimTime(9), 4), std::logic_error);
  EXPECT_NO_THROW(queue.push(SimTime(10), 5));  // now itself is allowed
  EXPECT_EQ(drain(queue), (std::vector<Pair>{{10, 5}, {20, 2}}));
  EXPECT_THROW(queue.push(SimTime(19), 6), std::logic_error);  // now stays when the queue is empty
}

TEST(EventQueue, EmptyQueueHasNoEarliestEvent) {
  EventQueue<int> queue;
  EXPECT_TRUE(queue.empty());
  EXPECT_THROW(queue.pop(), std::logic_error);
  EXPECT_THROW(queue.top(), std::logic_error);
  EXPECT_THROW(queue.top_time(), std::logic_error);
  EXPECT_EQ(queue.now(), SimTime{});
}

TEST(EventQueue, CarriesMoveOnlyEvents) {
  EventQueue<std::unique_ptr<int>> queue;
  for (int i = 9; i >= 0; --i) {
    queue.push(SimTime(i), std::make_unique<int>(i));
  }
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(*queue.pop().event, i);
  }
}

TEST(EventQueue, TwoQueuesKeepTheirOwnTime) {
  EventQueue<int> first;
  EventQueue<int> second;
  first.push(SimTime(100), 1);
  first.pop();
  EXPECT_NO_THROW(second.push(SimTime(1), 2));
  EXPECT_EQ(second.now(), SimTime{});
}

}  // namespace
}  // namespace moeplan::sim
