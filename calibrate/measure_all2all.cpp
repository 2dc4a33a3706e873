#include "calibrate/measure_all2all.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calibrate/all2all/replay.hpp"
#include "calibrate/layer/layer_closure.hpp"
#include "calibrate/measurement/budget.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"

namespace moeplan::calibrate {

namespace {

// Rough rates, only for what fits into a budget.
constexpr double kLayerStart = 200e-6;   // s
constexpr double kLayerCompute = 20e9;   // FLOP/s of a rank
constexpr double kLayerBandwidth = 4e9;  // B/s of a rank, for weights

void add_layers(int ranks, PreparedExchanges& out) {
  for (const LayerShape& shape : closure_layers()) {
    if (shape.experts < ranks) {
      continue;
    }
    const double weights = 3.0 * static_cast<double>(shape.hidden * shape.intermediate);
    const double pairs = static_cast<double>(shape.tokens * shape.top_k);
    const double read = std::min(static_cast<double>(shape.experts) / ranks, pairs) * weights * 4.0;
    const std::string id = shape.id(ranks);
    out.layers.emplace(id, shape);
    out.grid.points.push_back({.id = id,
                               .level = 1,
                               .call = Seconds(kLayerStart + 2.0 * pairs * weights / kLayerCompute +
                                               read / kLayerBandwidth)});
  }
}

}  // namespace

ExchangeWay way_of(const ExchangeSweep& sweep, const RankWorld& world) {
  const auto aware = world.settings.find("cuda_aware");
  return exchange_way(sweep.buffers, sweep.transport,
                      aware == world.settings.end() ? "unknown" : aware->second);
}

PreparedExchanges prepare(const ExchangeSweep& sweep, const RankWorld& world,
                          const std::string& matrices) {
  PreparedExchanges out;
  out.way = way_of(sweep, world);
  out.start = sweep.start == "auto" ? (world.shared_cores ? "barrier" : "window") : sweep.start;
  ExchangeGridOptions options{.smallest = sweep.smallest,
                              .largest = sweep.largest,
                              .families = sweep.families,
                              .patterns = sweep.patterns,
                              .replayed = {}};
  JournalHeader& header = out.header;
  if (!matrices.empty()) {
    options.replayed = replayed_matrices(matrices, sweep.matrices, world.ranks());
    header.settings["matrices_sha256"] = text::sha256(matrices);
  }
  const auto layer = std::find(options.families.begin(), options.families.end(), kLayerFamily);
  const bool layers = layer != options.families.end();
  if (layers) {
    options.families.erase(layer);
  }
  if (layers && out.way != ExchangeWay::host) {
    throw InputError({.code = "E_VALUE",
                      .file = "",
                      .mark = {},
                      .pointer = "--kinds",
                      .what = "whole layers are computed by the host",
                      .got = "layer, with buffers of GPUs",
                      .expected = "--buffers host, or no layers"});
  }
  if (!layers || !options.families.empty()) {
    out.grid = exchange_grid(world, options);
  }
  if (layers) {
    add_layers(world.ranks(), out);
  }
  if (out.grid.points.empty()) {
    throw InputError({.code = "E_VALUE",
                      .file = "",
                      .mark = {},
                      .pointer = "",
                      .what = "no exchange is left to time",
                      .got = fmt::format("{} ranks on {} nodes", world.ranks(), world.nodes()),
                      .expected = "kinds, patterns and sizes that these ranks can do"});
  }
  const GridChoice choice =
      choose_points(out.grid.points, sweep.budget, sweep.launches * sweep.visits, sweep.seed);
  out.expected = choice.expected;
  header.what = "all2all " + name_of(out.way);
  header.seed = sweep.seed;
  header.launches = sweep.launches;
  header.visits = sweep.visits;
  header.budget_s = sweep.budget.value();
  header.fingerprint = world.settings;
  header.fingerprint["ranks"] = std::to_string(world.ranks());
  header.fingerprint["nodes"] = std::to_string(world.nodes());
  header.fingerprint["hosts"] = std::to_string(world.hosts);
  header.settings["start"] = out.start;
  header.settings["buffers"] = name_of(out.way);
  header.settings["shared_cores"] = world.shared_cores ? "yes" : "no";
  header.plan = choice.plan;
  return out;
}

}  // namespace moeplan::calibrate
