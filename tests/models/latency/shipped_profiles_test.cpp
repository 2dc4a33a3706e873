// The profiles in models/data: readable, used, and physical.
#include <gtest/gtest.h>

#include <cmath>

#include "models/catalog/catalog.hpp"
#include "models/latency/cost_laws.hpp"

namespace moeplan {
namespace {

using models::CostLaws;
using models::Precision;
using models::Profile;

class ShippedProfile : public testing::TestWithParam<const char*> {
 protected:
  Profile profile_ = models::load_profile(models::profile_path(GetParam()));
  models::Gpu gpu_ = models::load_gpu(GetParam());

  CostLaws laws(Precision experts = Precision::bf16) const {
    return make_cost_laws(gpu_, models::load_fabric(gpu_.fabric), nullptr, &profile_,
                          {.experts = experts});
  }
};

TEST_P(ShippedProfile, BelongsToItsDeviceAndNamesItsFiles) {
  EXPECT_EQ(profile_.hardware, GetParam());
  EXPECT_FALSE(profile_.provenance.empty());
  for (const models::ProfileFile& file : profile_.provenance) {
    EXPECT_EQ(file.sha256.size(), 64u) << file.file;
  }
  for (const models::FittedLaw& law : profile_.laws) {
    EXPECT_FALSE(law.files.empty()) << law.info.kernel;
  }
}

TEST_P(ShippedProfile, ExpertLawStaysBelowThePeaks) {
  const CostLaws of = laws();
  EXPECT_FALSE(of.expert.info().datasheet);
  EXPECT_LE(of.expert.theta().bandwidth, gpu_.bandwidth.value());
  EXPECT_LE(of.expert.theta().compute, gpu_.peak_for(Precision::bf16).value());
}

TEST_P(ShippedProfile, CollectivesGrowWithBytesAndBeatNoLink) {
  const CostLaws of = laws();
  const models::Fabric fabric = models::load_fabric(gpu_.fabric);
  for (const int ranks : {2, 4, 8}) {
    const auto estimate =
        of.collective.estimate(models::Collective::all_gather, ranks, bytes(512.0 * 1024 * 1024));
    EXPECT_FALSE(estimate.extrapolated);
    const double crossing = (ranks - 1.0) / ranks * 512.0 * 1024 * 1024;
    EXPECT_LE(crossing / in_seconds(estimate.duration), fabric.bandwidth.value()) << ranks;
  }
}

TEST_P(ShippedProfile, HalfTheExpertsReadHalfTheWeightsInMidBatch) {
  // field.md 2: decode in mid-batch is reading weights, so pruning 128 -> 64 experts nearly halves
  // the time; at one token or in a large prefill it changes little.
  const CostLaws of = laws();
  const auto time = [&](std::int64_t experts, double tokens) {
    const models::ExpertShape shape{.hidden = 2048,
                                    .intermediate = 768,
                                    .top_k = 8,
                                    .experts = experts,
                                    .local_experts = experts};
    const double count = static_cast<double>(experts);
    const double active = count * (1.0 - std::pow(1.0 - 8.0 / count, tokens));
    return in_seconds(
        of.expert.estimate(shape, {.tokens = tokens, .pairs = 8 * tokens, .active_experts = active})
            .duration);
  };
  EXPECT_GT(time(128, 64) / time(64, 64), 1.5);
  EXPECT_LT(time(128, 1) / time(64, 1), 1.1);
  EXPECT_LT(time(128, 16384) / time(64, 16384), 1.1);
}

INSTANTIATE_TEST_SUITE_P(Devices, ShippedProfile, testing::Values("h100-sxm", "a100-sxm"),
                         [](const auto& device) { return std::string(device.param).substr(0, 4); });

}  // namespace
}  // namespace moeplan
