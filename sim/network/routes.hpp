#pragma once
// Routes: what flows between two devices of a topology compete for. Links that cannot slow any
// flow are left out, so that the fair-share solver sees as few as possible:
//   - links that the same pairs of devices cross are one constraint, the slowest of them;
//   - a constraint goes when those that feed it (or those that it feeds) cannot fill it together:
//     a non-blocking spine, a link of infinite bandwidth.
// Neither changes any rate: each bound is implied by those that stay.

#include <cstdint>
#include <span>
#include <vector>

#include "sim/engine/sim_time.hpp"
#include "sim/topology/topology.hpp"

namespace moeplan::sim {

class Routes {
 public:
  // All pairs of the topology's devices that are connected.
  explicit Routes(const Topology& topology);

  int devices() const { return devices_; }
  // B/s of each constraint.
  const std::vector<double>& capacities() const { return capacities_; }
  // The link that sets a constraint's capacity.
  LinkId link_of(std::int32_t constraint) const {
    return links_[static_cast<std::size_t>(constraint)];
  }
  // Constraints on the way, each once; none from a device to itself, and none where every link is
  // infinitely fast. Throws: std::logic_error when the devices are not connected.
  std::span<const std::int32_t> constraints(DeviceId from, DeviceId to) const;
  // Sum of the latencies of the links on the way.
  SimDuration latency(DeviceId from, DeviceId to) const;

 private:
  struct Pair {
    std::int64_t begin = -1;  // -1: not connected
    std::int64_t end = -1;
    SimDuration latency;
  };
  const Pair& pair(DeviceId from, DeviceId to) const;

  int devices_ = 0;
  std::vector<double> capacities_;
  std::vector<LinkId> links_;
  std::vector<Pair> pairs_;            // [from x to]
  std::vector<std::int32_t> on_path_;  // constraints of all pairs
};

}  // namespace moeplan::sim
