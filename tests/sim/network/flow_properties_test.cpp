// Laws that hold on every network (tests.md C2): on random trees with random flows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "sim/engine/random_stream.hpp"
#include "sim/network/flow_network.hpp"
#include "tests/sim/network/networks.hpp"

namespace moeplan::tests {
namespace {

constexpr int kCases = 120;

std::vector<Flow> random_flows(const Topology& topology, std::uint64_t seed) {
  sim::RandomStream random(seed, "random flows");
  std::vector<Flow> flows;
  const auto devices = static_cast<std::uint64_t>(topology.devices());
  const std::uint64_t count = 1 + random.below(24);
  for (std::uint64_t i = 0; i < count; ++i) {
    const int from = static_cast<int>(random.below(devices));
    const int to = static_cast<int>(random.below(devices));
    if (from != to) {  // equal volumes and starts now and then
      flows.push_back(flow(from, to, 1e5 * static_cast<double>(1 + random.below(40)),
                           1e-5 * static_cast<double>(random.below(12))));
    }
  }
  return flows;
}

// Against the slow reference on random cases (C2 31): each of at most 50 events is rounded to a
// picosecond.
TEST(FlowProperties, TimesEqualTheReference) {
  std::size_t compared = 0;
  for (std::uint64_t seed = 0; seed < 4 * kCases; ++seed) {
    const Topology tree = random_tree(seed);
    const std::vector<Flow> flows = random_flows(tree, seed);
    const std::vector<double> got = simulated_times(tree, flows);
    const std::vector<double> want = reference_times(tree, flows);
    for (std::size_t i = 0; i < flows.size(); ++i) {
      ASSERT_NEAR(got[i], want[i], 50e-12) << "seed " << seed << ", flow " << i;
      ++compared;
    }
  }
  EXPECT_GT(compared, 2000U);
}

struct Sending {
  std::size_t flow;
  double rate;
};

// Follows a network from event to event and calls `look(duration to the next event, what sends)`.
template <class Look>
void follow(const Topology& tree, std::vector<Flow> flows, Look look) {
  std::stable_sort(flows.begin(), flows.end(),
                   [](const Flow& a, const Flow& b) { return a.start < b.start; });
  const sim::Routes routes(tree);
  sim::FlowNetwork network(routes);
  std::vector<bool> is_sending(flows.size(), false);
  std::size_t started = 0;
  SimTime now;
  while (true) {
    while (started < flows.size() && flows[started].start == now) {
      network.start(now, flows[started].from, flows[started].to, flows[started].volume);
      is_sending[started++] = true;
    }
    auto next = network.next_event();
    if (started < flows.size()) {
      next = next ? std::min(*next, flows[started].start) : flows[started].start;
    }
    if (!next) {
      break;
    }
    std::vector<Sending> sending;
    for (std::size_t f = 0; f < started; ++f) {
      if (is_sending[f]) {
        sending.push_back({f, network.rate(flows[f].from, flows[f].to).value()});
      }
    }
    look(flows, in_seconds(*next - now), sending);
    for (const sim::Delivery& d : network.advance(*next)) {
      is_sending[static_cast<std::size_t>(d.flow)] = false;
    }
    now = *next;
  }
}

// Trees without latency, so that a flow sends until it is delivered.
Topology without_latency(const Topology& tree) {
  Wiring w;
  for (const Vertex& v : tree.vertices()) {
    w.add(v.kind, v.name);
  }
  for (const sim::Link& l : tree.links()) {
    w.connect_one_way(l.source, l.target, l.bandwidth, Seconds(0.0));
  }
  return Topology(std::move(w));
}

// At every moment: no link carries more than it can, and every flow has a bottleneck, a full link
// on which no flow is faster: the shares are max-min fair.
TEST(FlowProperties, SharesAreFeasibleAndMaxMinFairAtEveryMoment) {
  std::size_t looks = 0;
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    const Topology tree = without_latency(random_tree(seed));
    const auto look = [&](const std::vector<Flow>& flows, double,
                          const std::vector<Sending>& sending) {
      ++looks;
      std::vector<double> load(tree.links().size(), 0.0);
      std::vector<double> fastest(tree.links().size(), 0.0);
      for (const Sending& s : sending) {
        for (const sim::LinkId link : tree.route(flows[s.flow].from, flows[s.flow].to)) {
          const auto l = static_cast<std::size_t>(link.index());
          load[l] += s.rate;
          fastest[l] = std::max(fastest[l], s.rate);
        }
      }
      for (std::size_t l = 0; l < load.size(); ++l) {
        EXPECT_LE(load[l], tree.links()[l].bandwidth.value() * (1.0 + 1e-12)) << "seed " << seed;
      }
      for (const Sending& s : sending) {
        bool has_bottleneck = false;
        for (const sim::LinkId link : tree.route(flows[s.flow].from, flows[s.flow].to)) {
          const auto l = static_cast<std::size_t>(link.index());
          has_bottleneck =
              has_bottleneck || (load[l] >= tree.link(link).bandwidth.value() * (1.0 - 1e-12) &&
                                 s.rate >= fastest[l] * (1.0 - 1e-12));
        }
        EXPECT_TRUE(has_bottleneck) << "seed " << seed << ", flow " << s.flow;
      }
    };
    follow(tree, random_flows(tree, seed), look);
  }
  EXPECT_GT(looks, 500U);
}

// Bytes in = bytes out (C2 3): the integral of a flow's rate is its volume, to what it sends in the
// half picosecond to which its end is rounded, at each of its at most 50 changes of rate.
TEST(FlowProperties, EveryByteIsSentOnce) {
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    const Topology tree = without_latency(random_tree(seed));
    std::vector<double> sent(64, 0.0);
    std::vector<double> volume(64, 0.0);
    follow(
        tree, random_flows(tree, seed),
        [&](const std::vector<Flow>& flows, double duration, const std::vector<Sending>& sending) {
          for (const Sending& s : sending) {
            sent[s.flow] += s.rate * duration;
            volume[s.flow] = flows[s.flow].volume.value();
          }
        });
    for (std::size_t f = 0; f < sent.size(); ++f) {
      ASSERT_NEAR(sent[f], volume[f], 50 * 10e9 * 0.5e-12) << "seed " << seed << ", flow " << f;
    }
  }
}

Topology scaled(const Topology& tree, double bandwidth, double latency) {
  Wiring w;
  for (const Vertex& v : tree.vertices()) {
    w.add(v.kind, v.name);
  }
  for (const sim::Link& l : tree.links()) {
    w.connect_one_way(l.source, l.target, l.bandwidth * bandwidth, l.latency * latency);
  }
  return Topology(std::move(w));
}

// Twice the bandwidth, half the latency, starts twice as early: half of every time (C2 15), within
// a picosecond an event.
TEST(FlowProperties, TimesScale) {
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    const Topology tree = random_tree(seed);
    const std::vector<Flow> flows = random_flows(tree, seed);
    std::vector<Flow> sooner = flows;
    for (Flow& each : sooner) {
      each.start = SimTime(each.start.picoseconds() / 2);
    }
    const std::vector<double> times = simulated_times(tree, flows);
    const std::vector<double> halved = simulated_times(scaled(tree, 2.0, 0.5), sooner);
    for (std::size_t i = 0; i < times.size(); ++i) {
      ASSERT_NEAR(2.0 * halved[i], times[i], 2.0 * 50e-12) << "seed " << seed;
    }
  }
}

// All links faster by one factor, or less latency: no flow that starts with the others ends later
// (C2 14). One faster link alone may let its flows take from others: that is not a law.
TEST(FlowProperties, MoreBandwidthIsNeverSlower) {
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    const Topology tree = random_tree(seed);
    std::vector<Flow> flows = random_flows(tree, seed);
    for (Flow& each : flows) {
      each.start = SimTime{};
    }
    const std::vector<double> times = simulated_times(tree, flows);
    const std::vector<double> wide = simulated_times(scaled(tree, 1.7, 1.0), flows);
    const std::vector<double> near = simulated_times(scaled(tree, 1.0, 0.3), flows);
    for (std::size_t i = 0; i < times.size(); ++i) {
      ASSERT_LE(wide[i], times[i] + 50e-12) << "seed " << seed;
      ASSERT_LE(near[i], times[i]) << "seed " << seed;
    }
  }
}

// Devices of a star renamed (C2 17): the same instants under the new names, within a picosecond an
// event (sums run in another order).
TEST(FlowProperties, RelabellingChangesNothing) {
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    const Topology eight = star(std::vector<double>(8, 3e9), 1e-6);
    std::vector<int> names(8);
    std::iota(names.begin(), names.end(), 0);
    sim::RandomStream random(seed, "names");
    for (std::size_t i = 7; i > 0; --i) {
      std::swap(names[i], names[random.below(i + 1)]);
    }
    const std::vector<Flow> flows = random_flows(eight, seed);
    std::vector<Flow> renamed = flows;
    for (Flow& each : renamed) {
      each.from = DeviceId(names[static_cast<std::size_t>(each.from.index())]);
      each.to = DeviceId(names[static_cast<std::size_t>(each.to.index())]);
    }
    const std::vector<double> times = simulated_times(eight, flows);
    const std::vector<double> again = simulated_times(eight, renamed);
    for (std::size_t i = 0; i < times.size(); ++i) {
      ASSERT_NEAR(again[i], times[i], 50e-12) << "seed " << seed;
    }
  }
}

// What happens in one part of a network does not touch a part that shares no link with it: bit for
// bit the same instants.
TEST(FlowProperties, PartsThatShareNoLinkDoNotTouch) {
  for (std::uint64_t seed = 0; seed < kCases; ++seed) {
    const Topology sixteen = star(std::vector<double>(16, 3e9), 1e-6);
    const std::vector<Flow> left = random_flows(star(std::vector<double>(8, 3e9)), seed);
    std::vector<Flow> both = left;
    for (Flow each : random_flows(star(std::vector<double>(8, 3e9)), seed + 1000)) {
      each.from = DeviceId(each.from.index() + 8);
      each.to = DeviceId(each.to.index() + 8);
      both.push_back(each);
    }
    const std::vector<double> alone = simulated_times(sixteen, left);
    const std::vector<double> together = simulated_times(sixteen, both);
    for (std::size_t i = 0; i < left.size(); ++i) {
      ASSERT_EQ(together[i], alone[i]) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace moeplan::tests
