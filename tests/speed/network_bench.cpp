// Suite `network` of ./moeplan bench: flow completions per second of sim/network on one core, for
// an all-to-all of 64 endpoints (4,032 flows that start together): unequal sizes, where every
// completion changes rates, and equal ones, which end together. On one switch, and on 8 nodes of 8
// GPUs with NVLink inside and one card a GPU behind leaves that the spine oversubscribes twice.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <string>
#include <vector>

#include "sim/engine/random_stream.hpp"
#include "sim/network/flow_network.hpp"
#include "sim/topology/cluster.hpp"

namespace {

using namespace moeplan;

constexpr int kEndpoints = 64;
constexpr int kRuns = 15;

sim::Topology cluster(int nodes) {
  models::Fabric inside;
  inside.bandwidth = gigabytes_per_second(450);
  inside.latency = microseconds(0.47);
  models::Fabric between;
  between.kind = models::Fabric::Kind::infiniband;
  between.bandwidth = gigabytes_per_second(50);
  between.latency = microseconds(2.7);
  models::Node node;
  node.gpus = kEndpoints / nodes;
  node.nics = node.gpus;
  node.network = between.bandwidth * node.gpus;
  return sim::build_cluster(node, inside, between,
                            {.nodes = nodes, .nodes_per_leaf = 2, .oversubscription = 2.0});
}

std::vector<sim::Flow> all_to_all(bool is_unequal) {
  sim::RandomStream sizes(1, "network_bench");
  std::vector<sim::Flow> flows;
  for (int from = 0; from < kEndpoints; ++from) {
    for (int to = 0; to < kEndpoints; ++to) {
      if (from != to) {
        const double share = is_unequal ? 0.1 + sizes.uniform() : 1.0;
        flows.push_back({DeviceId(from), DeviceId(to), Bytes(1e6 * share), sim::SimTime{}});
      }
    }
  }
  return flows;
}

// Median of kRuns, per second of processor time: the same beside other work.
double completions_per_second(const sim::Routes& routes, const std::vector<sim::Flow>& flows) {
  std::vector<double> rates;
  for (int run = 0; run < kRuns; ++run) {
    const std::clock_t begin = std::clock();
    const auto ends = sim::simulate_flows(routes, flows);
    const double took = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    rates.push_back(static_cast<double>(ends.size()) / took);
  }
  std::sort(rates.begin(), rates.end());
  return rates[kRuns / 2];
}

void print_figures(bool json) {
  const sim::Topology one = cluster(1);
  const sim::Topology eight = cluster(8);
  const sim::Routes one_switch(one);
  const sim::Routes two_tiers(eight);
  const std::vector<sim::Flow> unequal = all_to_all(true);
  const std::vector<sim::Flow> equal = all_to_all(false);
  const double unequal_rate = completions_per_second(one_switch, unequal);
  const double equal_rate = completions_per_second(one_switch, equal);
  const double tiers_rate = completions_per_second(two_tiers, unequal);
  const std::string how = fmt::format(
      "all-to-all of {} endpoints, {} flows from a common start, per second of processor time, one "
      "core, median of {} runs; "
      "unequal: sizes uniform in 0.1 to 1.1 MB; one switch, and 8 nodes of 8 GPUs on 4 leaves, "
      "oversubscribed twice",
      kEndpoints, unequal.size(), kRuns);
  if (json) {
    fmt::print(
        "{{\"network_flow_completions_per_second\": {:.0f}, "
        "\"network_flow_completions_per_second_equal\": {:.0f}, "
        "\"network_flow_completions_per_second_two_tiers\": {:.0f}, \"network_how\": \"{}\"}}\n",
        unequal_rate, equal_rate, tiers_rate, how);
  } else {
    fmt::print("network_flow_completions_per_second            {:>10.0f}\n", unequal_rate);
    fmt::print("network_flow_completions_per_second_equal      {:>10.0f}\n", equal_rate);
    fmt::print("network_flow_completions_per_second_two_tiers  {:>10.0f}\n", tiers_rate);
    fmt::print("how: {}\n", how);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string format = argc > 2 && std::string(argv[1]) == "--format" ? argv[2] : "table";
  if (argc != 1 && (argc != 3 || (format != "table" && format != "json"))) {
    fmt::print(stderr, "usage: network_bench [--format table|json]\n");
    return 2;
  }
  print_figures(format == "json");
  return 0;
}
