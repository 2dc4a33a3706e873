#pragma once
// FlowNetwork: flows of bytes between devices that share the links of a topology max-min fairly,
// in simulated time. Flows start whenever the caller says (an exchange, a KV cache on its way from
// a prefill to a decode device, both at once):
//
//   FlowNetwork network(routes);
//   const FlowId flow = network.start(now, from, to, volume);
//   while (const auto next = network.next_event()) {
//     for (const Delivery& delivery : network.advance(*next)) { ... }
//   }
//
// A flow takes its fair share from its start until its last byte has left, and is delivered when
// that byte has crossed the route: the route's latency later. Stated idealisations: rates adapt at
// once, no packets, headers, congestion control or buffers. No bytes take no time, and neither does
// a flow from a device to itself.
// Instants are integer picoseconds: the end of a flow is rounded to the nearest once, when its rate
// changes; a flow may so end 0.5 ps early or late. Volumes are doubles; bytes on the way are
// brought up to date only when a rate changes, in the order of the events: the same starts give the
// same bits under every compiler, and parts of the network that share no link never touch.
// Flows with one bottleneck have one rate and one running total, so that a change of rates costs
// per bottleneck, not per flow. Order at equal instants: by end of the transfer, then by start.
// Source of the model: Velho et al., On the validity of flow-level TCP network models for grid and
// cloud simulations, ACM TOMACS 23(4), 2013.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "sim/engine/event_queue.hpp"
#include "sim/network/earliest.hpp"
#include "sim/network/max_min.hpp"
#include "sim/network/routes.hpp"

namespace moeplan::sim {

// Flows are numbered in the order in which they were started.
enum class FlowId : std::int64_t {};

struct Delivery {
  FlowId flow;
  SimTime time;
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

class FlowNetwork {
 public:
  // The routes must outlive the network.
  explicit FlowNetwork(const Routes& routes);

  // Throws: std::logic_error for at_time < now(), a negative or infinite volume, devices without a
  // path.
  FlowId start(SimTime at_time, DeviceId from, DeviceId to, Bytes volume);

  // When the network does something by itself next, if nothing is started before: a flow ends or is
  // delivered. now() for deliveries that start() ran past. Nothing when all is delivered.
  std::optional<SimTime> next_event();
  // Moves to the instant and returns what was delivered since the last call, in order.
  // Throws: std::logic_error for an instant before now().
  std::vector<Delivery> advance(SimTime to);

  SimTime now() const { return now_; }
  std::int64_t started() const { return started_; }
  // What each flow between the two devices gets now; 0 when there is none that still sends.
  BytesPerSecond rate(DeviceId from, DeviceId to);

 private:
  // A flow that still sends. Ends are counted in bytes that each flow of its class gets, from when
  // the class last had none.
  struct Pending {
    double end;
    FlowId flow;
    SimDuration latency;
  };
  struct Class {
    std::vector<Pending> heap;  // earliest end first, then earliest start
    std::int32_t group = -1;    // its bottleneck as of the last settle
    double offset = 0.0;        // Group::served minus the bytes each of its flows got
    std::uint32_t version = 0;  // of its entry in the group's heap
  };
  // The classes with one bottleneck: one rate, one running total.
  struct Entry {
    double end;  // of the class's first flow, in the group's bytes
    std::int32_t flow_class;
    std::uint32_t version;  // another than the class's: superseded
  };
  struct Group {
    double served = 0.0;  // bytes that each flow got since the group was last empty, at `since`
    double rate = 0.0;
    SimTime since;
    std::int32_t classes = 0;
    std::vector<Entry> heap;
  };

  std::optional<FlowClassId> class_of(DeviceId from, DeviceId to);
  Class& at(FlowClassId id) { return classes_[static_cast<std::size_t>(id.index())]; }
  Group& group_of(const Class& c) { return groups_[static_cast<std::size_t>(c.group)]; }
  double served(const Class& c);
  void bring_up_to_date(Group& group);
  void enter(FlowClassId id);
  void leave(Class& c);
  void move(FlowClassId id);
  void restart(Group& group);
  SimTime end_of(Group& group);
  void settle();
  void run_until(SimTime to);
  void end_flows(std::size_t group);

  const Routes& routes_;
  MaxMin shares_;
  std::map<std::vector<std::int32_t>, FlowClassId> class_by_constraints_;
  std::vector<std::int32_t> class_by_pair_;  // [from x to], -1: not looked up
  std::vector<Class> classes_;
  std::vector<Group> groups_;  // by constraint
  Earliest ends_;              // of the groups' first flows
  EventQueue<FlowId> deliveries_;
  bool is_settled_ = true;
  std::vector<std::int32_t> stale_;  // groups whose first end may be another
  std::vector<Pending> ended_;       // at one instant
  std::int64_t started_ = 0;
  SimTime now_;
};

// One flow of a batch.
struct Flow {
  DeviceId from;
  DeviceId to;
  Bytes volume;
  SimTime start;
};

// When each flow is delivered [flows].
std::vector<SimTime> simulate_flows(const Routes& routes, std::span<const Flow> flows);

}  // namespace moeplan::sim
