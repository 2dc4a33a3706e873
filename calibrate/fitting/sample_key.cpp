#include "calibrate/fitting/sample_key.hpp"

#include <fmt/format.h>

#include "calibrate/fitting/fit_kernels.hpp"

namespace moeplan::calibrate {
namespace {

std::string dtype_of(models::Precision precision) { return std::string(name_of(precision)); }

}  // namespace

SampleKey sample_key(const models::ExpertSample& sample) {
  const auto [hidden, intermediate, top_k, experts] = sample.key();
  return {.kernel = "expert",
          .kernel_source = sample.origin.kernel_source,
          .dtype = dtype_of(sample.origin.precision),
          .distribution = sample.distribution,
          .shape = fmt::format("{}x{} top-{} of {}", hidden, intermediate, top_k, experts),
          .series = fmt::format("{}x{} top-{}, {} of {}", hidden, sample.shape.intermediate, top_k,
                                sample.shape.local_experts, experts),
          .axis = "tokens",
          .work = sample.load.tokens};
}

SampleKey sample_key(const models::DenseSample& sample) {
  return {.kernel = "dense",
          .kernel_source = sample.origin.kernel_source,
          .dtype = dtype_of(sample.origin.precision),
          .distribution = "",
          .shape = fmt::format("{}x{}", sample.columns, sample.inner),
          .series = fmt::format("{}x{}", sample.columns, sample.inner),
          .axis = "rows",
          .work = sample.rows};
}

SampleKey sample_key(const models::AttentionSample& sample) {
  return {.kernel = sample.decode ? "attention_decode" : "attention_prefill",
          .kernel_source = sample.origin.kernel_source,
          .dtype = dtype_of(sample.shape.kv_precision),
          .distribution = "",
          .shape = fmt::format("{} heads, {} kv heads, dim {}", sample.shape.heads,
                               sample.shape.kv_heads, sample.shape.head_dim),
          .series = fmt::format("{} of {} heads, {:.0f} cached", sample.shape.kv_heads,
                                sample.shape.heads, sample.history),
          .axis = sample.decode ? "sequences" : "tokens",
          .work = sample.sequences * sample.chunk};
}

SampleKey sample_key(const models::LatentSample& sample) {
  return {.kernel = "mla",
          .kernel_source = mla_source(sample),
          .dtype = dtype_of(sample.shape.kv_precision),
          .distribution = "",
          .shape = fmt::format("{} heads", sample.shape.heads),
          .series = fmt::format("{} heads, {:.0f} cached", sample.shape.heads, sample.history),
          .axis = sample.decode ? "sequences" : "tokens",
          .work = sample.sequences * sample.chunk};
}

SampleKey sample_key(const models::CollectiveSample& sample) {
  const std::string ranks = sample.nodes > 1
                                ? fmt::format("{} ranks on {} nodes", sample.ranks, sample.nodes)
                                : fmt::format("{} ranks", sample.ranks);
  return {.kernel = std::string(family_of(sample.collective)),
          .kernel_source = sample.origin.kernel_source,
          .dtype = dtype_of(sample.origin.precision),
          .distribution = "",
          .shape = ranks,
          .series = ranks,
          .axis = "bytes",
          .work = sample.bytes};
}

SampleKey sample_key(const models::StreamSample& sample) {
  return {.kernel = sample.kernel,
          .kernel_source = sample.origin.kernel_source,
          .dtype = dtype_of(sample.origin.precision),
          .distribution = "",
          .shape = sample.layer,
          .series = sample.layer,
          .axis = "bytes",
          .work = sample.bytes};
}

SampleKey sample_key(const models::ExchangeSample& sample) {
  return {.kernel = "all2all",
          .kernel_source =
              fmt::format("{}_{}_{}node", sample.origin.kernel_source,
                          sample.phase == models::ExchangePhase::combine ? "combine" : "dispatch",
                          sample.nodes),
          .dtype = dtype_of(sample.origin.precision),
          .distribution = "",
          .shape = fmt::format("{} top-{} of {}", sample.hidden, sample.top_k, sample.experts),
          .series = fmt::format("{} top-{} of {}, {} ranks", sample.hidden, sample.top_k,
                                sample.experts, sample.ranks),
          .axis = "tokens",
          .work = static_cast<double>(sample.tokens)};
}

}  // namespace moeplan::calibrate
