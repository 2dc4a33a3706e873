#pragma once
// Small networks, and fair shares and flow times computed the slow and obvious way: over all links,
// from scratch after every event, in doubles. Shares no code with sim/network.

#include <span>
#include <vector>

#include "sim/network/flow_network.hpp"
#include "sim/topology/topology.hpp"

namespace moeplan::tests {

using sim::Flow;
using sim::SimTime;
using sim::Topology;
using sim::Vertex;
using sim::VertexId;
using sim::Wiring;

// GPUs around one switch; rates [GPU] in B/s, both directions; latency of each port.
Topology star(const std::vector<double>& rates, double latency_s = 0.0);
// Switches in a row, joined by links of these rates (both directions); `gpus` GPUs on each, whose
// own links never limit. Device s x gpus + i is GPU i of switch s.
Topology row(const std::vector<double>& rates, int gpus);
// A random tree of switches with a GPU or more on each, rates 1 to 10 GB/s, latencies 0 to 5 us.
Topology random_tree(std::uint64_t seed);

Flow flow(int from, int to, double bytes, double start_s = 0.0);

// B/s of flows that are all there at once, by progressive filling.
std::vector<double> reference_rates(const Topology& topology, std::span<const Flow> flows);
// Seconds at which each flow is delivered.
std::vector<double> reference_times(const Topology& topology, std::span<const Flow> flows);

// Delivery instants in seconds, by sim/network.
std::vector<double> simulated_times(const Topology& topology, std::span<const Flow> flows);

}  // namespace moeplan::tests
