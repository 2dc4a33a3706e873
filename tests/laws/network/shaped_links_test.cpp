// Does the simulated network tell how long exchanges over real shaped links took (tests.md C2 32)?
// Source: design/calibration.md B3, measured between network namespaces with Open MPI 4.1.4: hosts
// behind token buckets of 50 Mbit/s each way on one bridge, eager and pairwise algorithms pinned.
// The table gives measured / model, model = V_max x 8 / rate x 1538 / 1448: an Ethernet frame of
// 1538 bytes with gaps carries 1448 of TCP's. Here the simulator takes the model's place: its
// links carry 50 Mbit/s x 1448 / 1538, and it finds V_max, and what waits for what, by itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "calibrate/all2all/exchange_law.hpp"
#include "sim/network/exchange_time.hpp"

namespace moeplan::tests {
namespace {

constexpr double kRate = 50e6 / 8.0 * 1448.0 / 1538.0;  // B/s of payload, each way
constexpr double kKiB = 1024.0;

// Hosts on bridges: [bridges] how many each. Two bridges are joined by one link of the same rate.
sim::Topology bridges(const std::vector<int>& hosts, double rate) {
  sim::Wiring wiring;
  std::vector<sim::VertexId> gpus;
  for (std::size_t b = 0; b < hosts.size(); ++b) {
    for (int h = 0; h < hosts[b]; ++h) {
      gpus.push_back(
          wiring.add(sim::Vertex::Kind::gpu, "host" + std::to_string(b) + "." + std::to_string(h)));
    }
  }
  std::vector<sim::VertexId> switches;
  for (std::size_t b = 0, next = 0; b < hosts.size(); ++b) {
    switches.push_back(wiring.add(sim::Vertex::Kind::leaf, "br" + std::to_string(b)));
    for (int h = 0; h < hosts[b]; ++h) {
      wiring.connect(gpus[next++], switches.back(), BytesPerSecond(rate), seconds(0));
    }
  }
  if (switches.size() == 2) {
    wiring.connect(switches[0], switches[1], BytesPerSecond(rate), seconds(0));
  }
  return sim::Topology(std::move(wiring));
}

struct Case {
  const char* name;
  std::vector<int> hosts;
  double to_first = 1.0;  // bytes to host 0 over bytes of any other pair
  double busiest = 0.0;   // V_max / bytes of a pair, as the table's model has it
  // Least and most of the launches' medians / model.
  double low_16 = 0.0, high_16 = 0.0, low_64 = 0.0, high_64 = 0.0;
};

// All rows of B3 with pinned protocol and algorithm that exchange among all hosts.
const std::vector<Case>& table() {
  static const std::vector<Case> kTable = {
      {"alltoall np2", {2}, 1.0, 1.0, 1.010, 1.015, 1.001, 1.013},
      {"alltoall np4", {4}, 1.0, 3.0, 1.005, 1.016, 1.006, 1.008},
      {"alltoallv np4 uniform", {4}, 1.0, 3.0, 1.012, 1.013, 1.003, 1.007},
      {"alltoallv np4 hot receiver x2", {4}, 2.0, 6.0, 0.990, 0.994, 0.992, 0.992},
      {"alltoall np4 two-tier", {2, 2}, 1.0, 4.0, 1.002, 1.007, 1.004, 1.005}};
  return kTable;
}

double simulated(const Case& c, double pair, double rate) {
  const sim::Topology topology = bridges(c.hosts, rate);
  const sim::Routes routes(topology);
  const int ranks = topology.devices();
  std::vector<DeviceId> devices;
  std::vector<double> rows;
  for (int s = 0; s < ranks; ++s) {
    devices.emplace_back(s);
    for (int d = 0; d < ranks; ++d) {
      rows.push_back(d == 0 ? c.to_first : 1.0);
    }
  }
  sim::ExchangeTime exchange(routes, devices);
  return in_seconds(exchange.time(rows, bytes(pair)));
}

struct Cell {
  std::string name;
  double off_middle = 0.0;  // of the simulator against the middle of the launches, relative
  double off_launch = 0.0;  // against the launch farthest from it
};

// start: seconds that an exchange takes beyond its bytes.
std::vector<Cell> cells(double rate, double start) {
  std::vector<Cell> out;
  for (const Case& c : table()) {
    for (const double kib : {16.0, 64.0}) {
      const double model = c.busiest * kib * kKiB / kRate;
      const double found = start + simulated(c, kib * kKiB, rate);
      const double low = (kib < 20.0 ? c.low_16 : c.low_64) * model;
      const double high = (kib < 20.0 ? c.high_16 : c.high_64) * model;
      out.push_back({c.name + (" " + std::to_string(static_cast<int>(kib)) + " KiB"),
                     std::abs(found / (0.5 * (low + high)) - 1.0),
                     std::max(std::abs(found / low - 1.0), std::abs(found / high - 1.0))});
    }
  }
  return out;
}

double median_off(const std::vector<Cell>& cells) {
  std::vector<double> off;
  for (const Cell& cell : cells) {
    off.push_back(cell.off_middle);
  }
  std::sort(off.begin(), off.end());
  return 0.5 * (off[off.size() / 2 - 1] + off[off.size() / 2]);
}

// Skew and an oversubscribed uplink included, without a fitted number. The simulator charges bytes
// only; one byte among four took 0.2 ms (B3), 2 % of 16 KiB a pair, so the uniform rows lie above
// it, most at 16 KiB. Launches of one cell differ by up to 1.2 % among themselves.
TEST(ShapedLinks, ExchangesTakeWhatTheSimulatorSays) {
  const std::vector<Cell> all = cells(kRate, 0.0);
  for (const Cell& cell : all) {
    EXPECT_LT(cell.off_middle, 0.0125) << cell.name;
    EXPECT_LT(cell.off_launch, 0.016) << cell.name;
  }
  EXPECT_LT(median_off(all), 0.01);
}

// The ping-pongs of B3 alone (np2, one message at a time), fitted as start + bytes / rate, say what
// the exchanges of two and four hosts take: within 3 %, because ping-pongs ran 1.5 % faster than
// the line's rate, for a reason that was not found.
TEST(ShapedLinks, PingPongsAlonePredictExchanges) {
  const std::vector<std::pair<double, double>> ping_pongs = {
      {4.0, 1.015}, {16.0, 0.994}, {64.0, 0.987}, {256.0, 0.985}};
  std::vector<calibrate::TimedBytes> rows;
  for (const auto& [kib, ratio] : ping_pongs) {
    rows.push_back({kib * kKiB, ratio * kib * kKiB / kRate});
  }
  const calibrate::ExchangeLaw law = calibrate::fit_exchange_law(rows);
  const std::vector<Cell> all = cells(law.rate, law.start);
  for (const Cell& cell : all) {
    EXPECT_LT(cell.off_middle, 0.03) << cell.name;
  }
  EXPECT_LT(median_off(all), 0.02);
}

// The table's own V_max, so that a wrong transcription cannot hide behind a wrong simulation.
TEST(ShapedLinks, TheSimulatorFindsTheBusiestLink) {
  for (const Case& c : table()) {
    const double pair = 16.0 * kKiB;
    EXPECT_NEAR(simulated(c, pair, kRate) * kRate / pair, c.busiest, 1e-9 * c.busiest) << c.name;
  }
}

}  // namespace
}  // namespace moeplan::tests
