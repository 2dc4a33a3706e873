// Is a drawn topology read as drawn, and does every mistake name the nodes meant (tests.md C3 41)?
#include "sim/topology/read_topology.hpp"

#include <gtest/gtest.h>

#include <string>

#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::sim {
namespace {

constexpr const char* kHead = "schema: moeplan.topology\nschema_version: 1\n";
constexpr const char* kNodes = "ranks: 4\ngpus_per_node: 2\nnodes: [a, b]\n";
constexpr const char* kSwitches =
    "switches: [{name: a/switch, kind: nvswitch}, {name: core, kind: spine}]\n";
constexpr const char* kLinks =
    "links:\n"
    "  - {from: a/gpu0, to: a/switch, bandwidth: 450 GB/s, latency: 0.2 us}\n"
    "  - {from: a/gpu1, to: a/switch, bandwidth: 450 GB/s, latency: 0.2 us}\n"
    "  - {from: a/switch, to: core, bandwidth: 400 Gbit/s, latency: 1 us}\n"
    "  - {from: b/gpu0, to: core, bandwidth: 50 GB/s, latency: 1 us}\n";
constexpr const char* kLast = "  - {from: b/gpu1, to: core, bandwidth: 50 GB/s, latency: 1 us}\n";

Topology read(const std::string& text) {
  return read_topology(text::parse_yaml(text, "net.yaml")).topology;
}

std::string with(const std::string& nodes, const std::string& switches, const std::string& links) {
  return kHead + nodes + switches + links;
}

TEST(ReadTopology, ReadsWhatWasDrawn) {
  const Topology t = read(with(kNodes, kSwitches, std::string(kLinks) + kLast));
  EXPECT_EQ(t.devices(), 4);
  EXPECT_EQ(t.links().size(), 10U);
  EXPECT_EQ(t.name_of(t.vertex_of(DeviceId(2))), "b/gpu0");
  const auto route = t.route(DeviceId(1), DeviceId(2));
  ASSERT_EQ(route.size(), 3U);
  EXPECT_DOUBLE_EQ(t.link(route[1]).bandwidth.value(), 50e9);
  EXPECT_DOUBLE_EQ(in_microseconds(t.link(route[0]).latency), 0.2);
}

TEST(ReadTopology, OneWayIsOneLink) {
  const std::string back =
      "  - {from: b/gpu1, to: core, bandwidth: 50 GB/s, latency: 1 us, one_way: true}\n"
      "  - {from: core, to: b/gpu1, bandwidth: 25 GB/s, latency: 1 us, one_way: true}\n";
  const Topology t = read(with(kNodes, kSwitches, kLinks + back));
  EXPECT_DOUBLE_EQ(t.link(t.route(DeviceId(2), DeviceId(3)).back()).bandwidth.value(), 25e9);
  EXPECT_DOUBLE_EQ(t.link(t.route(DeviceId(3), DeviceId(2)).front()).bandwidth.value(), 50e9);
}

void expect_refused(const std::string& text, const std::string& code, const std::string& first,
                    const std::string& second = "") {
  tests::expect_input_error([&] { read(text); }, code, "net.yaml:", first, second);
}

TEST(ReadTopology, NamesWhatIsDisconnected) {
  // b/gpu1 without a link at all, and with a link in one direction only.
  expect_refused(with(kNodes, kSwitches, kLinks), "E_VALUE", "'b/gpu1' is disconnected");
  const std::string one_way =
      "  - {from: b/gpu1, to: core, bandwidth: 50 GB/s, latency: 1 us, one_way: true}\n";
  expect_refused(with(kNodes, kSwitches, kLinks + one_way), "E_VALUE",
                 "no path from 'a/gpu0' to b/gpu1");
}

TEST(ReadTopology, NamesALinkToItself) {
  const std::string self = "  - {from: core, to: core, bandwidth: 50 GB/s, latency: 1 us}\n";
  expect_refused(with(kNodes, kSwitches, std::string(kLinks) + kLast + self), "E_VALUE",
                 "from 'core' to itself", "/links/5");
}

TEST(ReadTopology, NamesALinkWithoutBandwidth) {
  const std::string none = "  - {from: b/gpu1, to: core, bandwidth: 0 GB/s, latency: 1 us}\n";
  expect_refused(with(kNodes, kSwitches, kLinks + none), "E_RANGE", "from 'b/gpu1' to 'core'",
                 "> 0");
  const std::string negative = "  - {from: b/gpu1, to: core, bandwidth: -1 GB/s, latency: 1 us}\n";
  expect_refused(with(kNodes, kSwitches, kLinks + negative), "E_RANGE", "-1 GB/s");
}

TEST(ReadTopology, NamesNodesThatRanksDoNotFill) {
  expect_refused(
      with("ranks: 5\ngpus_per_node: 2\nnodes: [a, b]\n", kSwitches, std::string(kLinks) + kLast),
      "E_VALUE", "5 ranks do not fill the nodes a, b", "4 (2 nodes x 2 GPUs)");
}

TEST(ReadTopology, NamesWhatIsNotUnique) {
  expect_refused(with("ranks: 4\ngpus_per_node: 2\nnodes: [a, a]\n", kSwitches, ""), "E_DUPLICATE",
                 "node name 'a' is not unique", "nodes 0 and 1");
  expect_refused(with(kNodes, "switches: [{name: a/gpu0, kind: leaf}]\n", ""), "E_DUPLICATE",
                 "'a/gpu0' is not unique");
  expect_refused(with(kNodes, kSwitches, std::string(kLinks) + kLast + kLast), "E_DUPLICATE",
                 "a second link from 'b/gpu1' to 'core'");
}

TEST(ReadTopology, SuggestsTheNameMeant) {
  const std::string typo = "  - {from: b/gpu1, to: coer, bandwidth: 50 GB/s, latency: 1 us}\n";
  expect_refused(with(kNodes, kSwitches, kLinks + typo), "E_VALUE", "'coer'",
                 "did you mean 'core'");
}

TEST(ReadTopology, RefusesOtherMistakesOfTheFile) {
  expect_refused(with(kNodes, "switches: [{name: x, kind: gpu}]\n", ""), "E_VALUE",
                 "gpus_per_node");
  expect_refused(with(kNodes, kSwitches, "wires: []\n"), "E_UNKNOWN_KEY", "wires");
  expect_refused(with("ranks: 4\ngpus_per_node: 2\nnodes: a\n", "", ""), "E_TYPE", "list of node");
  expect_refused(with(kNodes, kSwitches, "links: [{from: core, to: a/gpu0, bandwidth: 50}]\n"),
                 "E_MISSING", "latency");
}

}  // namespace
}  // namespace moeplan::sim
