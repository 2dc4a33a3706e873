#include "sim/network/routes.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

using Path = std::vector<std::int32_t>;

// Paths over links become paths over groups of links that exactly the same paths cross, in the
// order of the first link; returns the group of each link, -1 for links on no path. Partition
// refinement: each path splits the groups it crosses into the links on it and the rest.
std::vector<std::int32_t> group_links(const std::vector<Path>& paths, std::size_t links) {
  std::vector<std::int32_t> group(links, 0);
  std::vector<std::int32_t> size{static_cast<std::int32_t>(links)};
  std::map<std::int32_t, std::pair<std::int32_t, std::int32_t>> crossed;  // group: new id, links
  for (const Path& path : paths) {
    crossed.clear();
    for (const std::int32_t link : path) {
      ++crossed[group[static_cast<std::size_t>(link)]].second;
    }
    for (auto& [id, target] : crossed) {
      auto& whole = size[static_cast<std::size_t>(id)];
      if (whole == target.second) {
        target.first = id;
      } else {
        target.first = static_cast<std::int32_t>(size.size());
        whole -= target.second;
        size.push_back(target.second);
      }
    }
    for (const std::int32_t link : path) {
      auto& id = group[static_cast<std::size_t>(link)];
      id = crossed.at(id).first;
    }
  }
  // Ids by first link; links on no path share the one group that no path crosses.
  std::vector<bool> used(size.size(), false);
  for (const Path& path : paths) {
    for (const std::int32_t link : path) {
      used[static_cast<std::size_t>(group[static_cast<std::size_t>(link)])] = true;
    }
  }
  std::vector<std::int32_t> renamed(size.size(), -1);
  std::int32_t next = 0;
  for (auto& id : group) {
    const auto old = static_cast<std::size_t>(id);
    if (used[old] && renamed[old] < 0) {
      renamed[old] = next++;
    }
    id = renamed[old];
  }
  return group;
}

struct Neighbours {
  std::set<std::int32_t> before;
  std::set<std::int32_t> after;
  bool starts_a_path = false;
  bool ends_a_path = false;
};

// Groups whose bound follows from those of others. One at a time, and only from groups that are
// still kept: so no two groups ever excuse each other.
std::vector<bool> find_needless(const std::vector<Neighbours>& neighbours,
                                const std::vector<double>& capacity) {
  // Sums of equal rates must count as equal; a link is overfilled by this share at most.
  constexpr double kRounding = 1.0 + 1e-12;
  std::vector<bool> needless(capacity.size(), false);
  for (std::size_t g = 0; g < capacity.size(); ++g) {
    const auto covered_by = [&](const std::set<std::int32_t>& others) {
      double sum = 0.0;
      for (const std::int32_t other : others) {
        if (needless[static_cast<std::size_t>(other)]) {
          return false;
        }
        sum += capacity[static_cast<std::size_t>(other)];
      }
      return sum <= capacity[g] * kRounding;
    };
    const Neighbours& n = neighbours[g];
    needless[g] = std::isinf(capacity[g]) || (!n.starts_a_path && covered_by(n.before)) ||
                  (!n.ends_a_path && covered_by(n.after));
  }
  return needless;
}

}  // namespace

Routes::Routes(const Topology& topology) : devices_(topology.devices()) {
  const auto n = static_cast<std::size_t>(devices_);
  pairs_.resize(n * n);
  std::vector<Path> paths;
  std::vector<std::size_t> pair_of;
  for (std::int32_t from = 0; from < devices_; ++from) {
    for (std::int32_t to = 0; to < devices_; ++to) {
      const std::size_t at = static_cast<std::size_t>(from) * n + static_cast<std::size_t>(to);
      if (!topology.is_connected(DeviceId(from), DeviceId(to))) {
        continue;
      }
      Path path;
      Seconds latency;
      for (const LinkId link : topology.route(DeviceId(from), DeviceId(to))) {
        path.push_back(link.index());
        latency += topology.link(link).latency;
      }
      pairs_[at].latency = duration_from(latency);
      paths.push_back(std::move(path));
      pair_of.push_back(at);
    }
  }
  const std::vector<std::int32_t> group = group_links(paths, topology.links().size());
  std::vector<double> capacity;
  std::vector<LinkId> slowest;
  for (std::size_t link = 0; link < group.size(); ++link) {
    if (group[link] < 0) {
      continue;
    }
    const auto g = static_cast<std::size_t>(group[link]);
    const LinkId id(static_cast<std::int32_t>(link));
    const double bandwidth = topology.link(id).bandwidth.value();
    if (g == capacity.size()) {
      capacity.push_back(bandwidth);
      slowest.push_back(id);
    } else if (bandwidth < capacity[g]) {
      capacity[g] = bandwidth;
      slowest[g] = id;
    }
  }
  std::vector<Neighbours> neighbours(capacity.size());
  for (Path& path : paths) {
    Path groups;
    for (const std::int32_t link : path) {
      const std::int32_t g = group[static_cast<std::size_t>(link)];
      if (std::find(groups.begin(), groups.end(), g) == groups.end()) {
        groups.push_back(g);
      }
    }
    for (std::size_t i = 0; i < groups.size(); ++i) {
      Neighbours& at = neighbours[static_cast<std::size_t>(groups[i])];
      at.starts_a_path = at.starts_a_path || i == 0;
      at.ends_a_path = at.ends_a_path || i + 1 == groups.size();
      if (i > 0) {
        at.before.insert(groups[i - 1]);
        neighbours[static_cast<std::size_t>(groups[i - 1])].after.insert(groups[i]);
      }
    }
    path = std::move(groups);
  }
  const std::vector<bool> needless = find_needless(neighbours, capacity);
  std::vector<std::int32_t> constraint(capacity.size(), -1);
  for (std::size_t g = 0; g < capacity.size(); ++g) {
    if (!needless[g]) {
      constraint[g] = static_cast<std::int32_t>(capacities_.size());
      capacities_.push_back(capacity[g]);
      links_.push_back(slowest[g]);
    }
  }
  for (std::size_t p = 0; p < paths.size(); ++p) {
    Pair& pair = pairs_[pair_of[p]];
    pair.begin = static_cast<std::int64_t>(on_path_.size());
    for (const std::int32_t g : paths[p]) {
      if (constraint[static_cast<std::size_t>(g)] >= 0) {
        on_path_.push_back(constraint[static_cast<std::size_t>(g)]);
      }
    }
    pair.end = static_cast<std::int64_t>(on_path_.size());
  }
}

const Routes::Pair& Routes::pair(DeviceId from, DeviceId to) const {
  require(from.index() >= 0 && from.index() < devices_ && to.index() >= 0 && to.index() < devices_,
          "a flow joins devices of its topology");
  const Pair& found =
      pairs_[static_cast<std::size_t>(from.index()) * static_cast<std::size_t>(devices_) +
             static_cast<std::size_t>(to.index())];
  require(found.begin >= 0, "no path between the devices");
  return found;
}

std::span<const std::int32_t> Routes::constraints(DeviceId from, DeviceId to) const {
  const Pair& found = pair(from, to);
  return {on_path_.data() + found.begin, static_cast<std::size_t>(found.end - found.begin)};
}

SimDuration Routes::latency(DeviceId from, DeviceId to) const { return pair(from, to).latency; }

}  // namespace moeplan::sim
