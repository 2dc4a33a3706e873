#include "models/latency/mla_latency.hpp"

#include <algorithm>

#include "models/latency/law_reader.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

constexpr double kSixteenBits = 16.0;

bool is_eight_bit(Precision precision) { return activation_bytes(precision) <= 1.0; }

double latent_row(const LatentShape& shape) {
  return static_cast<double>(shape.kv_lora_rank + shape.qk_rope_head_dim);
}

double latent_row_bytes(const LatentShape& shape) {
  return latent_row(shape) * activation_bytes(shape.kv_precision);
}

// Width of queries and outputs of the absorbed kernel, all heads.
double absorbed_width(const LatentShape& shape) {
  return static_cast<double>(shape.heads) *
         (latent_row(shape) + static_cast<double>(shape.kv_lora_rank));
}

// The same of the expanded kernel.
double expanded_width(const LatentShape& shape) {
  return static_cast<double>(shape.heads *
                             (shape.qk_nope_head_dim + shape.qk_rope_head_dim + shape.v_head_dim));
}

bool fits(const FittedLaw& law, Precision weights) {
  const auto bits = law.constants.find("projection_bits");
  return law.info.datasheet ||
         (bits != law.constants.end() && (bits->second < kSixteenBits) == is_eight_bit(weights));
}

}  // namespace

std::vector<ProductShape> latent_projections(const LatentShape& shape, std::int64_t hidden,
                                             std::optional<std::int64_t> q_lora_rank) {
  const std::int64_t latent = shape.kv_lora_rank + shape.qk_rope_head_dim;
  const std::int64_t query = shape.heads * (shape.qk_nope_head_dim + shape.qk_rope_head_dim);
  const ProductShape output{hidden, shape.heads * shape.v_head_dim};
  if (q_lora_rank) {
    return {{*q_lora_rank + latent, hidden}, {query, *q_lora_rank}, output};
  }
  return {{query, hidden}, {latent, hidden}, output};
}

ProductShape latent_expansion(const LatentShape& shape) {
  return {shape.heads * (shape.qk_nope_head_dim + shape.v_head_dim), shape.kv_lora_rank};
}

double mla_decode_seconds(const LatentDecodeTheta& theta, const LatentShape& shape,
                          double sequences, double kv_tokens_total) {
  const double per_token = std::max(latent_row_bytes(shape) / theta.bandwidth,
                                    2.0 * absorbed_width(shape) / theta.compute);
  return theta.launch +
         (theta.sequence + theta.head * static_cast<double>(shape.heads)) * sequences +
         kv_tokens_total * per_token;
}

double mla_prefill_seconds(const LatentPrefillTheta& theta, const LatentShape& shape,
                           LatentPath path, const PrefillBatch& batch) {
  const double start = theta.launch + theta.token * batch.tokens;
  if (path == LatentPath::absorbed) {
    const double width = absorbed_width(shape);
    return start + 2.0 * width * batch.products / theta.compute +
           (2.0 * width * batch.tokens + latent_row_bytes(shape) * batch.kv_tokens) /
               theta.bandwidth;
  }
  const ProductShape expansion = latent_expansion(shape);
  const double width = expanded_width(shape);
  const double cached = batch.kv_tokens - batch.tokens;
  const double flops = 2.0 * width * batch.products +
                       2.0 * static_cast<double>(expansion.columns * expansion.inner) * cached;
  return start + flops / theta.compute +
         2.0 * width * (batch.tokens + batch.kv_tokens) / theta.bandwidth;
}

MlaLatency::MlaLatency(const std::vector<FittedLaw>& laws, Precision weights) {
  const auto fill = [&](auto& law, const FittedLaw& fitted, const char* load, const char* length) {
    law.info = fitted.info;
    law.stands_in = !fits(fitted, weights);
    law.load = upper_axis(law.info, load);
    law.length = upper_axis(law.info, length);
    law.heads = axis(law.info, "heads");
    law.latent_row = axis(law.info, "latent_row");
    law.value_dim = axis(law.info, "value_dim");
  };
  // Laws for these products first, so that pick() meets them first.
  std::vector<const FittedLaw*> ordered;
  for (const FittedLaw& law : laws) {
    ordered.push_back(&law);
  }
  std::stable_partition(ordered.begin(), ordered.end(),
                        [&](const FittedLaw* law) { return fits(*law, weights); });
  for (const FittedLaw* fitted : ordered) {
    require_form(*fitted, {"mla_decode_v1", "mla_prefill_v1"});
    if (fitted->info.form == "mla_decode_v1") {
      Law<LatentDecodeTheta> law;
      law.theta = {.launch = fitted->value("launch_s"),
                   .sequence = fitted->value("sequence_s"),
                   .head = fitted->value("head_s"),
                   .bandwidth = fitted->value("bandwidth_Bps"),
                   .compute = fitted->value("compute_flops")};
      fill(law, *fitted, "sequences", "kv_tokens");
      decode_.push_back(law);
      continue;
    }
    require_whole(*fitted, "absorbed", 0, 1);
    Law<LatentPrefillTheta> law;
    law.theta = {.launch = fitted->value("launch_s"),
                 .token = fitted->value("token_s"),
                 .bandwidth = fitted->value("bandwidth_Bps"),
                 .compute = fitted->value("compute_flops")};
    fill(law, *fitted, "chunk", "history");
    (fitted->constants.at("absorbed") > 0.0 ? absorbed_ : expanded_).push_back(law);
  }
  require(!decode_.empty() && !expanded_.empty(),
          "latent attention needs a decode law and one of expanded prompts");
}

// The first law of the KV precision, else the first of all; nullptr when there is none.
template <class Theta>
const MlaLatency::Law<Theta>* MlaLatency::pick(const std::vector<Law<Theta>>& laws,
                                               Precision kv_precision) {
  for (const Law<Theta>& law : laws) {
    if (law.info.dtype == "any" ||
        (law.info.dtype == "fp8" || law.info.dtype == "int8") == is_eight_bit(kv_precision)) {
      return &law;
    }
  }
  return laws.empty() ? nullptr : &laws.front();
}

template <class Theta>
bool MlaLatency::inside(const Law<Theta>& law, const LatentShape& shape) {
  const bool kv =
      law.info.dtype == "any" ||
      (law.info.dtype == "fp8" || law.info.dtype == "int8") == is_eight_bit(shape.kv_precision);
  return kv && !law.stands_in && law.heads.contains(static_cast<double>(shape.heads)) &&
         law.latent_row.contains(latent_row(shape)) &&
         law.value_dim.contains(static_cast<double>(shape.v_head_dim));
}

MlaLatency::DecodeLine MlaLatency::decode_line(const LatentShape& shape, double sequences) const {
  const Law<LatentDecodeTheta>& law = *pick(decode_, shape.kv_precision);
  DecodeLine line{
      .base = seconds(mla_decode_seconds(law.theta, shape, sequences, 0.0)),
      .per_kv_token = seconds(std::max(latent_row_bytes(shape) / law.theta.bandwidth,
                                       2.0 * absorbed_width(shape) / law.theta.compute))};
  if (!inside(law, shape) || !law.load.contains(sequences)) {
    line.kv_tokens_inside = -1.0;
  } else if (sequences > 0.0) {
    line.kv_tokens_inside = law.length.high * sequences;
  }
  return line;
}

Estimate MlaLatency::decode(const LatentShape& shape, double sequences,
                            double kv_tokens_total) const {
  const DecodeLine line = decode_line(shape, sequences);
  return {line.base + kv_tokens_total * line.per_kv_token, kv_tokens_total > line.kv_tokens_inside};
}

double MlaLatency::absorbed_up_to(const LatentShape& shape) const {
  const Law<LatentPrefillTheta>* law = pick(absorbed_, shape.kv_precision);
  return law == nullptr ? 0.0 : law->load.high;
}

Estimate MlaLatency::prefill(const LatentShape& shape, LatentPath path, const PrefillBatch& batch,
                             bool launched) const {
  const Law<LatentPrefillTheta>* law =
      pick(path == LatentPath::absorbed ? absorbed_ : expanded_, shape.kv_precision);
  require(law != nullptr, "a path of prompts without a law");
  LatentPrefillTheta theta = law->theta;
  theta.launch = launched ? theta.launch : 0.0;
  const bool covered = inside(*law, shape) && law->load.contains(batch.longest_chunk) &&
                       law->length.contains(batch.longest_history);
  return {seconds(mla_prefill_seconds(theta, shape, path, batch)), !covered};
}

std::vector<LawInfo> MlaLatency::info() const {
  std::vector<LawInfo> all;
  const auto add = [&](const auto& laws) {
    for (const auto& law : laws) {
      if (!law.stands_in || &law == &laws.front()) {
        all.push_back(law.info);
      }
    }
  };
  add(decode_);
  add(expanded_);
  add(absorbed_);
  return all;
}

}  // namespace moeplan::models
