// Are shares max-min fair? Examples with the shares worked out by hand, and what Routes leaves out.
#include <gtest/gtest.h>

#include <vector>

#include "sim/network/flow_network.hpp"
#include "sim/network/max_min.hpp"
#include "sim/topology/cluster.hpp"
#include "tests/sim/network/networks.hpp"

namespace moeplan::tests {
namespace {

// Rates of flows that start together, in B/s.
std::vector<double> shares(const Topology& topology, const std::vector<Flow>& flows) {
  const sim::Routes routes(topology);
  sim::FlowNetwork network(routes);
  for (const Flow& each : flows) {
    network.start(each.start, each.from, each.to, each.volume);
  }
  std::vector<double> rates;
  for (const Flow& each : flows) {
    rates.push_back(network.rate(each.from, each.to).value());
  }
  return rates;
}

void expect_shares(const std::vector<double>& got, const std::vector<double>& want) {
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    EXPECT_NEAR(got[i], want[i], 1e-9 * want[i]) << "flow " << i;
  }
}

// Parking lot, three links of 1 GB/s: the flow over all of them meets one other on each, so every
// link is shared by two.
TEST(FairShare, ParkingLot) {
  const Topology lot = row({1e9, 1e9, 1e9}, 2);
  expect_shares(shares(lot, {flow(0, 6, 1e9), flow(1, 3, 1e9), flow(3, 5, 1e9), flow(5, 7, 1e9)}),
                {0.5e9, 0.5e9, 0.5e9, 0.5e9});
}

// Links of 1 and 2 GB/s: the long flow gets 0.5 on the first, so 1.5 are left on the second.
TEST(FairShare, WhatABottleneckLeavesElsewhereIsUsed) {
  expect_shares(shares(row({1e9, 2e9}, 2), {flow(0, 4, 1e9), flow(1, 3, 1e9), flow(2, 5, 1e9)}),
                {0.5e9, 0.5e9, 1.5e9});
}

// Levels 1, 2.5, 3.5 on links of 6, 6 and 1 GB/s (0-1, 1-2, 2-3):
//   a: 0-1; b: 0-3 (all three); c: 0-2; d: 1-2.
// Link 2-3 holds b at 1. Link 0-1: a + c = 5, 2.5 each. Link 1-2: d = 6 - 1 - 2.5 = 2.5; and with
// link 0-1 at 8: a + c = 7; 1-2 gives c and d 2.5 each first, so a = 8 - 1 - 2.5 = 4.5.
TEST(FairShare, ThreeLevels) {
  const std::vector<Flow> flows = {flow(0, 4, 1e9), flow(1, 9, 1e9), flow(2, 7, 1e9),
                                   flow(3, 8, 1e9)};
  expect_shares(shares(row({6e9, 6e9, 1e9}, 3), flows), {2.5e9, 1e9, 2.5e9, 2.5e9});
  expect_shares(shares(row({8e9, 6e9, 1e9}, 3), flows), {4.5e9, 1e9, 2.5e9, 2.5e9});
}

// Dumbbell: 4 flows over a link of 2 GB/s, 1 flow beside them on its own side.
TEST(FairShare, Dumbbell) {
  const Topology dumbbell = row({2e9}, 4);
  expect_shares(shares(dumbbell, {flow(0, 4, 1e9), flow(1, 5, 1e9), flow(2, 6, 1e9),
                                  flow(3, 7, 1e9), flow(7, 0, 1e9)}),
                {0.5e9, 0.5e9, 0.5e9, 0.5e9, 2e9});  // the way back is another link
}

// Flows of one pair count each: 3 from GPU 0 and 1 from GPU 1 into GPU 2 share its port by 4.
TEST(FairShare, FlowsOfOneRouteEachCount) {
  expect_shares(shares(star({8e9, 8e9, 4e9}),
                       {flow(0, 2, 1e9), flow(0, 2, 2e9), flow(0, 2, 3e9), flow(1, 2, 1e9)}),
                {1e9, 1e9, 1e9, 1e9});
}

// No constraint is ever overfilled, and a full one keeps less than a unit a flow: 7 flows on 1 B/s.
TEST(MaxMin, LevelsAreRoundedDownByLessThanAUnit) {
  const std::vector<double> capacity = {1.0};
  sim::MaxMin shares(capacity);
  const std::vector<std::int32_t> on = {0};
  const sim::FlowClassId id = shares.add_class(on);
  for (int i = 0; i < 7; ++i) {
    shares.add_flow(id);
  }
  const auto changes = shares.solve();
  EXPECT_EQ(changes.moved.size(), 1U);
  EXPECT_LE(7.0 * shares.rate(id), 1.0);
  EXPECT_GE(7.0 * shares.rate(id), 1.0 - 7.0 * 0x1p-60);
  EXPECT_TRUE(shares.solve().moved.empty());
}

TEST(MaxMin, RefusesWhatIsNotThere) {
  const std::vector<double> capacity = {1.0};
  sim::MaxMin shares(capacity);
  const std::vector<std::int32_t> on = {0};
  const sim::FlowClassId id = shares.add_class(on);
  EXPECT_THROW(shares.remove_flow(id), std::logic_error);
  EXPECT_THROW(shares.add_class({}), std::logic_error);
  EXPECT_THROW(sim::MaxMin(std::vector<double>{0.0}), std::logic_error);
}

models::Fabric fabric(models::Fabric::Kind kind, double gigabytes) {
  models::Fabric made;
  made.kind = kind;
  made.bandwidth = gigabytes_per_second(gigabytes);
  return made;
}

// 4 nodes of 4 GPUs: 16 + 16 NVLink ports and 16 + 16 cards can limit; the PCIe links beside the
// cards are the same constraint, and a spine that carries all cards of a leaf never limits. One
// that is oversubscribed does; with two leaves the way up from one is the way down to the other.
TEST(Routes, LeaveOutWhatCannotLimit) {
  models::Node node;
  node.gpus = 4;
  node.nics = 4;
  node.network = gigabytes_per_second(200);
  const auto constraints = [&](double oversubscription) {
    const Topology t =
        sim::build_cluster(node, fabric(models::Fabric::Kind::nvlink, 450),
                           fabric(models::Fabric::Kind::infiniband, 50),
                           {.nodes = 4, .nodes_per_leaf = 2, .oversubscription = oversubscription});
    return sim::Routes(t).capacities().size();
  };
  EXPECT_EQ(constraints(1.0), 64U);
  EXPECT_EQ(constraints(0.5), 64U);
  EXPECT_EQ(constraints(2.0), 66U);
}

// Two links in a row that carry the same flows at the same rate excuse each other; one must stay.
TEST(Routes, KeepOneOfEqualLinks) {
  const Topology t = row({1e9, 1e9}, 1);
  const sim::Routes routes(t);
  EXPECT_EQ(routes.constraints(DeviceId(0), DeviceId(2)).size(), 2U);
  const Topology ends = [] {
    Wiring w;
    const VertexId a = w.add(Vertex::Kind::gpu, "a");
    const VertexId s = w.add(Vertex::Kind::leaf, "s");
    const VertexId b = w.add(Vertex::Kind::gpu, "b");
    w.connect(a, s, BytesPerSecond(2.0), Seconds(0.0));
    w.connect(s, b, BytesPerSecond(1.0), Seconds(0.0));
    return Topology(std::move(w));
  }();
  const sim::Routes one(ends);
  const auto kept = one.constraints(DeviceId(0), DeviceId(1));
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_DOUBLE_EQ(one.capacities()[static_cast<std::size_t>(kept[0])], 1.0);
  EXPECT_EQ(one.link_of(kept[0]).index(), 2);  // s to b: the slower one
}

}  // namespace
}  // namespace moeplan::tests
