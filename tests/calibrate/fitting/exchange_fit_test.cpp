// Exchanges: planted laws are found again, and the open DeepEP tables are met on unseen shapes.
#include <gtest/gtest.h>

#include <algorithm>

#include "calibrate/fitting/fit_kernels.hpp"
#include "calibrate/fitting/fit_profile.hpp"
#include "calibrate/import/aiconfigurator.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/collective_latency.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"

namespace moeplan {
namespace {

using models::ExchangePhase;
using models::ExchangeSample;

// Durations by hand, beside the code that counts volumes: uniform routing, k of E experts.
double none_of(double experts, double share, double top_k) {
  double none = 1.0;
  for (double i = 0.0; i < top_k; i += 1.0) {
    none *= (experts - share - i) / (experts - i);
  }
  return none;
}

struct Planted {
  double launch = 30e-6;
  double near = 3e11;
  double own = 4e11;
  double staged = 6e10;
  double far = 4.5e10;
};

// A normal combine: 16-bit rows.
std::vector<ExchangeSample> combine_rows(int nodes, const Planted& planted) {
  std::vector<ExchangeSample> samples;
  const std::int64_t shapes[][3] = {{2048, 8, 128}, {4096, 2, 16}, {7168, 8, 256}, {6144, 4, 64}};
  for (const auto& [hidden, top_k, experts] : shapes) {
    for (const std::int64_t tokens : {1, 16, 64, 256, 1024, 4096, 32768}) {
      ExchangeSample sample{.origin = {.kernel_source = "deepep_normal"},
                            .phase = ExchangePhase::combine,
                            .ranks = 8 * nodes,
                            .nodes = nodes,
                            .tokens = tokens,
                            .hidden = hidden,
                            .top_k = top_k,
                            .experts = experts};
      const double e = static_cast<double>(experts);
      const double k = static_cast<double>(top_k);
      const double own = 2.0 * static_cast<double>(hidden * tokens);
      const double to_rank = 1.0 - none_of(e, e / sample.ranks, k);
      const double to_node = 1.0 - none_of(e, e / nodes, k);
      const double near = own * to_rank * (sample.ranks - 1);
      double busy = near / planted.near;
      if (nodes > 1) {
        busy = std::max({busy, own * to_node * nodes / planted.staged,
                         own * to_node * (nodes - 1) / planted.far});
      }
      sample.origin.seconds = planted.launch + own / planted.own + busy;
      samples.push_back(sample);
    }
  }
  return samples;
}

struct Fabrics {
  models::Gpu gpu = models::load_gpu("h100-sxm");
  models::Fabric inside = models::load_fabric("nvlink4");
  models::Fabric uplink = models::load_fabric("infiniband-ndr400");
  calibrate::ExchangeContext context() const {
    return {.gpu = &gpu, .inside = &inside, .between = &uplink};
  }
};

TEST(PlantedExchange, OneNodeAndThenTwo) {
  const Planted planted;
  const Fabrics fabrics;
  const auto one = calibrate::fit_exchange(combine_rows(1, planted), fabrics.context());
  EXPECT_NEAR(one.law.value("launch_s"), planted.launch, 1e-3 * planted.launch);
  EXPECT_NEAR(one.law.value("near_Bps"), planted.near, 1e-3 * planted.near);
  EXPECT_NEAR(one.law.value("own_Bps"), planted.own, 1e-3 * planted.own);
  EXPECT_EQ(one.law.theta.count("staged_Bps"), 0u);
  EXPECT_EQ(one.law.constants.at("nodes"), 1.0);
  EXPECT_EQ(one.law.constants.at("combine"), 1.0);
  EXPECT_LT(one.reports.front().leave_one_shape_out->p90, 1e-3);

  calibrate::ExchangeContext context = fabrics.context();
  context.one_node = &one.law;
  context.far = planted.far;
  const auto two = calibrate::fit_exchange(combine_rows(2, planted), context);
  EXPECT_NEAR(two.law.value("staged_Bps"), planted.staged, 1e-3 * planted.staged);
  EXPECT_EQ(two.law.value("near_Bps"), one.law.value("near_Bps")) << "held";
  EXPECT_EQ(two.law.value("far_Bps"), planted.far) << "held";
  EXPECT_EQ(two.law.covariance_of, (std::vector<std::string>{"launch_s", "norm", "staged_Bps"}));
}

TEST(PlantedExchange, MillisecondsTakenForMicrosecondsAreRefused) {
  std::vector<ExchangeSample> samples = combine_rows(1, {});
  for (ExchangeSample& sample : samples) {
    sample.origin.seconds *= 1e-3;
  }
  const Fabrics fabrics;
  tests::expect_input_error([&] { calibrate::fit_exchange(samples, fabrics.context()); }, "E_UNIT",
                            "stated rate");
}

TEST(PlantedExchange, OtherSystemsAndOtherNumbersOfMultiprocessorsAreLeftOut) {
  models::Measurements file{.file = "t.csv", .name = "t.csv"};
  file.exchanges = combine_rows(1, {});
  ExchangeSample other = file.exchanges.front();
  other.multiprocessors = 4;
  file.exchanges.push_back(other);
  other.origin.kernel_source = "trtllm_NVLinkTwoSided";
  file.exchanges.push_back(other);
  const auto fitted = calibrate::fit_profile({file}, models::load_gpu("h100-sxm"));
  ASSERT_EQ(fitted.profile.laws.size(), 1u);
  EXPECT_EQ(fitted.profile.laws.front().errors.points, 28);
  ASSERT_EQ(fitted.notes.size(), 2u);
  EXPECT_NE(fitted.notes[0].find("other than 20 multiprocessors"), std::string::npos);
  EXPECT_NE(fitted.notes[1].find("no law for this system"), std::string::npos);
}

// One row a number of nodes, as DeepEP publishes them, says nothing about five parameters.
TEST(PlantedExchange, FewRowsAreLeftOutWithTheirReason) {
  models::Measurements file{.file = "t.csv", .name = "t.csv"};
  file.exchanges = {combine_rows(1, {}).front(), combine_rows(2, {}).front()};
  const auto fitted = calibrate::fit_profile({file}, models::load_gpu("h100-sxm"));
  EXPECT_TRUE(fitted.profile.laws.empty());
  ASSERT_EQ(fitted.notes.size(), 2u);
  EXPECT_NE(fitted.notes[0].find("fewer than the law's 5 parameters"), std::string::npos);
}

// Reached when written, unseen shape, median / p90: low latency 8.0 / 25.3 % (dispatch), 5.6 / 15.1
// % (combine); normal 2.6 / 14.0 %, 6.6 / 20.1 %. Two nodes have one or two shapes: in sample at
// most 3.2 / 7.2 %.
TEST(OpenExchangeTables, AreMetOnUnseenShapes) {
  const auto shared = tests::shared_dir();
  if (!shared) {
    GTEST_SKIP() << tests::kNoShared;
  }
  std::vector<models::Measurements> files;
  for (const char* name : {"aic_deepep_ll_h100_1node_sglang0.5.12.csv",
                           "aic_deepep_normal_h100_1node_sglang0.5.12.csv",
                           "aic_deepep_ll_h200_1-2node_sglang0.5.6.csv",
                           "aic_deepep_normal_h200_1-2node_sglang0.5.6.csv"}) {
    files.push_back(calibrate::import_aiconfigurator(*shared / "data/open/component" / name));
  }
  const auto fitted = calibrate::fit_profile(files, models::load_gpu("h100-sxm"));
  ASSERT_EQ(fitted.families.size(), 8u);
  for (const calibrate::FamilyReport& report : fitted.families) {
    if (report.leave_one_shape_out) {
      EXPECT_LE(report.leave_one_shape_out->median, 0.10) << report.kernel_source;
      EXPECT_LE(report.leave_one_shape_out->p90, 0.28) << report.kernel_source;
    } else {
      EXPECT_LE(report.errors.median_abs, 0.05) << report.kernel_source;
      EXPECT_LE(report.errors.p90_abs, 0.10) << report.kernel_source;
    }
  }
  // The uplink of two nodes: 400 Gbit/s a GPU, of which the kernels reach nine tenths and more.
  for (const models::FittedLaw& law : fitted.profile.laws) {
    if (law.constants.at("nodes") == 2.0) {
      EXPECT_GT(law.value("far_Bps"), 0.9 * 50e9);
      EXPECT_LT(law.value("far_Bps"), 50e9);
      EXPECT_GE(law.info.discrepancy_sd_log, calibrate::kAssumedNetworkSd);
    }
  }
}

}  // namespace
}  // namespace moeplan
