#include "tests/sim/network/networks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "sim/engine/random_stream.hpp"

namespace moeplan::tests {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

std::vector<std::size_t> links_of(const Topology& topology, const Flow& flow) {
  std::vector<std::size_t> links;
  for (const sim::LinkId link : topology.route(flow.from, flow.to)) {
    links.push_back(static_cast<std::size_t>(link.index()));
  }
  return links;
}

}  // namespace

Topology star(const std::vector<double>& rates, double latency_s) {
  Wiring w;
  std::vector<VertexId> gpus;
  for (std::size_t i = 0; i < rates.size(); ++i) {
    gpus.push_back(w.add(Vertex::Kind::gpu, fmt::format("gpu{}", i)));
  }
  const VertexId middle = w.add(Vertex::Kind::nvswitch, "switch");
  for (std::size_t i = 0; i < rates.size(); ++i) {
    w.connect(gpus[i], middle, BytesPerSecond(rates[i]), Seconds(latency_s));
  }
  return Topology(std::move(w));
}

Topology row(const std::vector<double>& rates, int gpus) {
  Wiring w;
  std::vector<VertexId> switches;
  for (std::size_t i = 0; i <= rates.size(); ++i) {
    switches.push_back(w.add(Vertex::Kind::leaf, fmt::format("switch{}", i)));
    for (int g = 0; g < gpus; ++g) {
      w.connect(w.add(Vertex::Kind::gpu, fmt::format("gpu{}.{}", i, g)), switches.back(),
                BytesPerSecond(kNever), Seconds(0.0));
    }
  }
  for (std::size_t i = 0; i < rates.size(); ++i) {
    w.connect(switches[i], switches[i + 1], BytesPerSecond(rates[i]), Seconds(0.0));
  }
  return Topology(std::move(w));
}

Topology random_tree(std::uint64_t seed) {
  sim::RandomStream random(seed, "random tree");
  Wiring w;
  std::vector<VertexId> switches;
  const auto rate = [&] { return BytesPerSecond(1e9 * (1.0 + 9.0 * random.uniform())); };
  const auto latency = [&] { return microseconds(5.0 * random.uniform()); };
  const int count = 1 + static_cast<int>(random.below(5));
  for (int s = 0; s < count; ++s) {
    const VertexId made = w.add(Vertex::Kind::leaf, fmt::format("switch{}", s));
    if (s > 0) {
      w.connect(made, switches[random.below(switches.size())], rate(), latency());
    }
    switches.push_back(made);
    const int gpus = 1 + static_cast<int>(random.below(4));
    for (int g = 0; g < gpus; ++g) {
      w.connect(w.add(Vertex::Kind::gpu, fmt::format("gpu{}.{}", s, g)), made, rate(), latency());
    }
  }
  return Topology(std::move(w));
}

Flow flow(int from, int to, double bytes, double start_s) {
  return {DeviceId(from), DeviceId(to), Bytes(bytes), SimTime{} + Seconds(start_s)};
}

std::vector<double> reference_rates(const Topology& topology, std::span<const Flow> flows) {
  std::vector<std::vector<std::size_t>> on(flows.size());
  for (std::size_t f = 0; f < flows.size(); ++f) {
    on[f] = links_of(topology, flows[f]);
  }
  std::vector<double> rates(flows.size(), kNever);
  for (std::size_t fixed = 0; fixed < flows.size();) {
    double least = kNever;
    std::size_t full = 0;
    for (std::size_t l = 0; l < topology.links().size(); ++l) {
      double left = topology.links()[l].bandwidth.value();
      int open = 0;
      for (std::size_t f = 0; f < flows.size(); ++f) {
        if (std::count(on[f].begin(), on[f].end(), l) > 0) {
          rates[f] == kNever ? static_cast<void>(++open) : static_cast<void>(left -= rates[f]);
        }
      }
      if (open > 0 && left / open < least) {
        least = left / open;
        full = l;
      }
    }
    for (std::size_t f = 0; f < flows.size(); ++f) {
      if (rates[f] == kNever && std::count(on[f].begin(), on[f].end(), full) > 0) {
        rates[f] = least;
        ++fixed;
      }
    }
  }
  return rates;
}

std::vector<double> reference_times(const Topology& topology, std::span<const Flow> flows) {
  std::vector<double> left;
  std::vector<double> times(flows.size(), kNever);
  for (const Flow& each : flows) {
    left.push_back(each.volume.value());
  }
  double now = 0.0;
  for (std::size_t done = 0; done < flows.size();) {
    std::vector<Flow> active;
    std::vector<std::size_t> which;
    double next = kNever;
    for (std::size_t f = 0; f < flows.size(); ++f) {
      const double start = in_seconds(flows[f].start);
      if (times[f] == kNever && start <= now) {
        active.push_back(flows[f]);
        which.push_back(f);
      } else if (times[f] == kNever) {
        next = std::min(next, start);
      }
    }
    const std::vector<double> rates = reference_rates(topology, active);
    for (std::size_t i = 0; i < active.size(); ++i) {
      next = std::min(next, now + left[which[i]] / rates[i]);
    }
    for (std::size_t i = 0; i < active.size(); ++i) {
      const std::size_t f = which[i];
      const bool ends = now + left[f] / rates[i] <= next * (1.0 + 1e-15);
      left[f] -= rates[i] * (next - now);
      if (ends) {
        times[f] = next;
        for (const std::size_t l : links_of(topology, flows[f])) {
          times[f] += in_seconds(topology.links()[l].latency);
        }
        ++done;
      }
    }
    now = next;
  }
  return times;
}

std::vector<double> simulated_times(const Topology& topology, std::span<const Flow> flows) {
  const sim::Routes routes(topology);
  std::vector<double> times;
  for (const SimTime time : sim::simulate_flows(routes, flows)) {
    times.push_back(in_seconds(time));
  }
  return times;
}

}  // namespace moeplan::tests
