// Each kernel's fit gets durations that the law itself made, and must find its parameters again.
#include <gtest/gtest.h>

#include <algorithm>

#include "calibrate/fitting/fit_kernels.hpp"
#include "calibrate/fitting/statistics.hpp"
#include "calibrate/import/table_routing.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/collective_latency.hpp"
#include "models/latency/dense_latency.hpp"

namespace moeplan {
namespace {

using models::FittedLaw;

const models::Gpu& h100() {
  static const models::Gpu gpu = models::load_gpu("h100-sxm");
  return gpu;
}

void expect_theta(const FittedLaw& law, const std::string& name, double planted) {
  EXPECT_NEAR(law.value(name), planted, 1e-3 * planted) << name;
}

TEST(PlantedLaws, Expert) {
  const models::ExpertTheta planted{.launch = 15e-6,
                                    .expert_parallel = 9e-6,
                                    .inner = 2e-9,
                                    .bandwidth = 2.5e12,
                                    .compute = 6e14,
                                    .norm = 2.5,
                                    .traffic = 1 / 2e12,
                                    .local_traffic = 1 / 3e12,
                                    .token_traffic = 1 / 0.5e12,
                                    .reread = 1.5,
                                    .top1 = 0.0,
                                    .multiprocessors = 132,
                                    .tiles = models::TileRule::by_tokens};
  std::vector<models::ExpertSample> samples;
  const std::int64_t shapes[][4] = {
      {2048, 768, 8, 128}, {4096, 14336, 2, 8}, {5120, 8192, 4, 16}, {3072, 1024, 6, 64}};
  for (const auto& [hidden, width, top_k, experts] : shapes) {
    for (const std::int64_t ranks : {1, 2, 8}) {
      for (const std::int64_t tokens : {1, 4, 16, 48, 80, 256, 384, 1024, 4096, 16384}) {
        models::ExpertSample sample;
        sample.origin = {.kernel_source = "planted"};
        sample.distribution = "balanced";
        sample.shape = {.hidden = hidden,
                        .intermediate = width,
                        .top_k = top_k,
                        .experts = experts,
                        .local_experts = experts / ranks};
        sample.intermediate_full = width;
        sample.load = calibrate::balanced_load(tokens, experts, top_k, ranks);
        sample.origin.seconds = expert_seconds(planted, sample.shape, sample.load);
        samples.push_back(sample);
      }
    }
  }
  const auto found = calibrate::fit_expert(samples, h100());
  expect_theta(found.law, "launch_s", planted.launch);
  expect_theta(found.law, "expert_parallel_s", planted.expert_parallel);
  expect_theta(found.law, "inner_s", planted.inner);
  expect_theta(found.law, "bandwidth_Bps", planted.bandwidth);
  expect_theta(found.law, "compute_flops", planted.compute);
  expect_theta(found.law, "norm", planted.norm);
  expect_theta(found.law, "traffic_Bps", 2e12);
  expect_theta(found.law, "token_traffic_Bps", 0.5e12);
  expect_theta(found.law, "reread", planted.reread);
  EXPECT_EQ(found.law.theta.count("top1_s"), 0u) << "no row with top-1: must not be guessed";
  EXPECT_EQ(found.law.constants.at("tile_rule"), 1.0);
  EXPECT_EQ(found.law.info.domain.at("tokens").high, 16384.0);
  EXPECT_EQ(found.reports.front().shapes, 4);
  ASSERT_TRUE(found.reports.front().leave_one_shape_out.has_value());
  EXPECT_LT(found.reports.front().leave_one_shape_out->p90, 1e-3);
}

TEST(PlantedLaws, Dense) {
  const models::DenseTheta planted{.launch = 5e-6,
                                   .inner = 0.4e-9,
                                   .bandwidth = 2.8e12,
                                   .compute = 7e14,
                                   .norm = 3.0,
                                   .quantise = 0.0};
  std::vector<models::DenseSample> samples;
  for (const std::int64_t n : {1024, 2048, 8192}) {
    for (const std::int64_t k : {1024, 4096, 16384}) {
      for (double m = 1.0; m <= 16384.0; m *= 4.0) {
        models::DenseSample sample{
            .origin = {.kernel_source = "planted"}, .rows = m, .columns = n, .inner = k};
        sample.origin.seconds = dense_seconds(planted, models::Precision::bf16, m,
                                              static_cast<double>(n), static_cast<double>(k));
        samples.push_back(sample);
      }
    }
  }
  const auto found = calibrate::fit_dense(samples, h100());
  expect_theta(found.law, "launch_s", planted.launch);
  expect_theta(found.law, "inner_s", planted.inner);
  expect_theta(found.law, "bandwidth_Bps", planted.bandwidth);
  expect_theta(found.law, "compute_flops", planted.compute);
  expect_theta(found.law, "norm", planted.norm);
}

TEST(PlantedLaws, DecodeIgnoresCachesThatSitInL2) {
  const models::DecodeTheta planted{.launch = 12e-6, .sequence = 30e-9, .bandwidth = 2.9e12};
  std::vector<models::AttentionSample> samples;
  for (const std::int64_t kv_heads : {1, 4, 8}) {
    for (double sequences = 1.0; sequences <= 512.0; sequences *= 2.0) {
      for (double length = 16.0; length <= 65536.0; length *= 4.0) {
        models::AttentionSample sample{
            .origin = {.kernel_source = "planted"},
            .shape = {.heads = 32, .kv_heads = kv_heads, .head_dim = 128},
            .decode = true,
            .sequences = sequences,
            .chunk = 1.0,
            .history = length};
        sample.origin.seconds =
            decode_seconds(planted, sample.shape, sequences, sequences * length);
        if (calibrate::is_cached(sample, h100())) {
          sample.origin.seconds *= 0.5;
        }
        samples.push_back(sample);
      }
    }
  }
  const auto found = calibrate::fit_decode(samples, h100());
  expect_theta(found.law, "launch_s", planted.launch);
  expect_theta(found.law, "sequence_s", planted.sequence);
  expect_theta(found.law, "bandwidth_Bps", planted.bandwidth);
  EXPECT_EQ(found.reports.front().errors.points, static_cast<std::int64_t>(samples.size()))
      << "reported all the same";
  EXPECT_NEAR(found.reports.front().errors.max_abs, 1.0, 1e-3);
}

TEST(PlantedLaws, Prefill) {
  const models::PrefillTheta planted{.launch = 14e-6, .compute = 5e14, .bandwidth = 1.2e12};
  std::vector<models::AttentionSample> samples;
  for (const std::int64_t heads : {8, 16, 64}) {
    for (double chunk = 16.0; chunk <= 16384.0; chunk *= 2.0) {
      models::AttentionSample sample{.origin = {.kernel_source = "planted"},
                                     .shape = {.heads = heads, .kv_heads = 4, .head_dim = 128},
                                     .sequences = 2.0,
                                     .chunk = chunk};
      sample.origin.seconds = prefill_seconds(planted, sample.shape, 2.0, chunk, 0.0);
      samples.push_back(sample);
    }
  }
  const auto found = calibrate::fit_prefill(samples, h100());
  expect_theta(found.law, "launch_s", planted.launch);
  expect_theta(found.law, "compute_flops", planted.compute);
  expect_theta(found.law, "bandwidth_Bps", planted.bandwidth);
}

TEST(PlantedLaws, CollectivesGetOneLawForEachNumberOfRanks) {
  std::vector<models::CollectiveSample> samples;
  for (const int ranks : {2, 8}) {
    const models::MessageTheta planted{.launch = ranks * 2e-6, .bandwidth = 2e11, .norm = 0.7};
    for (double size = 512.0; size < 1e9; size *= 2.0) {
      models::CollectiveSample sample{
          .origin = {.kernel_source = "planted"}, .ranks = ranks, .bytes = size};
      sample.origin.seconds = message_seconds(planted, size);
      samples.push_back(sample);
    }
  }
  const auto found = calibrate::fit_collective(samples);
  ASSERT_EQ(found.laws.size(), 2u);
  EXPECT_EQ(found.laws[1].constants.at("ranks"), 8.0);
  expect_theta(found.laws[0], "launch_s", 4e-6);
  expect_theta(found.laws[1], "launch_s", 16e-6);
  expect_theta(found.laws[1], "bandwidth_Bps", 2e11);
  expect_theta(found.laws[1], "norm", 0.7);
  EXPECT_LT(found.report.errors.max_abs, 1e-4);
  EXPECT_FALSE(found.report.leave_one_shape_out.has_value());
}

// Rows of a layer of 2048 x 768, top-8, with so many experts, by the law for `theta`.
std::vector<models::ExpertSample> planted_counts(const models::ExpertTheta& theta,
                                                 const std::vector<std::int64_t>& counts,
                                                 models::ExpertPart part) {
  std::vector<models::ExpertSample> samples;
  for (const std::int64_t experts : counts) {
    for (const std::int64_t tokens : {1, 4, 16, 48, 80, 256, 1024, 4096, 16384}) {
      models::ExpertSample sample;
      sample.origin = {.kernel_source = "planted"};
      sample.distribution = "balanced";
      sample.part = part;
      sample.shape = {.hidden = 2048,
                      .intermediate = 768,
                      .top_k = 8,
                      .experts = experts,
                      .local_experts = experts};
      sample.intermediate_full = 768;
      sample.load = calibrate::balanced_load(tokens, experts, 8, 1);
      sample.origin.seconds = expert_part_seconds(theta, part, sample.shape, sample.load);
      samples.push_back(sample);
    }
  }
  return samples;
}

const models::ExpertTheta kPlantedParts{.launch = 12e-6,
                                        .inner = 2e-9,
                                        .bandwidth = 2.5e12,
                                        .compute = 6e14,
                                        .norm = 2.5,
                                        .reread = 1.5,
                                        .multiprocessors = 132,
                                        .tiles = models::TileRule::by_tokens};

TEST(PlantedLaws, ExpertCountsAreHeldOutTogether) {
  // The law holds for every number of experts, so one left out is predicted exactly; a number whose
  // rows take twice as long is predicted at half, and only that one in four: the p90 shows it.
  auto samples = planted_counts(kPlantedParts, {16, 32, 64, 128}, models::ExpertPart::layer);
  const auto exact = calibrate::fit_expert(samples, h100()).reports.front();
  ASSERT_TRUE(exact.leave_one_expert_count_out.has_value());
  EXPECT_LT(exact.leave_one_expert_count_out->p90, 0.01);
  for (models::ExpertSample& sample : samples) {
    sample.origin.seconds *= sample.shape.experts == 64 ? 2.0 : 1.0;
  }
  const auto doubled = calibrate::fit_expert(samples, h100()).reports.front();
  EXPECT_NEAR(doubled.leave_one_expert_count_out->p90, 0.5, 0.06);
  EXPECT_LT(doubled.errors.median_abs, doubled.leave_one_expert_count_out->p90);
}

TEST(PlantedLaws, TwoExpertCountsCannotBeHeldOut) {
  const auto samples = planted_counts(kPlantedParts, {16, 128}, models::ExpertPart::layer);
  const auto report = calibrate::fit_expert(samples, h100()).reports.front();
  EXPECT_FALSE(report.leave_one_expert_count_out.has_value());
}

TEST(PlantedLaws, OneNumberOfExpertsIsSplitByWhatARankHolds) {
  auto samples = planted_counts(kPlantedParts, {16, 32, 64, 128}, models::ExpertPart::products);
  for (models::ExpertSample& sample : samples) {
    sample.shape.experts = 128;  // of the layer; the rank holds 16 to 128 of them
  }
  const auto found = calibrate::fit_expert(samples, h100());
  ASSERT_TRUE(found.reports.front().leave_one_expert_count_out.has_value());
  EXPECT_LT(found.reports.front().leave_one_expert_count_out->p90, 0.01);
  EXPECT_GE(found.law.info.discrepancy_sd_log, calibrate::kUnseenBand) << "one shape only";
}

TEST(PlantedLaws, GemmsAloneAreTwoHalvesOfALayer) {
  auto samples = planted_counts(kPlantedParts, {16, 64, 128}, models::ExpertPart::up);
  const auto down = planted_counts(kPlantedParts, {16, 64, 128}, models::ExpertPart::down);
  samples.insert(samples.end(), down.begin(), down.end());
  const auto found = calibrate::fit_expert(samples, h100());
  expect_theta(found.law, "bandwidth_Bps", kPlantedParts.bandwidth);
  expect_theta(found.law, "compute_flops", kPlantedParts.compute);
  expect_theta(found.law, "inner_s", kPlantedParts.inner);
  // Three launches of 2 us around them, and the rank's own traffic at 70 % of 3.35 TB/s.
  EXPECT_NEAR(found.law.value("launch_s"), 12e-6 + 6e-6, 0.1e-6);
  expect_theta(found.law, "local_traffic_Bps", 0.7 * 3.35e12);
  EXPECT_EQ(found.law.theta.count("traffic_Bps"), 0u);
  EXPECT_LT(found.reports.front().errors.max_abs, 5e-3) << "errors are those of the parts";
}

TEST(PlantedLaws, WeightsAreNotReadAboveThePeak) {
  // Rows of a device with twice the bandwidth: the law keeps the peak of the one it is told.
  models::ExpertTheta fast = kPlantedParts;
  fast.bandwidth = 6.7e12;
  const auto found = calibrate::fit_expert(
      planted_counts(fast, {16, 32, 64, 128}, models::ExpertPart::layer), h100());
  EXPECT_DOUBLE_EQ(found.law.value("bandwidth_Bps"), h100().bandwidth.value());
  EXPECT_EQ(
      std::count(found.law.covariance_of.begin(), found.law.covariance_of.end(), "bandwidth_Bps"),
      0);
}

TEST(PlantedLaws, RepeatedWeightsThatFitTheCacheAreNotFitted) {
  // 60 % of 50 MiB hold three experts of 9.4 MB: rows with up to 3 active experts are three times
  // faster than memory, and say so.
  auto samples = planted_counts(kPlantedParts, {16, 32, 64, 128}, models::ExpertPart::layer);
  for (const double active : {1.0, 2.0, 3.0}) {
    models::ExpertSample sample = samples.front();
    sample.load = {.tokens = 4.0, .pairs = 32.0, .active_experts = active};
    models::ExpertTheta cached = kPlantedParts;
    cached.bandwidth *= 3.0;
    sample.origin.repeated = true;
    sample.origin.seconds = expert_seconds(cached, sample.shape, sample.load);
    EXPECT_TRUE(calibrate::is_cached(sample, h100())) << active;
    samples.push_back(sample);
  }
  const auto found = calibrate::fit_expert(samples, h100());
  expect_theta(found.law, "bandwidth_Bps", kPlantedParts.bandwidth);
  EXPECT_EQ(found.reports.front().errors.points, static_cast<std::int64_t>(samples.size()));
}

TEST(PlantedLaws, Stream) {
  std::vector<models::StreamSample> samples;
  for (const char* layer : {"layernorm", "rotary_emb", "sampler"}) {
    for (double size = 1e4; size < 1e9; size *= 10.0) {
      models::StreamSample sample{
          .origin = {.kernel_source = "planted"}, .kernel = "permute", .layer = layer};
      sample.bytes = size;
      sample.origin.seconds = 3e-6 + size / 2.5e12;
      samples.push_back(sample);
    }
  }
  const auto found = calibrate::fit_stream(samples, h100());
  expect_theta(found.law, "launch_s", 3e-6);
  expect_theta(found.law, "bandwidth_Bps", 2.5e12);
  EXPECT_EQ(found.reports.front().shapes, 3);
}

TEST(PlantedLaws, ProductsAloneTakeTheirQuantisingFromTheDataSheet) {
  const models::DenseTheta planted{
      .launch = 5e-6, .inner = 0.4e-9, .bandwidth = 2.8e12, .compute = 14e14, .norm = 3.0};
  std::vector<models::DenseSample> samples;
  for (const std::int64_t n : {1024, 2048, 8192}) {
    for (const std::int64_t k : {1024, 4096, 16384}) {
      for (double m = 1.0; m <= 16384.0; m *= 4.0) {
        models::DenseSample sample;
        sample.origin = {.kernel_source = "planted", .precision = models::Precision::fp8_block};
        sample.rows = m;
        sample.columns = n;
        sample.inner = k;
        sample.product_alone = true;
        sample.origin.seconds = dense_seconds(planted, models::Precision::fp8_block, m,
                                              static_cast<double>(n), static_cast<double>(k));
        samples.push_back(sample);
      }
    }
  }
  const auto found = calibrate::fit_dense(samples, h100());
  expect_theta(found.law, "launch_s", 5e-6 + 2e-6);
  expect_theta(found.law, "compute_flops", planted.compute);
  EXPECT_GT(found.law.value("quantise_elements_per_s"), 0.0);
  EXPECT_LT(found.reports.front().errors.max_abs, 1e-3);
}

}  // namespace
}  // namespace moeplan
