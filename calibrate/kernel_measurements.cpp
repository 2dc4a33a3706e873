#include "calibrate/kernel_measurements.hpp"

#include <fmt/format.h>

#include <utility>

#include "calibrate/sweep_measurements.hpp"

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
  const SweepFile file{journal, path, content, device.name()};
  return sweep_measurements(file,
                            [&](const CombinedPoint& point, models::SampleOrigin origin,
                                models::Measurements& out) -> std::string {
                              const auto found = grid.cases.find(point.id);
                              if (found == grid.cases.end()) {
                                return kUnknownPoint;
                              }
                              const KernelCase& timed = found->second;
                              origin.kernel_source = device.kernel_source(timed);
                              origin.precision = timed.precision;
                              std::visit(Rows(out, origin, timed), timed.kernel);
                              return {};
                            });
}

}  // namespace moeplan::calibrate
