// When do flows end? Instants worked out by hand.
#include "sim/network/flow_network.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/sim/network/networks.hpp"

namespace moeplan::tests {
namespace {

constexpr double kPicosecond = 1e-12;

void expect_times(const Topology& topology, const std::vector<Flow>& flows,
                  const std::vector<double>& want) {
  const std::vector<double> got = simulated_times(topology, flows);
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], want[i], 1.5 * kPicosecond) << "flow " << i;
  }
}

// 3 MB at 1 GB/s and two ports of 2 us each.
TEST(FlowNetwork, OneFlowTakesLatencyPlusVolumeOverBandwidth) {
  expect_times(star({1e9, 1e9}, 2e-6), {flow(0, 1, 3e6)}, {3e-3 + 4e-6});
}

TEST(FlowNetwork, EqualFlowsOverOneLinkEndTogether) {
  const std::vector<Flow> flows(5, flow(0, 1, 1e6));
  expect_times(star({1e9, 1e9}), flows, {5e-3, 5e-3, 5e-3, 5e-3, 5e-3});
}

// 1 and 3 MB at 1 GB/s: half each until the first has its 1 MB at 2 ms; 2 MB are left of the other.
TEST(FlowNetwork, WhoStaysGetsTheRest) {
  expect_times(star({1e9, 1e9}), {flow(0, 1, 1e6), flow(0, 1, 3e6)}, {2e-3, 4e-3});
}

// The second starts at 1 ms, when 1 of 2 MB are gone; both have 1 MB to go at half the rate.
TEST(FlowNetwork, FlowsStartAnyTime) {
  expect_times(star({1e9, 1e9}), {flow(0, 1, 2e6), flow(0, 1, 1e6, 1e-3)}, {3e-3, 3e-3});
}

// The input need not be sorted by start.
TEST(FlowNetwork, TheOrderOfTheBatchDoesNotMatter) {
  expect_times(star({1e9, 1e9}), {flow(0, 1, 1e6, 1e-3), flow(0, 1, 2e6)}, {3e-3, 3e-3});
}

// Parking lot of two links of 1 GB/s. Long flow 1 MB, 2 MB on the first link, 4 MB on the second.
// Until 2 ms all at 0.5; the long one is done. The first link's flow has 1 MB left: ends at 3 ms.
// The second's has 3 MB left: 5 ms.
TEST(FlowNetwork, FreedBandwidthGoesToThoseOnTheSameLinks) {
  expect_times(row({1e9, 1e9}, 2), {flow(0, 4, 1e6), flow(1, 3, 2e6), flow(2, 5, 4e6)},
               {2e-3, 3e-3, 5e-3});
}

TEST(FlowNetwork, NoBytesTakeNoTime) {
  expect_times(star({1e9, 1e9}, 2e-6), {flow(0, 1, 0.0), flow(1, 1, 1e9), flow(0, 1, 0.0, 1.0)},
               {0.0, 0.0, 1.0});
}

// Infinite links: only the latency counts; without it nothing does (tests.md C2 18).
TEST(FlowNetwork, InfiniteBandwidthLeavesLatency) {
  const double infinite = std::numeric_limits<double>::infinity();
  expect_times(star({infinite, infinite}, 2e-6), {flow(0, 1, 1e9)}, {4e-6});
  EXPECT_EQ(simulated_times(star({infinite, infinite}), std::vector<Flow>{flow(0, 1, 1e9)})[0],
            0.0);
}

// While the last byte of one flow crosses the network, its bandwidth is free for the next: the
// second has 1 MB left when the first has sent its last byte at 2 ms.
TEST(FlowNetwork, LatencyHoldsNoBandwidth) {
  expect_times(star({1e9, 1e9}, 1e-3), {flow(0, 1, 1e6), flow(0, 1, 2e6)}, {4e-3, 5e-3});
}

TEST(FlowNetwork, FlowsThatEndTogetherAreDeliveredInTheOrderOfTheirStart) {
  const sim::Routes routes(star({1e9, 1e9, 1e9, 1e9}));
  sim::FlowNetwork network(routes);
  for (int i = 3; i > 0; --i) {
    network.start(SimTime{}, DeviceId(i), DeviceId(i - 1), Bytes(1e6));
  }
  const auto end = network.next_event();
  ASSERT_TRUE(end.has_value());
  const std::vector<sim::Delivery> delivered = network.advance(*end);
  ASSERT_EQ(delivered.size(), 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(delivered[i].flow, sim::FlowId(i));
    EXPECT_EQ(delivered[i].time, SimTime{} + milliseconds(1));
  }
  EXPECT_FALSE(network.next_event().has_value());
}

// A KV cache of 4 MB on its way to GPU 2 meets an exchange among GPUs 0 to 2 that starts at 1 ms,
// 1 MB a pair, at 1 GB/s a port. From then GPU 2's way in is shared by three, 1/3 each; the other
// four flows get 1/2: two come into GPU 0, two into GPU 1, two leave GPU 2. They end after 2 ms, at
// 3 ms; those into GPU 2 after 3 ms, at 4 ms. The KV cache had 1 + 1 MB by then: 2 MB more, 6 ms.
TEST(FlowNetwork, KvTransfersAndExchangesShareTheNetwork) {
  const Topology four = star({1e9, 1e9, 1e9, 1e9});
  const std::vector<Flow> flows = {
      flow(3, 2, 4e6),       flow(0, 1, 1e6, 1e-3), flow(0, 2, 1e6, 1e-3), flow(1, 0, 1e6, 1e-3),
      flow(1, 2, 1e6, 1e-3), flow(2, 0, 1e6, 1e-3), flow(2, 1, 1e6, 1e-3)};
  expect_times(four, flows, {6e-3, 3e-3, 4e-3, 3e-3, 4e-3, 3e-3, 3e-3});
}

// A caller that looks every 0.1 ms sees the same as one that jumps from event to event.
TEST(FlowNetwork, LookingMoreOftenChangesNothing) {
  const Topology tree = random_tree(7);
  std::vector<Flow> flows;
  for (int i = 0; i < 40; ++i) {
    flows.push_back(
        flow(i % tree.devices(), (i * 5 + 1) % tree.devices(), 1e5 * (1 + i % 9), 1e-4 * (i % 13)));
  }
  const std::vector<double> jumped = simulated_times(tree, flows);
  const sim::Routes routes(tree);
  sim::FlowNetwork network(routes);
  std::vector<double> looked(flows.size(), -1.0);
  std::vector<std::size_t> order;
  for (int tick = 0; tick < 2000; ++tick) {
    const SimTime now = SimTime{} + Seconds(1e-4 * tick);
    for (const sim::Delivery& d : network.advance(now)) {
      looked[order[static_cast<std::size_t>(d.flow)]] = in_seconds(d.time);
    }
    for (std::size_t i = 0; i < flows.size(); ++i) {
      if (flows[i].start == now) {
        network.start(now, flows[i].from, flows[i].to, flows[i].volume);
        order.push_back(i);
      }
    }
  }
  for (std::size_t i = 0; i < flows.size(); ++i) {
    EXPECT_EQ(looked[i], jumped[i]) << "flow " << i;
  }
}

// A class that never runs empty, and sends 3 TB: its running total starts again at 2^40 bytes and
// the last flow still ends to the picosecond. Flow i starts at i s, when its forerunner ends.
TEST(FlowNetwork, RunningTotalsDoNotLoseBytes) {
  const sim::Routes routes(star({1e12, 1e12}));
  sim::FlowNetwork network(routes);
  SimTime last;
  network.start(SimTime{}, DeviceId(0), DeviceId(1), Bytes(1e12 + 1.0));
  for (int i = 1; i < 4; ++i) {
    network.start(SimTime{} + seconds(i), DeviceId(0), DeviceId(1), Bytes(1e12));
    for (const sim::Delivery& d : network.advance(SimTime{} + seconds(i) + milliseconds(1))) {
      last = d.time;
    }
  }
  while (const auto next = network.next_event()) {
    for (const sim::Delivery& d : network.advance(*next)) {
      last = d.time;
    }
  }
  EXPECT_EQ(last, SimTime{} + seconds(4) + Seconds(1e-12));
}

TEST(FlowNetwork, RefusesWhatCannotBe) {
  const sim::Routes routes(star({1e9, 1e9}));
  sim::FlowNetwork network(routes);
  network.advance(SimTime{} + seconds(1));
  EXPECT_THROW(network.start(SimTime{}, DeviceId(0), DeviceId(1), Bytes(1.0)), std::logic_error);
  EXPECT_THROW(network.advance(SimTime{}), std::logic_error);
  const SimTime now = network.now();
  EXPECT_THROW(network.start(now, DeviceId(0), DeviceId(2), Bytes(1.0)), std::logic_error);
  EXPECT_THROW(network.start(now, DeviceId(0), DeviceId(1), Bytes(-1.0)), std::logic_error);
  EXPECT_THROW(network.start(now, DeviceId(0), DeviceId(1), Bytes(std::nan(""))), std::logic_error);
}

}  // namespace
}  // namespace moeplan::tests
