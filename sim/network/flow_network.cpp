#include "sim/network/flow_network.hpp"

#include <algorithm>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

// Above this many bytes a running total starts again at 0, so that it resolves 1/4096 byte.
constexpr double kMostServed = 0x1p40;

// For std::..._heap, whose front is what comes last: the latest end, the largest id.
template <class Pending>
bool ends_later(const Pending& a, const Pending& b) {
  return a.end != b.end ? a.end > b.end : a.flow > b.flow;
}
template <class Entry>
bool entry_later(const Entry& a, const Entry& b) {
  return a.end != b.end ? a.end > b.end : a.flow_class > b.flow_class;
}

}  // namespace

FlowNetwork::FlowNetwork(const Routes& routes)
    : routes_(routes),
      shares_(routes.capacities()),
      class_by_pair_(
          static_cast<std::size_t>(routes.devices()) * static_cast<std::size_t>(routes.devices()),
          -1),
      groups_(routes.capacities().size()) {
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    ends_.push_back();
  }
}

std::optional<FlowClassId> FlowNetwork::class_of(DeviceId from, DeviceId to) {
  const std::span<const std::int32_t> on_path = routes_.constraints(from, to);
  if (on_path.empty()) {
    return std::nullopt;
  }
  std::int32_t& known = class_by_pair_[static_cast<std::size_t>(from.index()) *
                                           static_cast<std::size_t>(routes_.devices()) +
                                       static_cast<std::size_t>(to.index())];
  if (known < 0) {
    std::vector<std::int32_t> key(on_path.begin(), on_path.end());
    std::sort(key.begin(), key.end());
    auto found = class_by_constraints_.find(key);
    if (found == class_by_constraints_.end()) {
      found = class_by_constraints_.emplace(key, shares_.add_class(key)).first;
      classes_.emplace_back();
    }
    known = found->second.index();
  }
  return FlowClassId(known);
}

void FlowNetwork::bring_up_to_date(Group& group) {
  group.served += group.rate * in_seconds(now_ - group.since);
  group.since = now_;
}

// Bytes that each flow of the class got; its group is up to date.
double FlowNetwork::served(const Class& c) {
  return c.group < 0 ? 0.0 : group_of(c).served - c.offset;
}

// A new entry for the class in its group's heap; an old one is superseded.
void FlowNetwork::enter(FlowClassId id) {
  Class& c = at(id);
  Group& group = group_of(c);
  ++c.version;
  if (group.heap.size() > 16 + 2 * static_cast<std::size_t>(group.classes)) {
    std::erase_if(group.heap, [&](const Entry& entry) {
      return classes_[static_cast<std::size_t>(entry.flow_class)].version != entry.version;
    });
    std::make_heap(group.heap.begin(), group.heap.end(), entry_later<Entry>);
  }
  group.heap.push_back({c.heap.front().end + c.offset, id.index(), c.version});
  std::push_heap(group.heap.begin(), group.heap.end(), entry_later<Entry>);
  stale_.push_back(c.group);
}

void FlowNetwork::leave(Class& c) {
  Group& group = group_of(c);
  ++c.version;
  stale_.push_back(c.group);
  c.group = -1;
  if (--group.classes == 0) {
    group.heap.clear();
    group.served = 0.0;
    group.rate = 0.0;
  }
}

// To the group of its present bottleneck; both groups are up to date.
void FlowNetwork::move(FlowClassId id) {
  Class& c = at(id);
  const double got = served(c);
  if (c.group >= 0) {
    leave(c);
  }
  c.group = shares_.bottleneck(id);
  ++group_of(c).classes;
  c.offset = group_of(c).served - got;
  enter(id);
}

// Counts the group's bytes from 0 again.
void FlowNetwork::restart(Group& group) {
  std::erase_if(group.heap, [&](const Entry& entry) {
    return classes_[static_cast<std::size_t>(entry.flow_class)].version != entry.version;
  });
  for (Entry& entry : group.heap) {
    entry.end -= group.served;
    classes_[static_cast<std::size_t>(entry.flow_class)].offset -= group.served;
  }
  group.served = 0.0;
}

SimTime FlowNetwork::end_of(Group& group) {
  while (!group.heap.empty()) {
    const Entry& first = group.heap.front();
    if (classes_[static_cast<std::size_t>(first.flow_class)].version == first.version) {
      return group.since + seconds(std::max(0.0, first.end - group.served) / group.rate);
    }
    std::pop_heap(group.heap.begin(), group.heap.end(), entry_later<Entry>);
    group.heap.pop_back();
  }
  return Earliest::kNever;
}

FlowId FlowNetwork::start(SimTime at_time, DeviceId from, DeviceId to, Bytes volume) {
  require(at_time >= now_, "a flow was started in the past");
  require(volume >= Bytes(0.0) && std::isfinite(volume.value()), "a flow has a finite volume >= 0");
  run_until(at_time);
  const FlowId flow{started_++};
  const SimDuration latency = routes_.latency(from, to);
  if (volume == Bytes(0.0) || from == to) {
    deliveries_.push(at_time, flow);
    return flow;
  }
  const std::optional<FlowClassId> id = class_of(from, to);
  if (!id) {
    deliveries_.push(at_time + latency, flow);
    return flow;
  }
  Class& c = at(*id);
  if (c.group >= 0) {
    bring_up_to_date(group_of(c));
  }
  double got = served(c);
  if (got > kMostServed) {
    for (Pending& pending : c.heap) {
      pending.end -= got;
    }
    c.offset += got;
    got = 0.0;
  }
  c.heap.push_back({got + volume.value(), flow, latency});
  std::push_heap(c.heap.begin(), c.heap.end(), ends_later<Pending>);
  if (c.group >= 0) {
    enter(*id);
  }
  shares_.add_flow(*id);
  is_settled_ = false;
  return flow;
}

// New rates after flows came or went, and the ends that follow from them.
void FlowNetwork::settle() {
  if (is_settled_) {
    return;
  }
  is_settled_ = true;
  const MaxMin::Changes changes = shares_.solve();
  // What was sent until now was sent at the old rates.
  for (const std::int32_t index : changes.levels) {
    bring_up_to_date(groups_[static_cast<std::size_t>(index)]);
  }
  for (const FlowClassId id : changes.moved) {
    if (at(id).group >= 0) {
      bring_up_to_date(group_of(at(id)));
    }
    bring_up_to_date(groups_[static_cast<std::size_t>(shares_.bottleneck(id))]);
  }
  for (const FlowClassId id : changes.moved) {
    move(id);
    Group& group = group_of(at(id));
    group.rate = shares_.level(at(id).group);
  }
  for (const std::int32_t index : changes.levels) {
    Group& group = groups_[static_cast<std::size_t>(index)];
    group.rate = group.classes > 0 ? shares_.level(index) : 0.0;
    stale_.push_back(index);
  }
  for (const std::int32_t index : stale_) {
    Group& group = groups_[static_cast<std::size_t>(index)];
    if (group.served > kMostServed && group.since == now_) {
      restart(group);
    }
    ends_.set(static_cast<std::size_t>(index), end_of(group));
  }
  stale_.clear();
}

// Takes the flows of a group that end now.
void FlowNetwork::end_flows(std::size_t index) {
  Group& group = groups_[index];
  bring_up_to_date(group);
  // The first one ends now whatever the rounding of its last half picosecond says.
  for (bool is_first = true; is_first || end_of(group) <= now_; is_first = false) {
    const FlowClassId id(group.heap.front().flow_class);
    Class& c = at(id);
    std::pop_heap(c.heap.begin(), c.heap.end(), ends_later<Pending>);
    ended_.push_back(c.heap.back());
    c.heap.pop_back();
    shares_.remove_flow(id);
    if (c.heap.empty()) {
      leave(c);
    } else {
      enter(id);
    }
  }
  stale_.push_back(static_cast<std::int32_t>(index));
  is_settled_ = false;
}

void FlowNetwork::run_until(SimTime to) {
  while (true) {
    // What comes and goes at one instant is settled once.
    if (to == now_ && !is_settled_) {
      return;
    }
    settle();
    const SimTime end = ends_.least();
    if (end > to) {
      break;
    }
    now_ = end;
    ended_.clear();
    ends_.for_each_at(end, [&](std::size_t index) { end_flows(index); });
    std::sort(ended_.begin(), ended_.end(),
              [](const Pending& a, const Pending& b) { return a.flow < b.flow; });
    for (const Pending& pending : ended_) {
      deliveries_.push(end + pending.latency, pending.flow);
    }
  }
  now_ = to;
}

std::optional<SimTime> FlowNetwork::next_event() {
  settle();
  const SimTime end = ends_.least();
  if (deliveries_.empty()) {
    return end == Earliest::kNever ? std::nullopt : std::optional(end);
  }
  return std::max(now_, std::min(end, deliveries_.top_time()));
}

std::vector<Delivery> FlowNetwork::advance(SimTime to) {
  require(to >= now_, "the network was asked to go back in time");
  run_until(to);
  std::vector<Delivery> delivered;
  while (!deliveries_.empty() && deliveries_.top_time() <= to) {
    const auto [time, flow] = deliveries_.pop();
    delivered.push_back({flow, time});
  }
  return delivered;
}

BytesPerSecond FlowNetwork::rate(DeviceId from, DeviceId to) {
  settle();
  const std::optional<FlowClassId> id = class_of(from, to);
  return BytesPerSecond(id ? shares_.rate(*id) : 0.0);
}

std::vector<SimTime> simulate_flows(const Routes& routes, std::span<const Flow> flows) {
  FlowNetwork network(routes);
  EventQueue<std::size_t> starts;
  for (std::size_t i = 0; i < flows.size(); ++i) {
    starts.push(flows[i].start, i);
  }
  std::vector<std::size_t> order;  // flow of each FlowId
  std::vector<SimTime> delivered(flows.size());
  const auto take = [&](SimTime to) {
    for (const Delivery& delivery : network.advance(to)) {
      delivered[order[static_cast<std::size_t>(delivery.flow)]] = delivery.time;
    }
  };
  while (!starts.empty()) {
    const auto [time, flow] = starts.pop();
    network.start(time, flows[flow].from, flows[flow].to, flows[flow].volume);
    order.push_back(flow);
  }
  while (const auto next = network.next_event()) {
    take(*next);
  }
  return delivered;
}

}  // namespace moeplan::sim
