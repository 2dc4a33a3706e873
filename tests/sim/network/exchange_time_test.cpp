// Is the time of an exchange the closed form where there is one (tests.md C2 14 to 19)?
#include "sim/network/exchange_time.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

#include "models/latency/fabric_law.hpp"
#include "models/text/load.hpp"
#include "sim/topology/cluster.hpp"
#include "sim/topology/read_topology.hpp"
#include "tests/sim/network/networks.hpp"

namespace moeplan::tests {
namespace {

constexpr double kExact = 1e-12;  // relative

std::vector<DeviceId> devices(int count) {
  std::vector<DeviceId> all;
  for (int i = 0; i < count; ++i) {
    all.emplace_back(i);
  }
  return all;
}

std::vector<double> uniform(int ranks, double rows) {
  return std::vector<double>(static_cast<std::size_t>(ranks * ranks), rows);
}

double seconds_of(const Topology& topology, const std::vector<double>& rows, double row) {
  const sim::Routes routes(topology);
  sim::ExchangeTime exchange(routes, devices(topology.devices()));
  return in_seconds(exchange.time(rows, Bytes(row)));
}

void expect_equal(double got, double want) { EXPECT_NEAR(got, want, kExact * want); }

// 8 ranks, 100 rows of 1 kB to each of 7 others at 1 GB/s: 0.7 ms, and 2 ports of 1 us.
TEST(ExchangeTime, UniformOnASwitchIsVolumeOverBandwidth) {
  expect_equal(seconds_of(star(std::vector<double>(8, 1e9), 1e-6), uniform(8, 100), 1e3),
               7 * 100 * 1e3 / 1e9 + 2e-6);
}

// One rank receives 3 times as much from each: its way in is full from the start to the end,
// because all flows run at 1/7 until the even ones are done. 7 x 300 rows.
TEST(ExchangeTime, AHotReceiverSetsTheTime) {
  std::vector<double> rows = uniform(8, 100);
  for (std::size_t s = 0; s < 8; ++s) {
    rows[s * 8] = 300;
  }
  expect_equal(seconds_of(star(std::vector<double>(8, 1e9)), rows, 1e3), 7 * 300 * 1e3 / 1e9);
}

TEST(ExchangeTime, AHotSenderSetsTheTime) {
  std::vector<double> rows = uniform(8, 100);
  std::fill(rows.begin(), rows.begin() + 8, 300.0);
  expect_equal(seconds_of(star(std::vector<double>(8, 1e9)), rows, 1e3), 7 * 300 * 1e3 / 1e9);
}

// Unequal ports: uniform traffic takes as long as the slowest port, 7 x 100 kB at 0.5 GB/s.
TEST(ExchangeTime, TheSlowestPortSetsTheTime) {
  std::vector<double> rates(8, 1e9);
  rates[3] = 0.5e9;
  expect_equal(seconds_of(star(rates), uniform(8, 100), 1e3), 7 * 100 * 1e3 / 0.5e9);
}

struct Two {
  models::Fabric inside;
  models::Fabric between;
  models::Node node;
};

// 4 GPUs a node, 400 GB/s inside, a card of 50 GB/s each.
Two two_tiers() {
  Two t;
  t.inside.bandwidth = gigabytes_per_second(400);
  t.inside.latency = microseconds(0.5);
  t.between.kind = models::Fabric::Kind::infiniband;
  t.between.bandwidth = gigabytes_per_second(50);
  t.between.latency = microseconds(3);
  t.node.gpus = 4;
  t.node.nics = 4;
  t.node.network = gigabytes_per_second(200);
  return t;
}

Topology cluster(const Two& t, const sim::ClusterShape& shape) {
  return sim::build_cluster(t.node, t.inside, t.between, shape);
}

// 4 nodes on one leaf: the cards carry 12 x 100 kB each; NVLink is done long before.
TEST(ExchangeTime, BetweenNodesTheCardsSetTheTime) {
  expect_equal(seconds_of(cluster(two_tiers(), {.nodes = 4}), uniform(16, 100), 1e3),
               12 * 100 * 1e3 / 50e9 + 3e-6);
}

// Two nodes a leaf, spine oversubscribed 3 times: 8 GPUs send 8 x 100 kB each to the other leaf
// over 8 x 50 / 3 GB/s. A card's flows inside the leaf (4 x 100 kB) take what the spine leaves of
// it.
TEST(ExchangeTime, AnOversubscribedSpineSetsTheTime) {
  const Topology t =
      cluster(two_tiers(), {.nodes = 4, .nodes_per_leaf = 2, .oversubscription = 3.0});
  expect_equal(seconds_of(t, uniform(16, 100), 1e3), 8 * 100 * 1e3 / (50e9 / 3.0) + 3e-6);
}

// A non-blocking spine changes nothing against one leaf.
TEST(ExchangeTime, ANonBlockingSpineIsNotSeen) {
  const double one = seconds_of(cluster(two_tiers(), {.nodes = 4}), uniform(16, 100), 1e3);
  const double spine =
      seconds_of(cluster(two_tiers(), {.nodes = 4, .nodes_per_leaf = 2}), uniform(16, 100), 1e3);
  expect_equal(spine, one);
}

// The law of the fabric and the flows tell the same time on one node but for what they charge
// before the first byte (C2 19): the law the start of the library, the flows one latency.
TEST(ExchangeTime, EqualsTheFabricLawOnOneNode) {
  const double bytes = 8e6;  // that a rank sends, itself included
  Two t = two_tiers();
  t.node.gpus = 8;
  t.node.nics = 8;
  t.node.network = gigabytes_per_second(400);
  const models::FabricLaw law(t.inside, 8, nullptr);
  t.inside.bandwidth = t.inside.bandwidth * models::kBusEfficiency;
  const double flows = seconds_of(cluster(t, {}), uniform(8, 1.0), bytes / 8);
  const double latency = in_seconds(t.inside.latency);
  expect_equal(flows - latency, law.wire_seconds(models::Collective::all_to_all, 8, bytes));
}

TEST(ExchangeTime, NothingTakesNoTime) {
  const Topology eight = star(std::vector<double>(8, 1e9), 1e-6);
  EXPECT_EQ(seconds_of(eight, uniform(8, 0.0), 1e3), 0.0);
  EXPECT_EQ(seconds_of(eight, uniform(8, 5.0), 0.0), 0.0);
  std::vector<double> own = uniform(8, 0.0);
  own[0] = 1e6;  // the diagonal stays on the device
  EXPECT_EQ(seconds_of(eight, own, 1e3), 0.0);
  EXPECT_EQ(seconds_of(star({1e9}), {5.0}, 1e3), 0.0);
  const double infinite = std::numeric_limits<double>::infinity();
  EXPECT_EQ(seconds_of(star({infinite, infinite}), uniform(2, 5.0), 1e3), 0.0);
}

// Rows that only few pairs have still pay the latency of their way.
TEST(ExchangeTime, AShortMessageOverALongWayIsNotForgotten) {
  const Topology t = cluster(two_tiers(), {.nodes = 2});
  std::vector<double> rows(64, 0.0);
  rows[1] = 1e15;  // inside: 1e15 bytes at 400 GB/s would hide it, so compare its own time below
  const double inside = seconds_of(t, rows, 1e-15);
  rows[5] = 1.0;  // between the nodes, 1e-15 of the largest
  EXPECT_NEAR(seconds_of(t, rows, 1e-15), 3e-6, 1e-9 * 3e-6);
  EXPECT_LT(inside, 1e-6);
}

// Shapes are simulated once whatever their scale; the rest is linear: t = latency + s x transfer.
TEST(ExchangeTime, AShapeIsSimulatedOnce) {
  const Topology t =
      cluster(two_tiers(), {.nodes = 4, .nodes_per_leaf = 2, .oversubscription = 3.0});
  const sim::Routes routes(t);
  sim::ExchangeTime exchange(routes, devices(16));
  std::vector<double> rows;
  for (int i = 0; i < 256; ++i) {
    rows.push_back(1.0 + (i * 37) % 11);
  }
  const double once = in_seconds(exchange.time(rows, Bytes(1e4)));
  for (const double scale : {3.0, 0.7, 1e3}) {
    std::vector<double> more = rows;
    for (double& each : more) {
      each *= scale;
    }
    expect_equal(in_seconds(exchange.time(more, Bytes(1e4))) - 3e-6, scale * (once - 3e-6));
  }
  EXPECT_EQ(exchange.shapes(), 1U);
  rows[1] *= 2.0;
  exchange.time(rows, Bytes(1e4));
  EXPECT_EQ(exchange.shapes(), 2U);
}

// The exchange from the cache is the exchange as flows.
TEST(ExchangeTime, EqualsItsFlows) {
  const Topology t = cluster(two_tiers(), {.nodes = 2, .oversubscription = 2.0});
  std::vector<double> rows;
  std::vector<Flow> flows;
  for (int i = 0; i < 64; ++i) {
    rows.push_back((i * 29) % 13);
    if (i / 8 != i % 8) {
      flows.push_back(flow(i / 8, i % 8, rows.back() * 1e5));
    }
  }
  double last = 0.0;
  for (const double time : simulated_times(t, flows)) {
    last = std::max(last, time);
  }
  EXPECT_NEAR(seconds_of(t, rows, 1e5), last, 100e-12);
}

// Ranks of a switch renamed (C2 17).
TEST(ExchangeTime, RelabellingChangesNothing) {
  const Topology eight = star(std::vector<double>(8, 1e9), 1e-6);
  const int names[] = {3, 7, 1, 0, 5, 2, 6, 4};
  std::vector<double> rows(64);
  std::vector<double> renamed(64);
  for (int s = 0; s < 8; ++s) {
    for (int d = 0; d < 8; ++d) {
      rows[static_cast<std::size_t>(8 * s + d)] = 1.0 + (s * 5 + d * d) % 7;
      renamed[static_cast<std::size_t>(8 * names[s] + names[d])] = 1.0 + (s * 5 + d * d) % 7;
    }
  }
  expect_equal(seconds_of(eight, renamed, 1e4), seconds_of(eight, rows, 1e4));
}

// The same cluster in other units gives the same bits (C2 16).
TEST(ExchangeTime, UnitsDoNotMatter) {
  const auto drawn = [](const char* bandwidth, const char* latency) {
    std::string text =
        "schema: moeplan.topology\nschema_version: 1\nranks: 2\ngpus_per_node: 1\nnodes: [a, b]\n"
        "switches: [{name: s, kind: leaf}]\nlinks:\n";
    for (const char* node : {"a", "b"}) {
      text += std::string("  - {from: ") + node + "/gpu0, to: s, bandwidth: " + bandwidth +
              ", latency: " + latency + "}\n";
    }
    return sim::read_topology(text::parse_yaml(text, "net.yaml")).topology;
  };
  const double one = seconds_of(drawn("50 GB/s", "2 us"), uniform(2, 1.0), 1e6);
  EXPECT_EQ(one, seconds_of(drawn("400 Gbit/s", "0.002 ms"), uniform(2, 1.0), 1e6));
  expect_equal(one, 1e6 / 50e9 + 4e-6);
}

}  // namespace
}  // namespace moeplan::tests
