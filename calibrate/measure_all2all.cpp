#include "calibrate/measure_all2all.hpp"

#include <fmt/format.h>

#include "calibrate/all2all/replay.hpp"
#include "calibrate/measurement/budget.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"

namespace moeplan::calibrate {

PreparedExchanges prepare(const ExchangeSweep& sweep, const RankWorld& world,
                          const std::string& matrices) {
  PreparedExchanges out;
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
  out.grid = exchange_grid(world, options);
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
  header.what = "all2all host";
  header.seed = sweep.seed;
  header.launches = sweep.launches;
  header.visits = sweep.visits;
  header.budget_s = sweep.budget.value();
  header.fingerprint = world.settings;
  header.fingerprint["ranks"] = std::to_string(world.ranks());
  header.fingerprint["nodes"] = std::to_string(world.nodes());
  header.fingerprint["hosts"] = std::to_string(world.hosts);
  header.settings["start"] = out.start;
  header.settings["buffers"] = "host";
  header.settings["shared_cores"] = world.shared_cores ? "yes" : "no";
  header.plan = choice.plan;
  return out;
}

}  // namespace moeplan::calibrate
