#pragma once
// EventQueue<Event>: the future of one simulation, earliest first.
//
//   EventQueue<MyEvent> queue;                  // MyEvent: any movable type, kept by value
//   queue.push(SimTime{} + milliseconds(3), event);
//   while (!queue.empty()) { auto [time, event] = queue.pop(); ... }
//
// Order: by (SimTime, sequence number of the push), so events of equal time leave first in, first
// out. An order of classes at equal time is the caller's: push in that order.
// Time starts at 0 and never runs backwards: pushing before now() is a bug.
// A 4-ary heap in one vector: no globals, no type erasure, no allocation but the vector's growth.
// There is no cancel; carry a version in the event and ignore stale ones.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "models/units/require.hpp"
#include "sim/engine/sim_time.hpp"

namespace moeplan::sim {

template <class Event>
class EventQueue {
 public:
  struct Timed {
    SimTime time;
    Event event;
  };

  // Throws: std::logic_error if time < now().
  void push(SimTime time, Event event) {
    require(time >= now_, "an event was scheduled in the past");
    nodes_.push_back(Node{time, next_sequence_++, std::move(event)});
    sift_up(nodes_.size() - 1);
  }

  // Removes and returns the earliest event, and advances now() to its time.
  // Throws: std::logic_error if empty().
  Timed pop() {
    require(!nodes_.empty(), "pop() of an empty event queue");
    Timed earliest{nodes_.front().time, std::move(nodes_.front().event)};
    now_ = earliest.time;
    Node last = std::move(nodes_.back());
    nodes_.pop_back();
    if (!nodes_.empty()) {
      sift_down(std::move(last));
    }
    return earliest;
  }

  // The earliest event. Throws: std::logic_error if empty().
  SimTime top_time() const {
    require(!nodes_.empty(), "top_time() of an empty event queue");
    return nodes_.front().time;
  }
  const Event& top() const {
    require(!nodes_.empty(), "top() of an empty event queue");
    return nodes_.front().event;
  }

  // Time of the last popped event; 0 before the first.
  SimTime now() const { return now_; }
  bool empty() const { return nodes_.empty(); }
  std::size_t size() const { return nodes_.size(); }
  void reserve(std::size_t events) { nodes_.reserve(events); }

 private:
  static constexpr std::size_t kArity = 4;

  struct Node {
    SimTime time;
    std::uint64_t sequence;
    Event event;
  };

  static bool before(const Node& a, const Node& b) {
    return a.time != b.time ? a.time < b.time : a.sequence < b.sequence;
  }

  void sift_up(std::size_t hole) {
    Node moving = std::move(nodes_[hole]);
    while (hole > 0) {
      const std::size_t parent = (hole - 1) / kArity;
      if (!before(moving, nodes_[parent])) {
        break;
      }
      nodes_[hole] = std::move(nodes_[parent]);
      hole = parent;
    }
    nodes_[hole] = std::move(moving);
  }

  // Places the node in the heap whose root is a hole.
  void sift_down(Node moving) {
    const std::size_t count = nodes_.size();
    std::size_t hole = 0;
    while (true) {
      const std::size_t first = kArity * hole + 1;
      if (first >= count) {
        break;
      }
      const std::size_t end = first + kArity < count ? first + kArity : count;
      std::size_t best = first;
      for (std::size_t child = first + 1; child < end; ++child) {
        best = before(nodes_[child], nodes_[best]) ? child : best;
      }
      if (!before(nodes_[best], moving)) {
        break;
      }
      nodes_[hole] = std::move(nodes_[best]);
      hole = best;
    }
    nodes_[hole] = std::move(moving);
  }

  std::vector<Node> nodes_;
  std::uint64_t next_sequence_ = 0;
  SimTime now_;
};

}  // namespace moeplan::sim
