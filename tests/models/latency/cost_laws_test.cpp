#include "models/latency/cost_laws.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "models/catalog/catalog.hpp"
#include "tests/models/latency/sample_laws.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using models::CostLaws;
using models::ExpertLoad;
using models::ExpertShape;
using models::Gpu;
using models::LawRequest;
using models::Precision;
using models::Profile;

CostLaws laws_of(const Gpu& gpu, const Profile* profile, const LawRequest& request = {}) {
  return make_cost_laws(gpu, models::load_fabric(gpu.fabric), nullptr, profile, request);
}

Profile profile_with_expert(const std::string& hardware) {
  Profile profile{.id = "test", .hardware = hardware, .provenance = {}, .laws = {}};
  profile.laws.push_back(tests::plain_expert_law());
  return profile;
}

TEST(CostLaws, DataSheetLawsSayAllOfIt) {
  const CostLaws laws = laws_of(models::load_gpu("h100-sxm"), nullptr);
  EXPECT_GE(laws.all().size(), 8u);
  for (const models::LawInfo& info : laws.all()) {
    // The host's time is the engine's, fitted to serving runs, whatever the device.
    const bool host = info.kernel == "host";
    EXPECT_EQ(info.datasheet, !host) << info.kernel;
    EXPECT_TRUE(info.source.starts_with(host ? "fitted" : "assumed")) << info.source;
    // The narrowest band is that of decode attention (what data-sheet laws miss on measured GPUs).
    EXPECT_GE(info.discrepancy_sd_log, 0.15) << info.kernel;
  }
}

TEST(CostLaws, TheProfileWinsWhereItHasTheKernelAndPrecision) {
  const Gpu gpu = models::load_gpu("h100-sxm");
  const Profile profile = profile_with_expert("h100-sxm");
  EXPECT_FALSE(laws_of(gpu, &profile).expert.info().datasheet);
  EXPECT_TRUE(laws_of(gpu, &profile).dense.info().datasheet);
  EXPECT_TRUE(laws_of(gpu, &profile, {.experts = Precision::fp8}).expert.info().datasheet);
}

// 18 % of 989.4 TFLOP/s. Only 4-bit weights that are multiplied in 16 bits, and only as engines
// serve.
TEST(CostLaws, ExpandedWeightsAsEnginesServeThem) {
  const Gpu gpu = models::load_gpu("h100-sxm");
  const Profile profile = models::load_profile(models::profile_path("h100-sxm"));
  const CostLaws measured = laws_of(gpu, &profile, {.experts = Precision::mxfp4});
  const CostLaws served = laws_of(gpu, &profile, {.experts = Precision::mxfp4, .as_served = true});
  EXPECT_NEAR(served.expert.theta().compute, 0.18 * 989.4e12, 1e9);
  EXPECT_EQ(served.expert.theta().bandwidth, measured.expert.theta().bandwidth);
  EXPECT_EQ(served.expert.theta().tiles, models::TileRule::by_rows);
  EXPECT_GT(measured.expert.theta().compute, 0.5 * 989.4e12);
  // A long prompt takes longer; a decode step, which reads weights, does not.
  const ExpertShape shape{.hidden = 2880,
                          .intermediate = 2880,
                          .top_k = 4,
                          .experts = 128,
                          .local_experts = 128,
                          .precision = Precision::mxfp4};
  const auto seconds = [&](const CostLaws& laws, const ExpertLoad& load) {
    return laws.expert.estimate(shape, load).duration.value();
  };
  const ExpertLoad prompt{.tokens = 8192, .pairs = 32768, .active_experts = 128};
  const ExpertLoad decode{.tokens = 8, .pairs = 32, .active_experts = 28};
  EXPECT_GT(seconds(served, prompt), 3.0 * seconds(measured, prompt));
  EXPECT_NEAR(seconds(served, decode) / seconds(measured, decode), 1.0, 0.1);
  EXPECT_EQ(laws_of(gpu, &profile, {.as_served = true}).expert.theta().compute,
            laws_of(gpu, &profile).expert.theta().compute);
}

TEST(CostLaws, RefusesAProfileOfAnotherDevice) {
  const Gpu gpu = models::load_gpu("a100-sxm");
  const Profile profile = profile_with_expert("h100-sxm");
  tests::expect_input_error([&] { laws_of(gpu, &profile); }, "E_VALUE", "h100-sxm", "a100-sxm");
  EXPECT_NO_THROW(laws_of(gpu, &profile, {.allow_other_hardware = true}));
}

TEST(CostLaws, RefusesWhatTheDeviceCannotRun) {
  Gpu gpu = models::load_gpu("a100-sxm");
  gpu.computes_in.clear();  // only what it has arithmetic for
  tests::expect_input_error([&] { laws_of(gpu, nullptr, {.weights = Precision::fp8}); }, "E_VALUE",
                            "fp8", "bf16");
}

TEST(CostLaws, ABiggerDeviceIsNeverSlower) {
  const Gpu gpu = models::load_gpu("h100-sxm");
  Gpu faster = gpu;
  faster.bandwidth = 2.0 * gpu.bandwidth;
  Gpu stronger = gpu;
  for (auto& [precision, peak] : stronger.peak) {
    peak = 2.0 * peak;
  }
  const ExpertShape shape{
      .hidden = 4096, .intermediate = 1536, .top_k = 8, .experts = 128, .local_experts = 128};
  const models::AttentionShape heads{.heads = 32, .kv_heads = 8, .head_dim = 128};
  const CostLaws base = laws_of(gpu, nullptr);
  for (const Gpu& better : {faster, stronger}) {
    const CostLaws laws = laws_of(better, nullptr);
    for (const double tokens : {1.0, 64.0, 4096.0}) {
      const ExpertLoad load{
          .tokens = tokens, .pairs = 8 * tokens, .active_experts = std::min(128.0, 8 * tokens)};
      EXPECT_LE(laws.expert.estimate(shape, load).duration,
                base.expert.estimate(shape, load).duration);
      EXPECT_LE(laws.dense.estimate(tokens, 4096, 4096).duration,
                base.dense.estimate(tokens, 4096, 4096).duration);
      EXPECT_LE(laws.attention.decode(heads, tokens, 1000 * tokens).duration,
                base.attention.decode(heads, tokens, 1000 * tokens).duration);
      EXPECT_LE(laws.attention.prefill(heads, tokens, 0).duration,
                base.attention.prefill(heads, tokens, 0).duration);
    }
  }
}

TEST(CostLaws, OneExpertOfTopOneIsADenseLayer) {
  // Without launch floors, one expert that every token uses costs the two products of a gated
  // layer plus the passing of activations between the kernels: within a factor of two at any size.
  const CostLaws laws = laws_of(models::load_gpu("h100-sxm"), nullptr);
  const ExpertShape one{
      .hidden = 4096, .intermediate = 14336, .top_k = 1, .experts = 1, .local_experts = 1};
  for (const double tokens : {128.0, 1024.0, 8192.0}) {
    const double expert = in_seconds(
        laws.expert.estimate(one, {.tokens = tokens, .pairs = tokens, .active_experts = 1})
            .duration);
    const double dense = in_seconds(laws.dense.estimate(tokens, 2 * 14336, 4096).duration +
                                    laws.dense.estimate(tokens, 4096, 14336).duration);
    EXPECT_GT(expert, 0.8 * dense) << tokens;
    EXPECT_LT(expert, 2.0 * dense) << tokens;
  }
}

}  // namespace
}  // namespace moeplan
