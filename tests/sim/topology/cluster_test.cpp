// Does a cluster of catalog hardware have the links it should, and do routes take the right ones?
#include "sim/topology/cluster.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "models/catalog/catalog.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::sim {
namespace {

struct Hardware {
  models::Node node;
  models::Fabric inside;
  models::Fabric between;
};

Hardware hardware(const std::string& node_id) {
  Hardware h{models::load_node(node_id), {}, {}};
  h.inside = models::load_fabric(h.node.fabric);
  h.between = models::load_fabric(h.node.uplink);
  return h;
}

Topology cluster(const Hardware& h, const ClusterShape& shape) {
  return build_cluster(h.node, h.inside, h.between, shape);
}

// "gpu0 > nvswitch > gpu1", node names where they change nothing left out.
std::vector<std::string> hops(const Topology& topology, int from, int to) {
  std::vector<std::string> names{topology.name_of(topology.vertex_of(DeviceId(from)))};
  for (const LinkId link : topology.route(DeviceId(from), DeviceId(to))) {
    EXPECT_EQ(topology.name_of(topology.link(link).source), names.back());
    names.push_back(topology.name_of(topology.link(link).target));
  }
  return names;
}

double microseconds_between(const Topology& topology, int from, int to) {
  Seconds sum;
  for (const LinkId link : topology.route(DeviceId(from), DeviceId(to))) {
    sum += topology.link(link).latency;
  }
  return in_microseconds(sum);
}

double slowest_gigabytes(const Topology& topology, int from, int to) {
  double slowest = 1e30;
  for (const LinkId link : topology.route(DeviceId(from), DeviceId(to))) {
    slowest = std::min(slowest, topology.link(link).bandwidth.value() / 1e9);
  }
  return slowest;
}

using Names = std::vector<std::string>;

TEST(Cluster, AnNvlinkNodeAloneIsAStar) {
  const Topology t = cluster(hardware("meta-grand-teton-h100"), {});
  EXPECT_EQ(t.devices(), 8);
  EXPECT_EQ(t.vertices().size(), 9U);
  EXPECT_EQ(t.links().size(), 16U);
  EXPECT_EQ(hops(t, 2, 5), (Names{"node0/gpu2", "node0/nvswitch", "node0/gpu5"}));
  EXPECT_DOUBLE_EQ(slowest_gigabytes(t, 2, 5), 450.0);
  EXPECT_DOUBLE_EQ(microseconds_between(t, 2, 5), 0.47);
  EXPECT_TRUE(t.route(DeviceId(3), DeviceId(3)).empty());
}

TEST(Cluster, RemoteGpusUseTheirOwnCards) {
  const Topology t = cluster(hardware("meta-grand-teton-h100"), {.nodes = 2});
  EXPECT_EQ(t.devices(), 16);
  // One leaf, no spine; device 13 is GPU 5 of node 1.
  EXPECT_EQ(hops(t, 2, 13), (Names{"node0/gpu2", "node0/pcie2", "node0/nic2", "leaf0", "node1/nic5",
                                   "node1/pcie5", "node1/gpu5"}));
  EXPECT_DOUBLE_EQ(slowest_gigabytes(t, 2, 13), 50.0);  // 400 Gbit/s a card
  EXPECT_DOUBLE_EQ(microseconds_between(t, 2, 13),
                   in_microseconds(hardware("meta-grand-teton-h100").between.latency));
  // Inside a node NVLink, although the path over the PCIe switches would be there.
  EXPECT_EQ(hops(t, 8, 9), (Names{"node1/gpu0", "node1/nvswitch", "node1/gpu1"}));
}

TEST(Cluster, CardsAreBundledOrShared) {
  // 32 cards of 100 Gbit/s on 8 GPUs: a bundle of 50 GB/s each.
  const Topology bundled = cluster(hardware("aws-p5.48xlarge"), {.nodes = 2});
  EXPECT_DOUBLE_EQ(slowest_gigabytes(bundled, 0, 8), 50.0);
  // 4 cards for 8 GPUs on PCIe: GPUs 4 and 5 share card 2, 400 Gbit/s / 4.
  const Hardware l40s = hardware("aws-g6e.48xlarge");
  const Topology shared = cluster(l40s, {.nodes = 2});
  EXPECT_EQ(hops(shared, 4, 8)[2], "node0/nic2");
  EXPECT_EQ(hops(shared, 5, 8)[2], "node0/nic2");
  EXPECT_DOUBLE_EQ(slowest_gigabytes(shared, 4, 8), 12.5);
  EXPECT_DOUBLE_EQ(microseconds_between(shared, 4, 8), in_microseconds(l40s.between.latency));
  // Neighbours on one PCIe switch, and the others through the host bridge, at the GPU's rate.
  EXPECT_EQ(hops(shared, 4, 5), (Names{"node0/gpu4", "node0/pcie2", "node0/gpu5"}));
  EXPECT_EQ(hops(shared, 4, 6),
            (Names{"node0/gpu4", "node0/pcie2", "node0/host_bridge", "node0/pcie3", "node0/gpu6"}));
  EXPECT_DOUBLE_EQ(slowest_gigabytes(shared, 4, 6), l40s.inside.bandwidth.value() / 1e9);
}

TEST(Cluster, TheSpineIsOversubscribed) {
  // 4 nodes of 8 x 50 GB/s, 2 a leaf: a leaf takes 800 GB/s, its spine link carries 800 / 4.
  const Topology t = cluster(hardware("meta-grand-teton-h100"),
                             {.nodes = 4, .nodes_per_leaf = 2, .oversubscription = 4.0});
  const std::vector<LinkId> route = t.route(DeviceId(0), DeviceId(16));
  ASSERT_EQ(route.size(), 8U);
  EXPECT_EQ(t.name_of(t.link(route[3]).target), "spine");
  EXPECT_DOUBLE_EQ(t.link(route[3]).bandwidth.value(), 200e9);
  EXPECT_EQ(t.name_of(t.link(route[4]).target), "leaf1");
  EXPECT_EQ(t.route(DeviceId(0), DeviceId(8)).size(), 6U);  // same leaf
}

TEST(Cluster, ALastLeafWithFewerNodesGetsFewerCables) {
  const Topology t = cluster(hardware("meta-grand-teton-h100"), {.nodes = 3, .nodes_per_leaf = 2});
  const std::vector<LinkId> route = t.route(DeviceId(16), DeviceId(0));
  EXPECT_DOUBLE_EQ(t.link(route[3]).bandwidth.value(), 400e9);
  EXPECT_DOUBLE_EQ(t.link(route[4]).bandwidth.value(), 800e9);
}

TEST(Cluster, RailsMeetOnTheirLeaf) {
  const Topology t =
      cluster(hardware("meta-grand-teton-h100"), {.nodes = 2, .leaf_per_rail = true});
  EXPECT_EQ(hops(t, 3, 11), (Names{"node0/gpu3", "node0/pcie3", "node0/nic3", "leaf3", "node1/nic3",
                                   "node1/pcie3", "node1/gpu3"}));
  EXPECT_EQ(hops(t, 3, 12).size(), 9U);  // another rail: over the spine
}

TEST(Cluster, AFabricMustJoinTheGpusOfANode) {
  Hardware h = hardware("meta-grand-teton-h100");
  h.node.gpus = 16;
  tests::expect_input_error([&] { cluster(h, {}); }, "E_VALUE", "nvlink4", "16 GPUs", "at most 8");
}

TEST(Cluster, TheUsualNodeHasOneCardAGpu) {
  const models::Gpu gpu = models::load_gpu("h100-sxm");
  const models::Fabric uplink = models::load_fabric(gpu.uplink);
  const models::Node node = models::usual_node(gpu, uplink);
  EXPECT_EQ(node.nics, gpu.gpus_per_node);
  EXPECT_DOUBLE_EQ(node.network.value(), uplink.bandwidth.value() * gpu.gpus_per_node);
}

// Two switches between the same ends: the faster way, then the one with less latency, then the one
// wired first.
TEST(Routes, TiesAreDecidedByBandwidthLatencyAndOrder) {
  const auto middle = [](double first_rate, double first_latency) {
    Wiring w;
    const VertexId a = w.add(Vertex::Kind::gpu, "a");
    const VertexId b = w.add(Vertex::Kind::gpu, "b");
    const VertexId first = w.add(Vertex::Kind::leaf, "first");
    const VertexId second = w.add(Vertex::Kind::leaf, "second");
    w.connect(a, second, BytesPerSecond(8.0), Seconds(1.0));
    w.connect(second, b, BytesPerSecond(8.0), Seconds(1.0));
    w.connect(a, first, BytesPerSecond(first_rate), Seconds(first_latency));
    w.connect(first, b, BytesPerSecond(first_rate), Seconds(first_latency));
    const Topology t(std::move(w));
    return t.name_of(t.link(t.route(DeviceId(0), DeviceId(1)).front()).target);
  };
  EXPECT_EQ(middle(16.0, 4.0), "first");
  EXPECT_EQ(middle(8.0, 0.5), "first");
  EXPECT_EQ(middle(8.0, 1.0), "second");
  EXPECT_EQ(middle(4.0, 0.0), "second");
}

// a - b - c in a row: a reaches b but not c, because GPUs forward nothing.
TEST(Routes, GpusDoNotForward) {
  Wiring w;
  const VertexId a = w.add(Vertex::Kind::gpu, "a");
  const VertexId b = w.add(Vertex::Kind::gpu, "b");
  const VertexId c = w.add(Vertex::Kind::gpu, "c");
  w.connect(a, b, BytesPerSecond(1.0), Seconds(0.0));
  w.connect(b, c, BytesPerSecond(1.0), Seconds(0.0));
  const Topology t(std::move(w));
  EXPECT_TRUE(t.is_connected(DeviceId(0), DeviceId(1)));
  EXPECT_FALSE(t.is_connected(DeviceId(0), DeviceId(2)));
  EXPECT_THROW(t.route(DeviceId(0), DeviceId(2)), std::logic_error);
}

TEST(Wiring, RefusesWhatIsNoLink) {
  Wiring w;
  const VertexId a = w.add(Vertex::Kind::gpu, "a");
  const VertexId b = w.add(Vertex::Kind::gpu, "b");
  EXPECT_THROW(w.connect(a, a, BytesPerSecond(1.0), Seconds(0.0)), std::logic_error);
  EXPECT_THROW(w.connect(a, b, BytesPerSecond(0.0), Seconds(0.0)), std::logic_error);
  EXPECT_THROW(w.connect(a, b, BytesPerSecond(1.0), Seconds(-1.0)), std::logic_error);
}

}  // namespace
}  // namespace moeplan::sim
