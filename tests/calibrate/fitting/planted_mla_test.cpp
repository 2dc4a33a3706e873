// The fit of latent attention gets durations of blocks that its own laws made, and must find the
// parameters of the attention part again, whatever the products around it cost.
#include <gtest/gtest.h>

#include "calibrate/fitting/fit_kernels.hpp"
#include "calibrate/fitting/fit_profile.hpp"
#include "calibrate/fitting/predictor.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/mla_latency.hpp"

namespace moeplan {
namespace {

using models::FittedLaw;
using models::LatentPath;
using models::LatentSample;

const models::Gpu& h100() {
  static const models::Gpu gpu = models::load_gpu("h100-sxm");
  return gpu;
}

FittedLaw dense_law(double launch) {
  FittedLaw law;
  law.info = {.kernel = "dense", .kernel_source = "planted", .form = "dense_pnorm_v1"};
  law.theta = {
      {"launch_s", launch}, {"bandwidth_Bps", 3e12}, {"compute_flops", 8e14}, {"norm", 3.0}};
  return law;
}

calibrate::MlaProducts products() { return {dense_law(5e-6), dense_law(3e-6)}; }

LatentSample block(std::int64_t heads, LatentPath path) {
  LatentSample sample;
  sample.origin = {.kernel_source = "planted", .precision = models::Precision::fp8_block};
  sample.shape = {.heads = heads,
                  .kv_lora_rank = 512,
                  .qk_nope_head_dim = 128,
                  .qk_rope_head_dim = 64,
                  .v_head_dim = 128};
  sample.hidden = 7168;
  sample.q_lora_rank = 1536;
  sample.path = path;
  return sample;
}

constexpr models::LatentDecodeTheta kDecode{
    .launch = 60e-6, .sequence = 80e-9, .head = 3e-9, .bandwidth = 2.9e12, .compute = 6e14};

std::vector<LatentSample> decode_rows() {
  std::vector<LatentSample> samples;
  for (const std::int64_t heads : {1, 16, 64, 128}) {
    for (double sequences = 1.0; sequences <= 1024.0; sequences *= 4.0) {
      for (double length = 2.0; length <= 65536.0; length *= 4.0) {
        LatentSample sample = block(heads, LatentPath::absorbed);
        sample.decode = true;
        sample.sequences = sequences;
        sample.chunk = 1.0;
        sample.history = length;
        sample.origin.seconds =
            calibrate::mla_product_seconds(sample, products()) +
            mla_decode_seconds(kDecode, sample.shape, sequences, sequences * length);
        samples.push_back(sample);
      }
    }
  }
  return samples;
}

void expect_theta(const FittedLaw& law, const std::string& name, double planted) {
  EXPECT_NEAR(law.value(name), planted, 1e-3 * planted) << name;
}

TEST(PlantedLaws, MlaDecode) {
  const std::vector<LatentSample> samples = decode_rows();
  const auto found = calibrate::fit_mla(samples, h100(), products());
  expect_theta(found.law, "launch_s", kDecode.launch);
  expect_theta(found.law, "sequence_s", kDecode.sequence);
  expect_theta(found.law, "head_s", kDecode.head);
  expect_theta(found.law, "bandwidth_Bps", kDecode.bandwidth);
  expect_theta(found.law, "compute_flops", kDecode.compute);
  EXPECT_EQ(found.law.constants.at("projection_bits"), 8.0);
  EXPECT_EQ(found.law.info.kernel_source, "planted decode, fp8_block products");
  EXPECT_EQ(found.law.info.dtype, "bf16") << "of the cache";
  EXPECT_EQ(found.reports.front().shapes, 4) << "numbers of heads";
  ASSERT_TRUE(found.reports.front().leave_one_shape_out.has_value());
}

TEST(PlantedLaws, MlaPrompts) {
  const models::LatentPrefillTheta planted{
      .launch = 70e-6, .token = 30e-9, .bandwidth = 0.8e12, .compute = 7e14};
  for (const LatentPath path : {LatentPath::expanded, LatentPath::absorbed}) {
    std::vector<LatentSample> samples;
    for (const std::int64_t heads : {8, 32, 128}) {
      for (const double sequences : {1.0, 8.0}) {
        for (double chunk = 16.0; chunk <= 16384.0; chunk *= 2.0) {
          LatentSample sample = block(heads, path);
          sample.sequences = sequences;
          sample.chunk = chunk;
          models::PrefillBatch batch;
          batch.add(chunk, 0.0, sequences);
          sample.origin.seconds = calibrate::mla_product_seconds(sample, products()) +
                                  mla_prefill_seconds(planted, sample.shape, path, batch);
          samples.push_back(sample);
        }
      }
    }
    const auto found = calibrate::fit_mla(samples, h100(), products());
    expect_theta(found.law, "launch_s", planted.launch);
    expect_theta(found.law, "token_s", planted.token);
    expect_theta(found.law, "bandwidth_Bps", planted.bandwidth);
    expect_theta(found.law, "compute_flops", planted.compute);
    EXPECT_EQ(found.law.constants.at("absorbed"), path == LatentPath::absorbed ? 1.0 : 0.0);
  }
}

TEST(PlantedLaws, ABlockReadsItsCacheFromL2OnlyBesideItsWeights) {
  // H100: 60 % of 50 MiB is 31.5 MB. One head in fp8_block: 7168 (1536 + 576) + 1536 x 192 +
  // 128 x 7168 = 16.35 M weights and 0.13 M of 16 bits: 16.6 MB. A cache of 8192 tokens, 9.4 MB,
  // fits beside them, one of 16384 does not; 16 heads weigh 38 MB alone.
  LatentSample sample = block(1, LatentPath::absorbed);
  sample.decode = true;
  sample.sequences = 1.0;
  sample.history = 8192.0;
  EXPECT_TRUE(calibrate::is_cached(sample, h100()));
  sample.history = 16384.0;
  EXPECT_FALSE(calibrate::is_cached(sample, h100()));
  sample.history = 8192.0;
  sample.shape.heads = 16;
  EXPECT_FALSE(calibrate::is_cached(sample, h100()));
}

TEST(FitProfile, MlaNeedsTheDenseLawsOfTheSameFiles) {
  models::Measurements file{.file = "mla.csv", .name = "mla.csv", .source = "test"};
  file.latent = decode_rows();
  const auto fitted = calibrate::fit_profile({file}, h100());
  EXPECT_TRUE(fitted.profile.laws.empty());
  ASSERT_EQ(fitted.notes.size(), 1u);
  EXPECT_NE(fitted.notes[0].find("no dense law in fp8_block"), std::string::npos)
      << fitted.notes[0];
}

// A kernel without products and without the small kernels beside it: its form fits, but the law of
// a block would lack them, and the law of a block is not judged by it.
TEST(FitProfile, KernelsAloneAreReportedAndNeverALaw) {
  models::Measurements file{.file = "mla.csv", .name = "mla.csv", .source = "test"};
  file.latent = decode_rows();
  for (LatentSample& sample : file.latent) {
    sample.origin.seconds -= calibrate::mla_product_seconds(sample, products());
    sample.kernel_alone = true;
    sample.hidden = sample.q_lora_rank = 0;
  }
  const auto fitted = calibrate::fit_profile({file}, h100());
  EXPECT_TRUE(fitted.profile.laws.empty());
  ASSERT_EQ(fitted.families.size(), 1u);
  EXPECT_EQ(fitted.families[0].kernel_source, "planted decode, kernel alone");
  EXPECT_LT(fitted.families[0].errors.median_abs, 1e-3);
  ASSERT_FALSE(fitted.notes.empty());
  EXPECT_NE(fitted.notes.back().find("not kept: kernels alone"), std::string::npos);
  const models::Gpu& gpu = h100();
  const models::Fabric inside = models::load_fabric(gpu.fabric);
  calibrate::Predictor predictor(gpu, inside, nullptr, nullptr);
  EXPECT_NE(predictor.predict(file.latent.front()).refused.find("kernels alone"),
            std::string::npos);
}

}  // namespace
}  // namespace moeplan
