#include <tuple>

#include "calibrate/fitting/simple_family.hpp"
#include "models/latency/attention_latency.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

using models::AttentionSample;
using models::AttentionShape;

using ShapeKey = std::tuple<std::int64_t, std::int64_t, std::int64_t>;

// Seconds, shapes and the common axes; `load` and `length` name the other two.
SimpleRows rows_of(const std::vector<AttentionSample>& samples,
                   std::map<std::string, models::Interval>& domain) {
  require(!samples.empty(), "a fit needs samples");
  SimpleRows rows;
  std::vector<ShapeKey> keys;
  for (const AttentionSample& sample : samples) {
    const AttentionShape& shape = sample.shape;
    rows.seconds.push_back(sample.origin.seconds);
    rows.launches.push_back(sample.origin.launch_seconds);
    rows.shape_of.push_back(
        shape_index(keys, ShapeKey(shape.heads, shape.kv_heads, shape.head_dim)));
    cover(domain, "heads", static_cast<double>(shape.heads));
    cover(domain, "kv_heads", static_cast<double>(shape.kv_heads));
    cover(domain, "head_dim", static_cast<double>(shape.head_dim));
  }
  rows.shapes = static_cast<int>(keys.size());
  return rows;
}

std::string kv_dtype(const std::vector<AttentionSample>& samples) {
  return std::string(name_of(samples.front().shape.kv_precision));
}

}  // namespace

FittedFamily fit_decode(const std::vector<AttentionSample>& samples, const models::Gpu& gpu) {
  std::map<std::string, models::Interval> domain;
  SimpleRows rows = rows_of(samples, domain);
  for (const AttentionSample& sample : samples) {
    rows.left_out.push_back(is_cached(sample, gpu));
    cover(domain, "sequences", sample.sequences);
    cover(domain, "kv_tokens", sample.history);
  }
  const double bandwidth = 0.9 * gpu.bandwidth.value();
  rows.parameters = {{"launch_s", 11e-6, 11e-6},
                     {"sequence_s", 20e-9, 0.0},
                     {"bandwidth_Bps", bandwidth, bandwidth}};
  rows.law = [&samples](std::span<const double> v, std::size_t i) {
    const AttentionSample& sample = samples[i];
    return models::decode_seconds({.launch = v[0], .sequence = v[1], .bandwidth = v[2]},
                                  sample.shape, sample.sequences,
                                  sample.sequences * sample.history);
  };
  FittedFamily family =
      fit_simple(rows, "attention_decode", samples.front().origin, kv_dtype(samples));
  family.law.info.form = "attention_decode_v1";
  family.law.info.domain = domain;
  return family;
}

FittedFamily fit_prefill(const std::vector<AttentionSample>& samples, const models::Gpu& gpu) {
  std::map<std::string, models::Interval> domain;
  SimpleRows rows = rows_of(samples, domain);
  for (const AttentionSample& sample : samples) {
    cover(domain, "chunk", sample.chunk);
    cover(domain, "history", sample.history);
  }
  const double compute = 0.68 * gpu.peak_for(models::Precision::fp16).value();
  const double bandwidth = 0.42 * gpu.bandwidth.value();
  rows.parameters = {{"launch_s", 12e-6, 12e-6},
                     {"compute_flops", compute, compute},
                     {"bandwidth_Bps", bandwidth, bandwidth}};
  rows.law = [&samples](std::span<const double> v, std::size_t i) {
    const AttentionSample& sample = samples[i];
    return models::prefill_seconds({.launch = v[0], .compute = v[1], .bandwidth = v[2]},
                                   sample.shape, sample.sequences, sample.chunk, sample.history);
  };
  FittedFamily family =
      fit_simple(rows, "attention_prefill", samples.front().origin, kv_dtype(samples));
  family.law.info.form = "attention_prefill_v1";
  family.law.info.domain = domain;
  return family;
}

}  // namespace moeplan::calibrate
