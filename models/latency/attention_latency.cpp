#include "models/latency/attention_latency.hpp"

#include <algorithm>

#include "models/latency/law_reader.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

// Bytes of one KV element: one for 8-bit caches, else two.
double kv_bytes(Precision precision) { return activation_bytes(precision); }
bool is_eight_bit(Precision precision) { return kv_bytes(precision) <= 1.0; }

double cache_row(const AttentionShape& shape) {
  return 2.0 * static_cast<double>(shape.kv_heads * shape.head_dim) * kv_bytes(shape.kv_precision);
}

}  // namespace

double decode_seconds(const DecodeTheta& theta, const AttentionShape& shape, double sequences,
                      double kv_tokens_total) {
  return theta.launch + theta.sequence * sequences * static_cast<double>(shape.kv_heads) +
         kv_tokens_total * cache_row(shape) / theta.bandwidth;
}

void PrefillBatch::add(double chunk, double history, double count, double window) {
  history = std::min(history, window);
  const double growing = std::min(chunk, window - history);  // tokens that see all before them
  products += count * (growing * (history + 0.5 * growing));
  if (growing < chunk) {
    products += count * (chunk - growing) * window;
  }
  tokens += count * chunk;
  kv_tokens += count * (history + chunk);
  longest_chunk = std::max(longest_chunk, chunk);
  longest_history = std::max(longest_history, history);
}

double prefill_seconds(const PrefillTheta& theta, const AttentionShape& shape,
                       const PrefillBatch& batch) {
  if (batch.tokens <= 0.0) {
    return theta.launch;
  }
  const double query_row = static_cast<double>(shape.heads * shape.head_dim);
  const double flops = 4.0 * query_row * batch.products;
  const double moved = 4.0 * batch.tokens * query_row + batch.kv_tokens * cache_row(shape);
  return theta.launch + flops / theta.compute + moved / theta.bandwidth;
}

double prefill_seconds(const PrefillTheta& theta, const AttentionShape& shape, double sequences,
                       double chunk, double history) {
  PrefillBatch batch;
  batch.add(chunk, history, sequences);
  return prefill_seconds(theta, shape, batch);
}

DecodeTheta decode_theta(const FittedLaw& law) {
  return {.launch = law.value("launch_s"),
          .sequence = law.value("sequence_s"),
          .bandwidth = law.value("bandwidth_Bps")};
}

PrefillTheta prefill_theta(const FittedLaw& law) {
  return {.launch = law.value("launch_s"),
          .compute = law.value("compute_flops"),
          .bandwidth = law.value("bandwidth_Bps")};
}

AttentionLatency::AttentionLatency(const std::vector<FittedLaw>& decode,
                                   const std::vector<FittedLaw>& prefill) {
  require(!decode.empty() && !prefill.empty(), "attention needs a decode and a prefill law");
  const auto fill = [](auto& law, const FittedLaw& fitted, const char* load, const char* length) {
    law.info = fitted.info;
    law.eight_bit = fitted.info.dtype == "fp8" || fitted.info.dtype == "int8";
    law.load = upper_axis(law.info, load);
    law.length = upper_axis(law.info, length);
    law.heads = axis(law.info, "heads");
    law.kv_heads = axis(law.info, "kv_heads");
    law.head_dim = axis(law.info, "head_dim");
  };
  for (const FittedLaw& fitted : decode) {
    require_form(fitted, {"attention_decode_v1"});
    Law<DecodeTheta> law;
    law.theta = decode_theta(fitted);
    fill(law, fitted, "sequences", "kv_tokens");
    decode_.push_back(law);
  }
  for (const FittedLaw& fitted : prefill) {
    require_form(fitted, {"attention_prefill_v1"});
    Law<PrefillTheta> law;
    law.theta = prefill_theta(fitted);
    fill(law, fitted, "chunk", "history");
    prefill_.push_back(law);
  }
}

template <class Theta>
const AttentionLatency::Law<Theta>& AttentionLatency::pick(const std::vector<Law<Theta>>& laws,
                                                           Precision precision) {
  for (const Law<Theta>& law : laws) {
    if (law.info.dtype == "any" || law.eight_bit == is_eight_bit(precision)) {
      return law;
    }
  }
  return laws.front();
}

template <class Theta>
bool AttentionLatency::inside(const Law<Theta>& law, const AttentionShape& shape) {
  return (law.info.dtype == "any" || law.eight_bit == is_eight_bit(shape.kv_precision)) &&
         law.heads.contains(static_cast<double>(shape.heads)) &&
         law.kv_heads.contains(static_cast<double>(shape.kv_heads)) &&
         law.head_dim.contains(static_cast<double>(shape.head_dim));
}

Estimate AttentionLatency::decode(const AttentionShape& shape, double sequences,
                                  double kv_tokens_total) const {
  const Law<DecodeTheta>& law = pick(decode_, shape.kv_precision);
  const bool covered = kv_tokens_total <= decode_line(shape, sequences).kv_tokens_inside;
  return {seconds(decode_seconds(law.theta, shape, sequences, kv_tokens_total)), !covered};
}

AttentionLatency::DecodeLine AttentionLatency::decode_line(const AttentionShape& shape,
                                                           double sequences) const {
  const Law<DecodeTheta>& law = pick(decode_, shape.kv_precision);
  DecodeLine line{.base = seconds(decode_seconds(law.theta, shape, sequences, 0.0)),
                  .per_kv_token = seconds(cache_row(shape) / law.theta.bandwidth)};
  if (!inside(law, shape) || !law.load.contains(sequences)) {
    line.kv_tokens_inside = -1.0;
  } else if (sequences > 0.0) {
    line.kv_tokens_inside = law.length.high * sequences;
  }
  return line;
}

Estimate AttentionLatency::prefill(const AttentionShape& shape, double chunk,
                                   double history) const {
  return prefill(shape, 1.0, chunk, history);
}

Estimate AttentionLatency::prefill(const AttentionShape& shape, double sequences, double chunk,
                                   double history) const {
  PrefillBatch batch;
  batch.add(chunk, history, sequences);
  return prefill(shape, batch);
}

Estimate AttentionLatency::prefill(const AttentionShape& shape, const PrefillBatch& batch) const {
  const Law<PrefillTheta>& law = pick(prefill_, shape.kv_precision);
  const bool covered = inside(law, shape) && law.load.contains(batch.longest_chunk) &&
                       law.length.contains(batch.longest_history);
  return {seconds(prefill_seconds(law.theta, shape, batch)), !covered};
}

std::vector<LawInfo> AttentionLatency::info() const {
  std::vector<LawInfo> all;
  for (const auto& law : decode_) {
    all.push_back(law.info);
  }
  for (const auto& law : prefill_) {
    all.push_back(law.info);
  }
  return all;
}

}  // namespace moeplan::models
