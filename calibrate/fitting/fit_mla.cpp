#include <fmt/format.h>

#include "calibrate/fitting/simple_family.hpp"
#include "models/latency/dense_latency.hpp"
#include "models/latency/mla_latency.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

using models::LatentPath;
using models::LatentSample;

double tokens_of(const LatentSample& sample) { return sample.sequences * sample.chunk; }

double cache_bytes(const LatentSample& sample) {
  return sample.sequences * sample.history *
         static_cast<double>(sample.shape.kv_lora_rank + sample.shape.qk_rope_head_dim) *
         models::activation_bytes(sample.shape.kv_precision);
}

double bytes_of(const models::ProductShape& product, models::Precision precision) {
  return static_cast<double>(product.columns * product.inner) * models::weight_bytes(precision);
}

double weights_of(const LatentSample& sample) {
  if (sample.kernel_alone) {
    return 0.0;
  }
  double bytes = bytes_of(models::latent_expansion(sample.shape), models::Precision::bf16);
  for (const models::ProductShape& product :
       models::latent_projections(sample.shape, sample.hidden, sample.q_lora_rank)) {
    bytes += bytes_of(product, sample.origin.precision);
  }
  return bytes;
}

models::PrefillBatch prompts_of(const LatentSample& sample) {
  models::PrefillBatch batch;
  batch.add(sample.chunk, sample.history, sample.sequences);
  return batch;
}

const char* kind_of(const LatentSample& sample) {
  return sample.decode                         ? "decode"
         : sample.path == LatentPath::absorbed ? "short_prompts"
                                               : "prompts";
}

// What all three fits share: durations, shapes (numbers of heads), origin, domain.
SimpleRows rows_of(const std::vector<LatentSample>& samples,
                   std::map<std::string, models::Interval>& domain) {
  require(!samples.empty(), "a fit needs samples");
  SimpleRows rows;
  std::vector<models::LatentShape> keys;
  for (const LatentSample& sample : samples) {
    const models::LatentShape& shape = sample.shape;
    rows.seconds.push_back(sample.origin.seconds);
    rows.launches.push_back(sample.origin.launch_seconds);
    rows.shape_of.push_back(shape_index(keys, shape));
    cover(domain, "heads", static_cast<double>(shape.heads));
    cover(domain, "latent_row", static_cast<double>(shape.kv_lora_rank + shape.qk_rope_head_dim));
    cover(domain, "value_dim", static_cast<double>(shape.v_head_dim));
    cover(domain, sample.decode ? "sequences" : "chunk",
          sample.decode ? sample.sequences : sample.chunk);
    cover(domain, sample.decode ? "kv_tokens" : "history", sample.history);
  }
  rows.shapes = static_cast<int>(keys.size());
  return rows;
}

FittedFamily finish(const SimpleRows& rows, const LatentSample& first, const char* form,
                    const std::map<std::string, models::Interval>& domain,
                    const MlaProducts& products) {
  models::SampleOrigin origin = first.origin;
  const double bits = models::activation_bytes(origin.precision) < 2.0 ? 8.0 : 16.0;
  origin.kernel_source = mla_source(first);
  FittedFamily family =
      fit_simple(rows, "mla", origin, std::string(name_of(first.shape.kv_precision)));
  family.law.info.form = form;
  family.law.info.domain = domain;
  family.law.constants["projection_bits"] = bits;
  family.law.info.source = first.kernel_alone ? "attention kernels alone"
                                              : fmt::format("blocks less the dense laws {} and {}",
                                                            products.quantised.info.kernel_source,
                                                            products.plain.info.kernel_source);
  return family;
}

}  // namespace

std::string mla_source(const LatentSample& sample) {
  return sample.kernel_alone
             ? fmt::format("{} {}, kernel alone", sample.origin.kernel_source, kind_of(sample))
             : fmt::format("{} {}, {} products", sample.origin.kernel_source, kind_of(sample),
                           name_of(sample.origin.precision));
}

bool is_cached(const LatentSample& sample, const models::Gpu& gpu) {
  const double bytes = cache_bytes(sample);
  return sample.decode && bytes > 1e-6 * gpu.bandwidth.value() &&
         bytes + weights_of(sample) < 0.6 * in_bytes(gpu.l2_cache);
}

double mla_product_seconds(const LatentSample& sample, const MlaProducts& products) {
  if (sample.kernel_alone) {
    return 0.0;
  }
  const double rows = tokens_of(sample);
  const auto seconds = [&](const models::FittedLaw& law, models::Precision precision,
                           const models::ProductShape& product) {
    return models::dense_seconds(models::dense_theta(law), precision, rows,
                                 static_cast<double>(product.columns),
                                 static_cast<double>(product.inner));
  };
  const models::Precision precision = sample.origin.precision;
  const models::ProductShape expansion = models::latent_expansion(sample.shape);
  double sum = sample.path == LatentPath::absorbed
                   ? seconds(products.plain, models::Precision::bf16, expansion)
                   : seconds(products.quantised, precision, expansion);
  for (const models::ProductShape& product :
       models::latent_projections(sample.shape, sample.hidden, sample.q_lora_rank)) {
    sum += seconds(products.quantised, precision, product);
  }
  return sum;
}

FittedFamily fit_mla(const std::vector<LatentSample>& samples, const models::Gpu& gpu,
                     const MlaProducts& products) {
  std::map<std::string, models::Interval> domain;
  SimpleRows rows = rows_of(samples, domain);
  std::vector<double> fixed;
  for (const LatentSample& sample : samples) {
    fixed.push_back(mla_product_seconds(sample, products));
    rows.left_out.push_back(is_cached(sample, gpu));
  }
  const double peak = gpu.peak_for(models::Precision::fp16).value();
  const double memory = gpu.bandwidth.value();
  if (samples.front().decode) {
    rows.parameters = {{"launch_s", 60e-6, 60e-6},
                       {"sequence_s", 70e-9, 0.0},
                       {"head_s", 3e-9, 0.0},
                       {"bandwidth_Bps", 0.85 * memory, 0.85 * memory},
                       {"compute_flops", 0.65 * peak, 0.65 * peak}};
    rows.law = [&samples, &fixed](std::span<const double> v, std::size_t i) {
      const models::LatentDecodeTheta theta{
          .launch = v[0], .sequence = v[1], .head = v[2], .bandwidth = v[3], .compute = v[4]};
      return fixed[i] + models::mla_decode_seconds(theta, samples[i].shape, samples[i].sequences,
                                                   samples[i].sequences * samples[i].history);
    };
    return finish(rows, samples.front(), "mla_decode_v1", domain, products);
  }
  rows.parameters = {{"launch_s", 65e-6, 65e-6},
                     {"token_s", 28e-9, 0.0},
                     {"compute_flops", 0.9 * peak, 0.9 * peak},
                     {"bandwidth_Bps", 0.27 * memory, 0.27 * memory}};
  rows.law = [&samples, &fixed](std::span<const double> v, std::size_t i) {
    const models::LatentPrefillTheta theta{
        .launch = v[0], .token = v[1], .bandwidth = v[3], .compute = v[2]};
    return fixed[i] + models::mla_prefill_seconds(theta, samples[i].shape, samples[i].path,
                                                  prompts_of(samples[i]));
  };
  FittedFamily family = finish(rows, samples.front(), "mla_prefill_v1", domain, products);
  family.law.constants["absorbed"] = samples.front().path == LatentPath::absorbed ? 1.0 : 0.0;
  return family;
}

}  // namespace moeplan::calibrate
