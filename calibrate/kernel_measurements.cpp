#include "calibrate/kernel_measurements.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "calibrate/measurement/fingerprint.hpp"
#include "models/text/load.hpp"

namespace moeplan::calibrate {
namespace {

models::ExpertPart part_of(ExpertCase::Part part) {
  switch (part) {
    case ExpertCase::Part::up:
      return models::ExpertPart::up;
    case ExpertCase::Part::down:
      return models::ExpertPart::down;
    case ExpertCase::Part::products:
      return models::ExpertPart::products;
    case ExpertCase::Part::layer:
      break;
  }
  return models::ExpertPart::layer;
}

class Rows {
 public:
  Rows(models::Measurements& out, models::SampleOrigin origin, const KernelCase& timed)
      : out_(out), origin_(std::move(origin)), timed_(timed) {}

  void operator()(const ExpertCase& c) {
    const auto experts = static_cast<std::int64_t>(c.pairs_of_expert.size());
    out_.experts.push_back({.origin = origin_,
                            .distribution = c.distribution,
                            .part = part_of(c.part),
                            .shape = {.hidden = c.hidden,
                                      .intermediate = c.intermediate,
                                      .top_k = c.top_k,
                                      .experts = experts,
                                      .local_experts = experts,
                                      .gated = true,
                                      .precision = timed_.precision},
                            .intermediate_full = c.intermediate,
                            .load = {.tokens = static_cast<double>(c.tokens),
                                     .pairs = static_cast<double>(c.pairs()),
                                     .active_experts = static_cast<double>(c.active_experts())}});
  }
  void operator()(const DenseCase& c) {
    out_.dense.push_back({.origin = origin_,
                          .rows = static_cast<double>(c.rows),
                          .columns = c.columns,
                          .inner = c.inner});
  }
  void operator()(const AttentionCase& c) {
    out_.attention.push_back({.origin = origin_,
                              .shape = {.heads = c.heads,
                                        .kv_heads = c.kv_heads,
                                        .head_dim = c.head_dim,
                                        .kv_precision = timed_.precision},
                              .decode = c.decode,
                              .sequences = static_cast<double>(c.sequences),
                              .chunk = static_cast<double>(c.chunk),
                              .history = static_cast<double>(c.history)});
  }
  void operator()(const RouterCase& c) { stream("router", fmt::format("top_k_of_{}", c.experts)); }
  void operator()(const MoveCase& c) {
    stream("permute", c.kind == MoveCase::Kind::permute     ? "permute"
                      : c.kind == MoveCase::Kind::unpermute ? "unpermute"
                                                            : "copy");
  }

 private:
  void stream(const std::string& kernel, const std::string& layer) {
    out_.streams.push_back(
        {.origin = origin_, .kernel = kernel, .layer = layer, .bytes = in_bytes(timed_.bytes())});
  }

  models::Measurements& out_;
  models::SampleOrigin origin_;
  const KernelCase& timed_;
};

}  // namespace

models::Measurements kernel_measurements(const JournalContents& journal, const KernelGrid& grid,
                                         const KernelDevice& device, const std::string& path,
                                         const std::string& content) {
  models::Measurements out;
  out.file = path;
  out.name = std::filesystem::path(path).filename().string();
  out.sha256 = text::sha256(content);
  out.source = fmt::format("measured: moeplan-measure {}", git_version());
  out.device = device.name();
  std::map<std::string, int> flags;
  int line = 1;  // the header's
  for (const CombinedPoint& point : combine(journal)) {
    ++line;
    const auto found = grid.cases.find(point.id);
    if (point.status != PointStatus::measured || found == grid.cases.end()) {
      ++out.skipped[found == grid.cases.end()
                        ? "points that this version does not know"
                        : fmt::format("{}: {}",
                                      point_status_names()[static_cast<std::size_t>(point.status)],
                                      point.reason)];
      continue;
    }
    for (const std::string& flag : point.flags) {
      ++flags[flag];
    }
    const KernelCase& timed = found->second;
    std::visit(Rows(out,
                    {.kernel_source = device.kernel_source(timed),
                     .precision = timed.precision,
                     .line = line,
                     .seconds = point.median_s},
                    timed),
               timed.kernel);
  }
  out.notes.push_back(fmt::format("{} points, {} launches of {} visits, seed {}", out.rows(),
                                  journal.header.launches, journal.header.visits,
                                  journal.header.seed));
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
