// Do exchanges take longer where the network between the nodes is narrower than their ports, and
// only there?
#include "sim/serving/exchange_network.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "models/text/load.hpp"
#include "sim/serving/model_step_cost.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::sim {
namespace {

Scenario scenario_with(const std::string& network, int gpus,
                       const std::string& node = "meta-grand-teton-h100") {
  return tests::ScenarioFile()
      .set("pruning", "")
      .set("hardware", "{gpu: h100-sxm, node: " + node + ", gpus: " + std::to_string(gpus) +
                           (network.empty() ? "" : ", " + network) + "}")
      .load();
}

Deployment deployed(const Scenario& scenario, Exchange exchange) {
  const int gpus = static_cast<int>(scenario.gpus.front());
  const auto result = deploy(scenario, {.experts_kept = scenario.pretrained_experts(),
                                        .gpus = gpus,
                                        .tensor_parallel = 1,
                                        .data_parallel = gpus,
                                        .expert_parallel = true,
                                        .exchange = exchange});
  if (const auto* why = std::get_if<Infeasible>(&result)) {
    throw std::logic_error(why->reason);
  }
  return std::get<Deployment>(result);
}

models::ExchangeTraffic even(int ranks, int per_node) {
  return {models::NodeLayout{.ranks = ranks, .per_node = per_node},
          std::vector<double>(static_cast<std::size_t>(ranks * ranks), 1.0)};
}

NetworkStretch network_stretch(const Deployment& d, const models::ExchangeTraffic& traffic) {
  return ExchangeNetwork(d.hardware(), d.scenario->network, d.candidate.gpus).stretch(traffic);
}

constexpr const char* kLeaves = "network: flows, nodes_per_leaf: 2, oversubscription: 4";

TEST(ExchangeNetwork, PortsSetTheTimeOnOneNode) {
  const Scenario scenario = scenario_with("network: flows", 8);
  const Deployment d = deployed(scenario, Exchange::alltoall_per_expert);
  const NetworkStretch stretch = network_stretch(d, even(8, 8));
  EXPECT_NEAR(stretch.dispatch, 1.0, 1e-12);
  EXPECT_NEAR(stretch.combine, 1.0, 1e-12);
  // A hot receiver is a full port, too: its flows run at 1/7 of it from the start to the end.
  std::vector<double> rows(64, 1.0);
  for (std::size_t s = 0; s < 8; ++s) {
    rows[8 * s + 3] = 5.0;
  }
  EXPECT_NEAR(network_stretch(d, models::ExchangeTraffic(8, rows)).dispatch, 1.0, 1e-12);
}

TEST(ExchangeNetwork, PortsSetTheTimeWhereNothingBlocks) {
  for (const char* network : {"network: flows", "network: flows, nodes_per_leaf: 2"}) {
    const Scenario scenario = scenario_with(network, 32);
    const Deployment d = deployed(scenario, Exchange::alltoall_per_expert);
    EXPECT_NEAR(network_stretch(d, even(32, 8)).dispatch, 1.0, 1e-12) << network;
  }
}

// 4 nodes of 8, two a leaf, oversubscribed 4 times. A card carries rows to 24 GPUs of other nodes;
// to the 16 behind the spine at a quarter of its rate: 64 / 24.
TEST(ExchangeNetwork, AnOversubscribedSpineSetsTheTime) {
  const Scenario scenario = scenario_with(kLeaves, 32);
  const Deployment d = deployed(scenario, Exchange::alltoall_per_expert);
  const NetworkStretch stretch = network_stretch(d, even(32, 8));
  EXPECT_NEAR(stretch.dispatch, 64.0 / 24.0, 1e-9);
  EXPECT_NEAR(stretch.combine, 64.0 / 24.0, 1e-9);
}

// Forwarded rows cross once a node: each rank sends 1 row to each of 3 other nodes, two of them
// behind the spine, 2 x 4 card rows. Without the spine NVLink would set the time: a rank spreads 3
// x 7 rows of others (1 in 8 stays with it) and 7 of its own, at nine times the rate of a card.
TEST(ExchangeNetwork, ForwardedRowsCrossOnceANode) {
  const Scenario scenario = scenario_with(kLeaves, 32);
  const Deployment d = deployed(scenario, Exchange::alltoall_per_rank);
  const models::ExchangeTraffic traffic(models::NodeLayout{.ranks = 32, .per_node = 8},
                                        std::vector<double>(32 * 32, 1.0),
                                        std::vector<double>(32 * 4, 1.0));
  EXPECT_NEAR(network_stretch(d, traffic).dispatch, 8.0 / (28.0 / 9.0), 1e-9);
}

RankBatch decoding(std::int64_t sequences) {
  return {.decode_sequences = sequences,
          .decode_kv_tokens = sequences * 1000,
          .prefill_tokens = 0,
          .sampled = sequences,
          .prefill = {}};
}

PhaseTimes step(const Scenario& scenario, Exchange exchange) {
  const Deployment d = deployed(scenario, exchange);
  ModelStepCost cost(d);
  const std::vector<RankBatch> ranks(static_cast<std::size_t>(d.candidate.data_parallel),
                                     decoding(200));
  return cost.cost(ranks);
}

// Where ports set the time flows and laws are the same to the picosecond; behind an oversubscribed
// spine dispatch and combine take longer, and nothing else changes.
TEST(ExchangeNetwork, StretchesDispatchAndCombineOnly) {
  for (const Exchange exchange : {Exchange::alltoall_per_expert, Exchange::alltoall_per_rank}) {
    for (const int gpus : {8, 32}) {
      const PhaseTimes law = step(scenario_with("", gpus), exchange);
      const PhaseTimes wide = step(scenario_with("network: flows", gpus), exchange);
      const PhaseTimes narrow = step(scenario_with(kLeaves, gpus), exchange);
      for (std::size_t i = 0; i < kPhaseCount; ++i) {
        const auto phase = static_cast<Phase>(i);
        EXPECT_NEAR(in_seconds(wide[phase]), in_seconds(law[phase]), 2e-12) << name_of(phase);
        if (gpus == 32 && (phase == Phase::dispatch || phase == Phase::combine)) {
          EXPECT_GT(narrow[phase], law[phase]) << name_of(phase);
        } else {
          EXPECT_NEAR(in_seconds(narrow[phase]), in_seconds(law[phase]), 2e-12) << name_of(phase);
        }
      }
    }
  }
}

TEST(ExchangeNetwork, AWaitForOtherLinksIsMarked) {
  const Scenario scenario = scenario_with(kLeaves, 32);
  const Deployment d = deployed(scenario, Exchange::alltoall_per_expert);
  ModelStepCost cost(d);
  cost.cost(std::vector<RankBatch>(32, decoding(8)));
  const std::vector<std::string> names = cost.extrapolated();
  EXPECT_TRUE(std::any_of(names.begin(), names.end(),
                          [](const std::string& name) { return name.starts_with("all2all"); }));
  EXPECT_NE(scenario.network.text().find("leaves of 2 nodes, oversubscribed 4 times"),
            std::string::npos);
}

// Four nodes of H100 behind two leaves and a spine, with the cards' rates; `uplink`: of a leaf.
std::string drawn(double uplink, int gpus = 8) {
  std::string text =
      "schema: moeplan.topology\nschema_version: 1\nranks: " + std::to_string(4 * gpus) +
      "\ngpus_per_node: " + std::to_string(gpus) +
      "\nnodes: [a, b, c, d]\nswitches:\n  - {name: spine, kind: spine}\n";
  std::string links = "links:\n";
  const auto link = [&](const std::string& from, const std::string& to, double rate) {
    links += "  - {from: " + from + ", to: " + to + ", bandwidth: " + std::to_string(rate) +
             " GB/s, latency: 1 us}\n";
  };
  for (const char* leaf : {"leaf0", "leaf1"}) {
    text += std::string("  - {name: ") + leaf + ", kind: leaf}\n";
    link(leaf, "spine", uplink);
  }
  for (const std::string node : {"a", "b", "c", "d"}) {
    text += "  - {name: " + node + "/switch, kind: nvswitch}\n";
    for (int gpu = 0; gpu < gpus; ++gpu) {
      const std::string name = node + "/gpu" + std::to_string(gpu);
      const std::string card = node + "/nic" + std::to_string(gpu);
      text += "  - {name: " + card + ", kind: nic}\n";
      link(name, node + "/switch", 450.0);
      link(name, card, 50.0);
      link(card, node < "c" ? "leaf0" : "leaf1", 50.0);
    }
  }
  return text + links;
}

// A drawing of the oversubscribed cluster stretches as its keys do, and one of a wide one not.
TEST(ExchangeNetwork, ADrawnTopologySetsTheTime) {
  const tests::TemporaryDirectory directory;
  const std::string file = (directory / "cluster.yaml").string();
  for (const double uplink : {800.0, 200.0}) {
    text::write_file(file, drawn(uplink));
    const Scenario scenario = scenario_with("network: flows, topology: " + file, 32);
    const Deployment d = deployed(scenario, Exchange::alltoall_per_expert);
    const NetworkStretch stretch = network_stretch(d, even(32, 8));
    EXPECT_NEAR(stretch.dispatch, uplink > 500.0 ? 1.0 : 64.0 / 24.0, 1e-9);
    EXPECT_NE(scenario.network.text().find("as drawn in " + file), std::string::npos);
  }
  // Engines of one node of it.
  EXPECT_NO_THROW(scenario_with("network: flows, topology: " + file, 8));
}

TEST(NetworkOptions, ADrawingIsOfTheHardwareMeant) {
  const tests::TemporaryDirectory directory;
  const std::string file = (directory / "cluster.yaml").string();
  text::write_file(file, drawn(800.0));
  const auto refused = [&](const std::string& keys, int gpus, const std::string& key,
                           const std::string& what) {
    tests::expect_input_error([&] { scenario_with(keys + ", topology: " + file, gpus); }, "E_VALUE",
                              key, what);
  };
  refused("network: law", 32, "hardware/topology", "network: flows");
  refused("network: flows", 64, "hardware/gpus", "64 GPUs on a topology of 32");
  refused("network: flows, nodes_per_leaf: 2", 32, "hardware/nodes_per_leaf", "draws the leaves");
  text::write_file(file, drawn(800.0, 4));
  tests::expect_input_error(
      [&] {
        tests::ScenarioFile()
            .set("pruning", "")
            .set("hardware", "{gpu: h100-sxm, gpus: 1, network: flows, topology: " + file + "}")
            .load();
      },
      "E_VALUE", "hardware/topology", "nodes of 4 GPUs");
  tests::expect_input_error(
      [&] { scenario_with("network: flows, topology: " + file + ".none", 32); }, "E_IO",
      "hardware/topology");
}

TEST(NetworkOptions, KeysOfFlowsNeedFlows) {
  tests::expect_input_error([] { scenario_with("nodes_per_leaf: 2", 32); }, "E_VALUE",
                            "hardware/nodes_per_leaf", "network: flows");
  tests::expect_input_error([] { scenario_with("oversubscription: 2", 32); }, "E_VALUE",
                            "hardware/oversubscription", "network: flows");
  tests::expect_input_error([] { scenario_with("network: flows, oversubscription: 2", 32); },
                            "E_VALUE", "hardware/oversubscription", "nodes_per_leaf");
  tests::expect_input_error(
      [] { scenario_with("network: flows, nodes_per_leaf: 2, oversubscription: 0.5", 32); },
      "E_RANGE", "hardware/oversubscription");
}

}  // namespace
}  // namespace moeplan::sim
