#include "calibrate/all2all/exchange_grid.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/routing/split_mix.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {
namespace {

using Operation = ExchangeCase::Operation;

constexpr double kRoughStart = 50e-6;  // s
constexpr double kRoughRate = 1e9;     // B/s; only for what fits into a budget
constexpr int kRandomSizes = 60;

void check_names(const std::vector<std::string>& given, const std::vector<std::string>& known,
                 const std::string& what) {
  for (const std::string& name : given) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      throw InputError({.code = "E_VALUE",
                        .file = "",
                        .mark = {},
                        .pointer = "",
                        .what = "an unknown " + what,
                        .got = "'" + name + "'",
                        .expected = joined(known),
                        .fix = did_you_mean(name, known)});
    }
  }
}

std::vector<std::string> patterns_of(const RankWorld& world) {
  std::vector<std::string> out = {"uniform"};
  const int ranks = world.ranks();
  if (ranks > 1) {
    for (const int factor : {2, 4}) {
      out.push_back(fmt::format("hot_receiver_x{}", factor));
    }
    if (ranks != 2 && ranks != 4) {
      out.push_back(fmt::format("hot_receiver_x{}", ranks));
    }
    out.insert(out.end(), {"hot_sender_x4", "power_law_1", "sparse"});
  }
  if (world.near_peer() != 0) {
    out.emplace_back("intra");
  }
  if (world.far_peer() != 0) {
    out.emplace_back("inter");
  }
  return out;
}

class Grid {
 public:
  Grid(const RankWorld& world, const ExchangeGridOptions& options)
      : world_(world), options_(options) {}

  ExchangeGrid run() {
    const std::vector<std::string> patterns = patterns_of(world_);
    check_names(options_.families, operation_names(), "kind of exchange");
    check_names(options_.patterns, patterns, "pattern, or one these ranks cannot do");
    std::int64_t size = options_.smallest;
    for (int octave = 0; size <= options_.largest; ++octave, size *= 2) {
      const int finer = octave % 2 == 0 ? 0 : 2;
      for (const std::string& pattern : patterns) {
        all2allv(pattern, size, finer + (pattern == "uniform" ? 0 : 1));
      }
      ping_pong(size, finer);
      for (const Operation operation : {Operation::all2all, Operation::all_gather,
                                        Operation::reduce_scatter, Operation::all_reduce}) {
        vector(operation, size, finer + 1);
      }
      vector(Operation::sendrecv, size, finer + 1);
    }
    models::SplitMix draws(1);
    for (int i = 0; i < kRandomSizes; ++i) {
      const double octaves =
          std::log2(static_cast<double>(options_.largest) / static_cast<double>(options_.smallest));
      ping_pong(static_cast<std::int64_t>(static_cast<double>(options_.smallest) *
                                          std::exp2(octaves * draws.uniform())),
                2);
    }
    for (const auto& [name, matrix] : options_.replayed) {
      ExchangeCase exchange = of(Operation::all2allv, 0);
      exchange.pattern = "replay_" + name;
      exchange.matrix = matrix;
      exchange.bytes = exchange.largest_buffer();
      both_ways(exchange, 1);
    }
    return std::move(out_);
  }

 private:
  bool wanted(Operation operation) const {
    const std::string& name = operation_names()[static_cast<std::size_t>(operation)];
    return options_.families.empty() ||
           std::find(options_.families.begin(), options_.families.end(), name) !=
               options_.families.end();
  }

  ExchangeCase of(Operation operation, std::int64_t bytes) const {
    return {
        .operation = operation, .bytes = bytes, .ranks = world_.ranks(), .nodes = world_.nodes()};
  }

  void add(const ExchangeCase& exchange, int level) {
    const std::string id = exchange.id();
    if (wanted(exchange.operation) && out_.cases.emplace(id, exchange).second) {
      const double bytes = static_cast<double>(exchange.largest_buffer());
      out_.points.push_back(
          {.id = id, .level = level, .call = Seconds(kRoughStart + bytes / kRoughRate)});
    }
  }

  void both_ways(ExchangeCase exchange, int level) {
    add(exchange, level);
    exchange.combine = true;
    exchange.matrix = exchange.matrix.transposed();
    add(exchange, level);
  }

  void all2allv(const std::string& pattern, std::int64_t bytes, int level) {
    if (!options_.patterns.empty() && std::find(options_.patterns.begin(), options_.patterns.end(),
                                                pattern) == options_.patterns.end()) {
      return;
    }
    ExchangeCase exchange = of(Operation::all2allv, bytes);
    exchange.pattern = pattern;
    exchange.matrix = pattern_matrix(pattern, world_.node_of_rank, bytes);
    both_ways(exchange, level);
  }

  // Counts are the same for every rank: whole floats, for the sums.
  void vector(Operation operation, std::int64_t bytes, int level) {
    const std::int64_t unit = 4 * static_cast<std::int64_t>(world_.ranks());
    if (bytes >= unit) {
      add(of(operation, bytes / unit * unit), level);
    }
  }

  void ping_pong(std::int64_t bytes, int level) {
    for (const bool far : {false, true}) {
      ExchangeCase exchange = of(Operation::ping_pong, bytes);
      exchange.peer = far ? world_.far_peer() : world_.near_peer();
      exchange.pattern = far ? "far" : "near";
      if (exchange.peer != 0) {
        add(exchange, level);
      }
    }
  }

  const RankWorld& world_;
  const ExchangeGridOptions& options_;
  ExchangeGrid out_;
};

}  // namespace

ExchangeGrid exchange_grid(const RankWorld& world, const ExchangeGridOptions& options) {
  return Grid(world, options).run();
}

}  // namespace moeplan::calibrate
