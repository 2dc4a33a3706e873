#include "calibrate/all2all_measurements.hpp"

#include <optional>
#include <utility>

#include "calibrate/sweep_measurements.hpp"

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

// "mpi_open_mpi_v4.1.4_host": library and way of the buffers; "nccl".
std::string source_of(const RankWorld& world, ExchangeWay way) {
  if (way == ExchangeWay::nccl) {
    return "nccl";
  }
  std::string name = "mpi_";
  const auto found = world.settings.find("mpi");
  for (const char c : found == world.settings.end() ? std::string("unknown") : found->second) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
    name += plain ? c : c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : '_';
  }
  return name + "_" + name_of(way);
}

}  // namespace

models::Measurements exchange_measurements(const JournalContents& journal,
                                           const PreparedExchanges& prepared,
                                           const RankWorld& world, const std::string& path,
                                           const std::string& content) {
  const char* const measured = prepared.way == ExchangeWay::host ? "cpu" : "device";
  const SweepFile file{journal, path, content, journal.header.fingerprint.at(measured)};
  return sweep_measurements(file,
                            [&](const CombinedPoint& point, models::SampleOrigin origin,
                                models::Measurements& out) -> std::string {
                              if (prepared.layers.contains(point.id)) {
                                return "whole layers: only in the journal";
                              }
                              const auto found = prepared.grid.cases.find(point.id);
                              if (found == prepared.grid.cases.end()) {
                                return kUnknownPoint;
                              }
                              const std::optional<Collective> collective =
                                  collective_of(found->second);
                              if (!collective) {
                                return "skewed exchanges and single messages: only in the journal";
                              }
                              if (!world.even()) {
                                return "nodes with unequal numbers of ranks";
                              }
                              models::CollectiveSample row;
                              row.origin = std::move(origin);
                              row.origin.kernel_source = source_of(world, prepared.way);
                              row.origin.host_launched = prepared.way == ExchangeWay::nccl;
                              row.origin.precision = models::Precision::fp32;
                              row.collective = *collective;
                              row.ranks = world.ranks();
                              row.nodes = world.nodes();
                              row.bytes = static_cast<double>(found->second.bytes);
                              out.collectives.push_back(row);
                              return {};
                            });
}

}  // namespace moeplan::calibrate
