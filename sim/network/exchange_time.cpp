#include "sim/network/exchange_time.hpp"

#include <algorithm>
#include <cmath>

#include "models/units/require.hpp"
#include "sim/network/flow_network.hpp"

namespace moeplan::sim {
namespace {

constexpr double kUnits = 0x1p40;  // of the largest entry
// Simulated time of the fullest constraint: rounding to picoseconds is 1e-15 of it.
constexpr double kSimulatedSeconds = 1000.0;

}  // namespace

ExchangeTime::ExchangeTime(const Routes& routes, std::vector<DeviceId> devices)
    : routes_(routes), devices_(std::move(devices)) {}

// The largest entry off the diagonal.
double ExchangeTime::check(std::span<const double> rows) const {
  const std::size_t ranks = devices_.size();
  require(rows.size() == ranks * ranks, "exchange traffic is a square matrix over the devices");
  double largest = 0.0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    require(rows[i] >= 0.0 && std::isfinite(rows[i]), "exchange traffic is finite and >= 0");
    largest = i / ranks == i % ranks ? largest : std::max(largest, rows[i]);
  }
  return largest;
}

Seconds ExchangeTime::fullest_link(std::span<const double> rows, Bytes row) const {
  check(rows);
  const std::size_t ranks = devices_.size();
  std::vector<double> load(routes_.capacities().size(), 0.0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (const std::int32_t c : routes_.constraints(devices_[i / ranks], devices_[i % ranks])) {
      load[static_cast<std::size_t>(c)] += rows[i];
    }
  }
  double fullest = 0.0;
  for (std::size_t c = 0; c < load.size(); ++c) {
    fullest = std::max(fullest, load[c] / routes_.capacities()[c]);
  }
  return Seconds(fullest * row.value());
}

Seconds ExchangeTime::time(std::span<const double> rows, Bytes row) {
  const std::size_t ranks = devices_.size();
  const double largest = check(rows);
  if (largest == 0.0 || row == Bytes(0.0)) {
    return Seconds(0.0);
  }
  Shape shape(rows.size(), 0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i / ranks != i % ranks && rows[i] > 0.0) {
      shape[i] = std::max<std::int64_t>(1, std::llround(rows[i] / largest * kUnits));
    }
  }
  auto found = shapes_.find(shape);
  if (found == shapes_.end()) {
    if (shapes_.size() >= kMostShapes) {
      shapes_.clear();
    }
    std::vector<Piece> pieces = simulate(shape);
    found = shapes_.emplace(std::move(shape), std::move(pieces)).first;
  }
  Seconds slowest;
  for (const Piece& piece : found->second) {
    slowest =
        std::max(slowest, Seconds(piece.seconds_per_byte * largest * row.value()) + piece.latency);
  }
  return slowest;
}

std::vector<ExchangeTime::Piece> ExchangeTime::simulate(const Shape& shape) const {
  const std::size_t ranks = devices_.size();
  std::vector<Flow> flows;
  std::vector<double> volumes(shape.size());  // when the largest entry is 1 byte
  for (std::size_t i = 0; i < shape.size(); ++i) {
    volumes[i] = static_cast<double>(shape[i]) / kUnits;
    if (shape[i] > 0) {
      flows.push_back({devices_[i / ranks], devices_[i % ranks], Bytes(volumes[i]), SimTime{}});
    }
  }
  const double fullest = in_seconds(fullest_link(volumes, Bytes(1.0)));
  const double scale = fullest > 0.0 ? kSimulatedSeconds / fullest : 1.0;
  for (Flow& flow : flows) {
    flow.volume = flow.volume * scale;
  }
  const std::vector<SimTime> delivered = simulate_flows(routes_, flows);
  std::map<SimDuration, SimDuration> last_end;  // by latency
  for (std::size_t i = 0; i < flows.size(); ++i) {
    const SimDuration latency = routes_.latency(flows[i].from, flows[i].to);
    SimDuration& last = last_end[latency];
    last = std::max(last, delivered[i].since_start() - latency);
  }
  std::vector<Piece> pieces;
  for (const auto& [latency, end] : last_end) {
    pieces.push_back({to_seconds(latency), in_seconds(end) / scale});
  }
  return pieces;
}

}  // namespace moeplan::sim
