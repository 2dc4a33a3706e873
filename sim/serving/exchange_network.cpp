#include "sim/serving/exchange_network.hpp"

#include <vector>

#include "sim/topology/cluster.hpp"

namespace moeplan::sim {
namespace {

// Rows of each hop [ranks x ranks].
std::vector<double> hops(const models::ExchangeTraffic& traffic) {
  const models::NodeLayout& layout = traffic.layout();
  const auto ranks = static_cast<std::size_t>(layout.ranks);
  std::vector<double> rows(ranks * ranks, 0.0);
  const auto at = [&](int from, int to) -> double& {
    return rows[static_cast<std::size_t>(from) * ranks + static_cast<std::size_t>(to)];
  };
  for (int from = 0; from < layout.ranks; ++from) {
    const int own = layout.node_of(from);
    for (int node = 0; node < layout.nodes(); ++node) {
      const bool forwards = traffic.forwards() && node != own;
      const int first = forwards ? layout.begin(node) + from - layout.begin(own) : from;
      if (forwards) {
        at(from, first) += traffic.node_rows(from, node);
      }
      for (int to = layout.begin(node); to < layout.end(node); ++to) {
        at(first, to) += traffic.rows(from, to);
      }
    }
  }
  return rows;
}

std::vector<double> transposed(const std::vector<double>& rows, std::size_t ranks) {
  std::vector<double> turned(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    turned[i % ranks * ranks + i / ranks] = rows[i];
  }
  return turned;
}

models::Fabric without_latency(models::Fabric fabric) {
  fabric.latency = Seconds(0.0);
  return fabric;
}

Topology cluster_of(const HardwareOption& option, ClusterShape shape, int gpus) {
  shape.nodes = (gpus + option.machine.gpus - 1) / option.machine.gpus;
  return build_cluster(option.machine, without_latency(option.fabric),
                       without_latency(option.uplink), shape);
}

// The same wires; routes are chosen anew, and latency no longer decides between equal ones.
Topology without_latency(const Topology& drawn) {
  Wiring wiring;
  for (const Vertex& vertex : drawn.vertices()) {
    wiring.add(vertex.kind, vertex.name);
  }
  for (const Link& link : drawn.links()) {
    wiring.connect_one_way(link.source, link.target, link.bandwidth, Seconds(0.0));
  }
  return Topology(std::move(wiring));
}

Topology stated_cluster(const HardwareOption& option, const NetworkOptions& network, int gpus) {
  if (network.topology != nullptr) {
    return without_latency(*network.topology);
  }
  return cluster_of(
      option,
      {.nodes_per_leaf = network.nodes_per_leaf, .oversubscription = network.oversubscription},
      gpus);
}

std::vector<DeviceId> first_devices(int count) {
  std::vector<DeviceId> devices;
  for (int i = 0; i < count; ++i) {
    devices.emplace_back(i);
  }
  return devices;
}

}  // namespace

ExchangeNetwork::ExchangeNetwork(const HardwareOption& option, const NetworkOptions& network,
                                 int gpus)
    : cluster_(stated_cluster(option, network, gpus)),
      ports_(cluster_of(option, {}, gpus)),
      flows_(cluster_, first_devices(gpus)),
      alone_(ports_, first_devices(gpus)) {}

double ExchangeNetwork::stretch_of(std::span<const double> rows) {
  const Seconds port = alone_.fullest_link(rows, Bytes(1.0));
  return port > Seconds(0.0) ? flows_.time(rows, Bytes(1.0)) / port : 1.0;
}

NetworkStretch ExchangeNetwork::stretch(const models::ExchangeTraffic& dispatch) {
  const std::vector<double> there = hops(dispatch);
  return {stretch_of(there),
          stretch_of(transposed(there, static_cast<std::size_t>(dispatch.ranks())))};
}

}  // namespace moeplan::sim
