// Predicted against measured: laws chosen, rows counted, halves dealt.
#include "calibrate/fitting/validate.hpp"

#include <gtest/gtest.h>

#include "calibrate/fitting/fit_half.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/cost_laws.hpp"
#include "models/latency/datasheet_laws.hpp"
#include "models/latency/dense_latency.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::validate;

class Validate : public testing::Test {
 protected:
  // Products that take `factor` times what the A100's data sheet says, four shapes of 13 rows.
  models::Measurements products(double factor, models::Precision precision) const {
    const models::DenseLatency law(datasheet_dense(gpu, models::Precision::bf16),
                                   models::Precision::bf16);
    models::Measurements file;
    file.file = file.name = "planted.csv";
    for (const std::int64_t columns : {2048, 4096, 8192, 16384}) {
      for (double rows = 1.0; rows <= 4096.0; rows *= 2.0) {
        models::DenseSample sample;
        sample.origin = {.kernel_source = "planted", .precision = precision};
        sample.rows = rows;
        sample.columns = columns;
        sample.inner = 4096;
        sample.origin.seconds = factor * in_seconds(law.estimate(rows, columns, 4096).duration);
        file.dense.push_back(sample);
      }
    }
    return file;
  }

  calibrate::Validation of(const models::Measurements& file,
                           const calibrate::ValidationOptions& options = {},
                           const models::Profile* profile = nullptr) const {
    return validate({file}, gpu, inside, nullptr, profile, options);
  }

  models::Gpu gpu = models::load_gpu("a100-sxm");
  models::Fabric inside = models::load_fabric(gpu.fabric);
};

TEST_F(Validate, TheDataSheetMeetsRowsMadeFromIt) {
  const auto found = of(products(1.0, models::Precision::bf16));
  EXPECT_TRUE(found.datasheet_only);
  ASSERT_EQ(found.families.size(), 1u);
  const calibrate::ValidatedFamily& family = found.families[0];
  EXPECT_EQ(family.report.errors.points, 4 * 13);
  EXPECT_EQ(family.report.shapes, 4);
  EXPECT_NEAR(family.report.errors.max_abs, 0.0, 1e-12);
  EXPECT_EQ(family.laws.at("data_sheet: data sheet"), 4 * 13);
  EXPECT_DOUBLE_EQ(family.covered_fraction, 1.0);
  // 1 to 64 rows: 7; to 1024: 4; the rest 2.
  EXPECT_EQ(family.regimes.at(0).errors.points, 4 * 7);
  EXPECT_EQ(family.regimes.at(1).errors.points, 4 * 4);
  EXPECT_EQ(family.regimes.at(2).errors.points, 4 * 2);
}

TEST_F(Validate, OneFactorIsFoundOnOtherShapes) {
  // All rows take four times as long: the error is 3/4, and nothing after the factor.
  const auto found = of(products(4.0, models::Precision::bf16)).families.at(0);
  EXPECT_NEAR(found.report.errors.median_abs, 0.75, 1e-9);
  EXPECT_NEAR(found.report.errors.bias, -0.75, 1e-9);
  EXPECT_NEAR(found.correction, 4.0, 1e-9);
  ASSERT_TRUE(found.report.leave_one_shape_out);
  EXPECT_NEAR(found.report.leave_one_shape_out->p90, 0.0, 1e-9);
}

TEST_F(Validate, HalfThePointsCorrectTheOthers) {
  const auto found = of(products(4.0, models::Precision::bf16), {.fit_half = true});
  ASSERT_EQ(found.families.size(), 1u);
  EXPECT_EQ(found.families[0].report.errors.points, 2 * 13) << "two of four shapes";
  EXPECT_LT(found.families[0].report.errors.median_abs, 0.02);
  EXPECT_FALSE(found.families[0].fitted.empty());
}

TEST_F(Validate, HalvesAlternateByShapeAndShareNoRow) {
  const auto parts = calibrate::halves({products(1.0, models::Precision::bf16)});
  // Names in sorted order: 16384x4096, 2048x4096, 4096x4096, 8192x4096.
  ASSERT_EQ(parts.fitted[0].dense.size(), 26u);
  for (const models::DenseSample& sample : parts.fitted[0].dense) {
    EXPECT_TRUE(sample.columns == 16384 || sample.columns == 4096) << sample.columns;
  }
  EXPECT_EQ(parts.validated[0].dense.size(), 26u);
}

TEST_F(Validate, WhatTheDeviceDoesNotRunIsCounted) {
  models::Measurements file = products(1.0, models::Precision::bf16);
  gpu.computes_in.clear();  // of an A100 whose engine expands no weights
  file.dense[0].origin.precision = models::Precision::fp8;
  file.skipped["E_VALUE /distribution: unknown"] = 2;
  const auto found = of(file);
  EXPECT_EQ(found.families.at(0).report.errors.points, 4 * 13 - 1);
  EXPECT_EQ(found.skipped.at("a100-sxm does not run fp8"), 1);
  EXPECT_EQ(found.skipped.at("planted.csv: E_VALUE /distribution: unknown"), 2);
  models::Measurements none;
  none.file = none.name = "none.csv";
  none.dense = {file.dense[0]};
  tests::expect_input_error([&] { of(none); }, "E_VALUE", "no row is left", "does not run fp8");
}

TEST_F(Validate, FilesOfAnotherDeviceAreRefused) {
  models::Measurements file = products(1.0, models::Precision::bf16);
  file.device = "NVIDIA H100 80GB HBM3";
  tests::expect_input_error([&] { of(file); }, "E_FINGERPRINT", "H100",
                            "--allow-fingerprint-mismatch");
  EXPECT_EQ(of(file, {.allow_other_device = true}).families.size(), 1u);
  file.device = "NVIDIA A100-SXM4-80GB";
  EXPECT_EQ(of(file).families.size(), 1u);
}

TEST_F(Validate, AnotherSourceGetsTheLawAPlanWouldTakeAndSaysSo) {
  const models::Profile profile = models::load_profile(models::profile_path("h100-sxm"));
  const models::FittedLaw law = *models::find_law(profile, "dense", models::Precision::bf16);
  gpu = models::load_gpu("h100-sxm");
  models::Measurements file = products(1.0, models::Precision::bf16);
  EXPECT_EQ(of(file, {}, &profile).families.at(0).laws.begin()->first,
            "stand_in: " + law.info.kernel_source + " bf16");
  for (models::DenseSample& sample : file.dense) {
    sample.origin.kernel_source = law.info.kernel_source;
  }
  EXPECT_EQ(of(file, {}, &profile).families.at(0).laws.begin()->first,
            "own: " + law.info.kernel_source + " bf16");
}

}  // namespace
}  // namespace moeplan
