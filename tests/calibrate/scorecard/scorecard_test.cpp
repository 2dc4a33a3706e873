// Is a scorecard what its laws say, added up by hand, and does it move as machines must?
#include "calibrate/scorecard/scorecard.hpp"

#include <gtest/gtest.h>

#include "models/catalog/catalog.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::make_scorecard;
using calibrate::Scorecard;
using calibrate::ScorecardPoint;
using models::FittedLaw;

FittedLaw law_of(const char* kernel, const char* form, double launch, double bandwidth) {
  FittedLaw law;
  law.info.kernel = kernel;
  law.info.kernel_source = "planted";
  law.info.dtype = "bf16";
  law.info.form = form;
  law.info.source = "test";
  law.theta = {{"launch_s", launch}, {"bandwidth_Bps", bandwidth}, {"norm", 1.0}};
  return law;
}

class ScorecardTest : public testing::Test {
 protected:
  // Memory alone sets the time: 10 us + bytes of the active experts' weights at 1 TB/s, products
  // of the router 3 us + bytes at 1 TB/s, an exchange of two ranks 20 us + bytes at 100 GB/s.
  ScorecardTest() {
    profile.id = "planted";
    profile.hardware = gpu.id;
    FittedLaw expert = law_of("expert", "tiled_experts_v1", 10e-6, 1e12);
    expert.theta["compute_flops"] = 1e30;
    expert.constants = {{"multiprocessors", 100.0}, {"tile_rule", 3.0}};
    expert.info.domain = {{"tokens", {1, 512}}};
    FittedLaw dense = law_of("dense", "dense_pnorm_v1", 3e-6, 1e12);
    dense.theta["compute_flops"] = 1e30;
    FittedLaw exchange = law_of("all2all", "message_pnorm_v1", 20e-6, 1e11);
    exchange.constants = {{"ranks", 2.0}};
    profile.laws = {expert, dense, exchange};
  }

  Scorecard card() const {
    return make_scorecard(workload, {.gpu = &gpu, .inside = &inside, .profile = &profile});
  }
  static ScorecardPoint at(const Scorecard& card, const std::string& layer, std::int64_t ranks,
                           std::int64_t tokens) {
    for (const ScorecardPoint& point : card.points) {
      if (point.architecture == layer && point.expert_parallel == ranks &&
          point.tokens_per_rank == tokens) {
        return point;
      }
    }
    throw std::logic_error("no such point");
  }

  models::Gpu gpu = models::load_gpu("a100-sxm");
  models::Fabric inside = models::load_fabric(gpu.fabric);
  models::Profile profile;
  calibrate::ScorecardWorkload workload = calibrate::load_scorecard_workload();
};

// Mixtral: 8 experts of 3 x 4096 x 14336 bf16 weights (352.3 MB), two a token.
TEST_F(ScorecardTest, OneTokenOnOneGpuByHand) {
  const double weights = 3.0 * 4096 * 14336 * 2;
  const ScorecardPoint& point = at(card(), "mixtral-8x7b", 1, 1);
  // Bytes of the router's product: weights, one input row, one output row, 2 bytes each.
  const double router = 3e-6 + (8.0 * 4096 + 4096 + 8) * 2 / 1e12;
  const double experts = 10e-6 + 2 * weights / 1e12;
  EXPECT_NEAR(point.router.value(), router, 1e-12);
  EXPECT_NEAR(point.experts.value(), experts, 1e-12);
  EXPECT_EQ(point.exchange.value(), 0.0);
  EXPECT_NEAR(point.tokens_per_s_per_gpu(), 1.0 / (router + experts), 1e-6);
  // At 3.60 USD/h a GPU costs 0.001 USD/s: 0.71773 ms a token make 0.7177 USD a million.
  EXPECT_NEAR(point.usd_per_million_tokens(usd_per_hour(3.6)), 1e3 * (router + experts), 1e-9);
  EXPECT_TRUE(point.extrapolated.empty());
  EXPECT_TRUE(point.datasheet.empty());
}

// Two ranks with a token each, four experts on either. An expert is idle with chance (1 - 2/8)^2 =
// 9/16, so 4 x 7/16 = 1.75 are read. A token has an expert on the other rank unless both lie on its
// own: 1 - C(4,2)/C(8,2) = 22/28 rows of 4096 x 2 bytes leave each rank; an all-to-all of two ranks
// counts the half that stays too.
TEST_F(ScorecardTest, TwoRanksByHand) {
  const double weights = 3.0 * 4096 * 14336 * 2;
  const ScorecardPoint& point = at(card(), "mixtral-8x7b", 2, 1);
  EXPECT_NEAR(point.experts.value(), 10e-6 + 1.75 * weights / 1e12, 1e-12);
  const double half = 20e-6 + 2.0 * (22.0 / 28.0) * 4096 * 2 / 1e11;
  EXPECT_NEAR(point.exchange.value(), 2.0 * half, 1e-12);
  EXPECT_NEAR(point.layer().value(), (point.router + point.experts + point.exchange).value(),
              1e-18);
}

TEST_F(ScorecardTest, MarksWhatNobodyMeasured) {
  const Scorecard all = card();
  // 4096 tokens are above the expert law's 512.
  EXPECT_EQ(at(all, "mixtral-8x7b", 1, 4096).extrapolated, std::vector<std::string>{"expert"});
  // 256 tokens of two ranks are 512 in the kernel: the last inside.
  EXPECT_TRUE(at(all, "mixtral-8x7b", 2, 256).extrapolated.empty());
  EXPECT_EQ(at(all, "mixtral-8x7b", 4, 1).extrapolated, std::vector<std::string>{"all2all"})
      << "only two ranks were measured";
  profile.laws.erase(profile.laws.begin());
  EXPECT_EQ(at(card(), "mixtral-8x7b", 1, 1).datasheet, std::vector<std::string>{"expert"});
}

TEST_F(ScorecardTest, TakesTheFirstPrecisionThatTheGpuRunsAndSaysWhatItDoesNot) {
  EXPECT_EQ(at(card(), "deepseek-v3", 1, 1).precision, models::Precision::fp8_block)
      << "an A100 expands the weights";
  gpu.computes_in.clear();
  EXPECT_EQ(at(card(), "deepseek-v3", 1, 1).precision, models::Precision::bf16)
      << "and without kernels that do, it runs bf16";
  const models::Gpu h100 = models::load_gpu("h100-sxm");
  const models::Fabric nvlink = models::load_fabric(h100.fabric);
  const Scorecard hopper =
      make_scorecard(workload, {.gpu = &h100, .inside = &nvlink, .profile = nullptr});
  EXPECT_EQ(at(hopper, "deepseek-v3", 1, 1).precision, models::Precision::fp8_block);
  EXPECT_EQ(hopper.points.size(), 7u * 4 * 6);
  EXPECT_TRUE(hopper.gaps.empty());
  for (calibrate::ScorecardLayer& layer : workload.layers) {
    layer.precisions = {models::Precision::nvfp4};
  }
  const Scorecard none = card();
  EXPECT_TRUE(none.points.empty());
  ASSERT_EQ(none.gaps.size(), 7u);
  EXPECT_EQ(none.gaps[0].reason, "a100-sxm runs none of its precisions");
}

// On a data sheet and on a measured profile: more tokens are never slower in all, money follows the
// rent, groups above the node are left out.
TEST_F(ScorecardTest, MovesAsMachinesMust) {
  const models::Gpu h100 = models::load_gpu("h100-sxm");
  const models::Fabric nvlink = models::load_fabric(h100.fabric);
  const models::Profile measured = models::load_profile(models::profile_path("h100-sxm"));
  for (const models::Profile* known : {&measured, static_cast<const models::Profile*>(nullptr)}) {
    const Scorecard all =
        make_scorecard(workload, {.gpu = &h100, .inside = &nvlink, .profile = known});
    for (std::size_t i = 0; i < all.points.size(); ++i) {
      const ScorecardPoint& point = all.points[i];
      EXPECT_LT(point.usd_per_million_tokens(usd_per_hour(2.0)),
                point.usd_per_million_tokens(usd_per_hour(2.1)));
      EXPECT_EQ(point.exchange.value() > 0.0, point.expert_parallel > 1);
      if (i % workload.tokens_per_rank.size() != 0) {
        EXPECT_GE(point.tokens_per_s_per_gpu(), all.points[i - 1].tokens_per_s_per_gpu())
            << point.architecture << " EP " << point.expert_parallel << ", "
            << point.tokens_per_rank << " tokens: a larger batch uses the machine no worse";
      }
    }
  }
  gpu.gpus_per_node = 4;
  EXPECT_EQ(card().points.size(), 7u * 3 * 6) << "EP 8 does not fit";
}

TEST_F(ScorecardTest, TheMeanOfFactorsIsTheirProductsRoot) {
  std::vector<ScorecardPoint> points(2);
  points[0].tokens_per_rank = 4;
  points[0].router = seconds(1);  // 4 tokens/s
  points[1].tokens_per_rank = 1;
  points[1].router = seconds(1);
  EXPECT_NEAR(calibrate::geometric_mean_tokens_per_s(points), 2.0, 1e-12);
  EXPECT_THROW(calibrate::geometric_mean_tokens_per_s({}), std::logic_error);
}

TEST_F(ScorecardTest, AnUnknownWorkloadIsAnInputError) {
  tests::expect_input_error([] { calibrate::load_scorecard_workload("nobody's"); }, "E_IO",
                            "nobody's");
}

}  // namespace
}  // namespace moeplan
