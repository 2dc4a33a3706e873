#include "calibrate/all2all_measurements.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <optional>

#include "calibrate/measurement/combined_point.hpp"
#include "calibrate/measurement/fingerprint.hpp"
#include "models/text/load.hpp"

namespace moeplan::calibrate {
namespace {

using Operation = ExchangeCase::Operation;
using models::Collective;

std::optional<Collective> collective_of(const ExchangeCase& exchange) {
  switch (exchange.operation) {
    case Operation::all2allv:
      return exchange.pattern == "uniform" && !exchange.combine
                 ? std::optional(Collective::all_to_all)
                 : std::nullopt;
    case Operation::all_gather:
      return Collective::all_gather;
    case Operation::reduce_scatter:
      return Collective::reduce_scatter;
    case Operation::all_reduce:
      return Collective::all_reduce;
    default:
      return std::nullopt;  // MPI_Alltoall is another algorithm than the exchange of a layer
  }
}

// "mpi_open_mpi_v4.1.4_host": library and where the buffers lie.
std::string source_of(const RankWorld& world) {
  std::string name = "mpi_";
  const auto found = world.settings.find("mpi");
  for (const char c : found == world.settings.end() ? std::string("unknown") : found->second) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
    name += plain ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '_';
  }
  return name + "_host";
}

}  // namespace

models::Measurements exchange_measurements(const JournalContents& journal,
                                           const PreparedExchanges& prepared,
                                           const RankWorld& world, const std::string& path,
                                           const std::string& content) {
  models::Measurements out;
  out.file = path;
  out.name = std::filesystem::path(path).filename().string();
  out.sha256 = text::sha256(content);
  out.source = fmt::format("measured: moeplan-measure {}", git_version());
  out.device = journal.header.fingerprint.at("cpu");
  int line = 1;  // the header's
  std::map<std::string, int> flags;
  for (const CombinedPoint& point : combine(journal)) {
    ++line;
    const auto found = prepared.grid.cases.find(point.id);
    if (point.status != PointStatus::measured || found == prepared.grid.cases.end()) {
      ++out.skipped[found == prepared.grid.cases.end()
                        ? "points that this version does not know"
                        : fmt::format("{}: {}",
                                      point_status_names()[static_cast<std::size_t>(point.status)],
                                      point.reason)];
      continue;
    }
    for (const std::string& flag : point.flags) {
      ++flags[flag];
    }
    const std::optional<Collective> collective = collective_of(found->second);
    if (!collective || !world.even()) {
      ++out.skipped[collective ? "nodes with unequal numbers of ranks"
                               : "skewed exchanges and single messages: only in the journal"];
      continue;
    }
    models::CollectiveSample row;
    row.origin = {.kernel_source = source_of(world),
                  .precision = models::Precision::fp32,
                  .line = line,
                  .seconds = point.median_s};
    row.collective = *collective;
    row.ranks = world.ranks();
    row.nodes = world.nodes();
    row.bytes = static_cast<double>(found->second.bytes);
    out.collectives.push_back(row);
  }
  for (const auto& [flag, points] : flags) {
    out.notes.push_back(fmt::format("{} points are {}", points, flag));
  }
  for (const auto* about : {&journal.header.fingerprint, &journal.header.settings}) {
    for (const auto& [key, value] : *about) {
      out.notes.push_back(fmt::format("{}: {}", key, value));
    }
  }
  return out;
}

}  // namespace moeplan::calibrate
