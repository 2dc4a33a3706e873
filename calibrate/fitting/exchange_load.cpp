// The traffic of a measured exchange: what fits and predictions both count.

#include "calibrate/fitting/predictor.hpp"
#include "models/routing/exchange_traffic.hpp"

namespace moeplan::calibrate {
namespace {

// Rows of one token a rank under the uniform routing that the tables were timed with.
models::ExchangeVolume volume_of(const models::ExchangeSample& sample, models::ExchangeMode mode) {
  const std::vector<double> one(static_cast<std::size_t>(sample.ranks), 1.0);
  const models::NodeLayout layout{.ranks = sample.ranks, .per_node = sample.ranks / sample.nodes};
  const models::Exchange copies = mode == models::ExchangeMode::normal
                                      ? models::Exchange::alltoall_per_rank
                                      : models::Exchange::alltoall_per_expert;
  return models::dispatch_traffic(models::Routing::uniform(sample.experts, sample.top_k), copies,
                                  layout, one)
      .volume();
}

}  // namespace

models::ExchangeLoad exchange_load(const models::ExchangeSample& sample,
                                   models::ExchangeMode mode) {
  const models::ExchangeVolume volume = volume_of(sample, mode);
  const auto hidden = static_cast<double>(sample.hidden);
  const auto tokens = static_cast<double>(sample.tokens);
  const bool quantised = models::activation_bytes(sample.origin.precision) < 2.0;
  const double row = sample.phase == models::ExchangePhase::dispatch
                         ? models::dispatch_row_bytes(mode, hidden, quantised)
                         : 2.0 * hidden;
  return {.tokens = tokens,
          .experts = static_cast<double>(sample.experts),
          .hidden = hidden,
          .own_bytes = tokens * row,
          .near_bytes = tokens * volume.near * row,
          .far_bytes = tokens * volume.far * row,
          .staged_bytes = tokens * volume.staged * row};
}

}  // namespace moeplan::calibrate
