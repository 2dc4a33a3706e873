// Does the law of static passes say what figures 2a, 4 and 5 of Sarkar et al. 2024 (arXiv:
// 2409.01483v1) say of direction? Gated: the points it was calibrated on, the sign of every term,
// growth with experts and GPUs, gain by pruning. Not gated: the errors at 32 and 64 experts and of
// figures 4 and 5, which bin/paper_bench prints. No law affine in the experts of a GPU passes
// through all points of figure 2a.

#include <gtest/gtest.h>

#include <cmath>

#include "calibrate/fitting/fit_static_forward.hpp"
#include "models/catalog/catalog.hpp"
#include "tests/paper/static_forward_table.hpp"

namespace moeplan::tests {
namespace {

using models::ForwardQuantity;
using models::ForwardUse;

TEST(StaticForward, CommittedLawIsTheFit) {
  const models::PublishedForward published = models::load_published_forward("sarkar-2024");
  const models::Gpu gpu = models::load_gpu("a10");
  const models::Profile fitted =
      calibrate::fit_static_forward(published, gpu, models::load_fabric(gpu.fabric));
  const models::Profile stored = models::load_profile(models::static_forward_path("a10"));
  ASSERT_EQ(stored.provenance.at(0).sha256, published.sha256)
      << "moeplan fit --static-forward sarkar-2024 --hardware a10 -o "
         "models/data/static_forward/a10.json";
  for (const auto& [name, value] : fitted.laws.at(0).theta) {
    EXPECT_NEAR(stored.laws.at(0).theta.at(name), value, 1e-5 * value) << name;
  }
  // (1.1 - 1) / (7 - 1.1), from 129.0 and 141.9 ms on 2 and 8 GPUs.
  EXPECT_NEAR(stored.laws.at(0).constants.at("wait_fraction_per_gpu"), 0.1 / 5.9, 1e-7);
}

TEST(StaticForward, FittedPointsAreMet) {
  int fitted = 0;
  for (const ForwardRow& row : forward_rows()) {
    if (row.point.use == ForwardUse::fit) {
      ++fitted;
      EXPECT_NEAR(row.error, 0.0, 1e-3) << row.point.model;  // three parameters, three points
      EXPECT_FALSE(row.estimate.extrapolated) << row.point.model;
    }
  }
  EXPECT_EQ(fitted, 3);
}

TEST(StaticForward, NoTermIsNegative) {
  for (const ForwardRow& row : forward_rows()) {
    for (const models::StaticTerm& term : models::static_terms()) {
      EXPECT_GE((row.estimate.terms.*term.value).value(), 0.0)
          << row.point.model << " " << term.name;
    }
  }
}

TEST(StaticForward, GrowsWithExperts) {
  const std::vector<ForwardRow> rows = rows_of(forward_rows(), "2a", ForwardQuantity::pass);
  ASSERT_EQ(rows.size(), 5u);  // dense, 8, 32, 64, 128
  for (std::size_t i = 1; i < rows.size(); ++i) {
    EXPECT_GT(rows[i].predicted_s, rows[i - 1].predicted_s) << rows[i].point.model;
    EXPECT_GT(rows[i].point.duration, rows[i - 1].point.duration);
  }
}

// Pruning the layer of figure 4 to fewer experts saves time: printed, and predicted, for every pair
// of expert counts (both timers together; the All2All alone rises from 64 to 32 as printed).
TEST(StaticForward, PruningOfFigure4SavesTime) {
  const std::vector<LayerRow> layers = layer_rows(forward_rows());
  ASSERT_EQ(layers.size(), 5u);
  for (std::size_t few = 0; few < layers.size(); ++few) {
    for (std::size_t many = few + 1; many < layers.size(); ++many) {
      EXPECT_GT(layers[many].predicted_s / layers[few].predicted_s, 1.0);
      // 3916 us at 32 experts and 3760 at 64: the one pair that the figure has the other way round.
      const bool reversed =
          layers[few].model == "paper-124m-32e" && layers[many].model == "paper-124m-64e";
      EXPECT_EQ(layers[many].printed_s > layers[few].printed_s, !reversed)
          << layers[many].model << " to " << layers[few].model;
    }
  }
}

TEST(StaticForward, GrowsWithGpusAsFigure5) {
  std::vector<ForwardRow> rows = rows_of(forward_rows(), "5", ForwardQuantity::pass);
  rows.erase(rows.begin());  // one GPU holds all experts: other work, not more waiting
  ASSERT_EQ(rows.size(), 3u);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    const double printed = rows[i].point.duration / rows[0].point.duration;
    // The law's growth is that of 2 to 8 GPUs; 4 lies between them: 1.0333 of 1.0333 printed.
    EXPECT_NEAR(rows[i].predicted_s / rows[0].predicted_s, printed, 2e-3) << rows[i].point.gpus;
  }
}

// Reported, not gated: how far off 32 and 64 experts are, which the fit did not see. The law
// carries these errors, and its band comes from them.
TEST(StaticForward, ErrorsOfUnseenPointsAreCarried) {
  std::vector<double> errors;
  for (const ForwardRow& row : rows_of(forward_rows(), "2a", ForwardQuantity::pass)) {
    if (row.point.use == ForwardUse::check) {
      errors.push_back(std::fabs(row.error));
      RecordProperty("error_percent_" + row.point.model, std::to_string(100.0 * row.error));
    }
  }
  ASSERT_EQ(errors.size(), 2u);
  const models::FittedLaw law = models::load_profile(models::static_forward_path("a10")).laws.at(0);
  ASSERT_TRUE(law.errors.leave_one_expert_count_out.has_value());
  // The median of two is their mean.
  EXPECT_NEAR(law.errors.leave_one_expert_count_out->median, (errors[0] + errors[1]) / 2.0, 1e-5);
  EXPECT_GE(law.info.discrepancy_sd_log, std::log1p(errors[0]) / 2.0);
}

// Between neighbours of figure 2a the slope per local expert is 11.32 ms / 12 = 0.94,
// 50.84 / 16 = 3.18 and 71.64 / 32 = 2.24 ms: neither constant, nor concave, nor convex.
TEST(StaticForward, NoAffineLawPassesThroughFigure2a) {
  const std::vector<ForwardRow> rows = rows_of(forward_rows(), "2a", ForwardQuantity::pass);
  std::vector<double> slopes;
  for (std::size_t i = 2; i < rows.size(); ++i) {
    slopes.push_back(in_milliseconds(rows[i].point.duration - rows[i - 1].point.duration) /
                     (rows[i].estimate.local_experts - rows[i - 1].estimate.local_experts));
  }
  ASSERT_EQ(slopes.size(), 3u);
  EXPECT_NEAR(slopes[0], 0.943, 1e-3);
  EXPECT_NEAR(slopes[1], 3.178, 1e-3);
  EXPECT_NEAR(slopes[2], 2.239, 1e-3);
}

// The totals of table 1, printed to two or three digits (3.48 as 3.4), and the 128 experts that fit
// an A10 only shared.
TEST(StaticForward, ModelsHaveThePrintedSizes) {
  for (const ParameterRow& row : parameter_rows()) {
    EXPECT_NEAR(row.counted / row.printed, 1.0, 0.025) << row.model;
  }
  const double a10 = models::load_gpu("a10").memory.value();
  EXPECT_LT(parameter_rows().back().weights_bytes, a10);
  EXPECT_GT(2.0 * parameter_rows().back().counted, a10);
}

}  // namespace
}  // namespace moeplan::tests
