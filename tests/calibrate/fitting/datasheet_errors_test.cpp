// How far data-sheet laws are off on measured devices, and that their bands say so.
#include "calibrate/fitting/datasheet_errors.hpp"

#include <gtest/gtest.h>

#include "calibrate/import/measurements.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/datasheet_laws.hpp"
#include "models/latency/dense_latency.hpp"
#include "tests/support/locations.hpp"

namespace moeplan {
namespace {

using calibrate::datasheet_errors;
using calibrate::DatasheetErrors;

// Products of an A100 that take `factor` times what its data sheet says.
models::Measurements products(const models::Gpu& gpu, double factor) {
  const models::DenseLatency law(datasheet_dense(gpu, models::Precision::bf16),
                                 models::Precision::bf16);
  models::Measurements file;
  for (double rows = 1.0; rows <= 4096.0; rows *= 2.0) {
    models::DenseSample sample;
    sample.origin = {.kernel_source = "planted"};
    sample.rows = rows;
    sample.columns = 8192;
    sample.inner = 4096;
    sample.origin.seconds = factor * in_seconds(law.estimate(rows, 8192, 4096).duration);
    file.dense.push_back(sample);
  }
  return file;
}

TEST(DatasheetErrors, CompareRowsWithTheLawTheyWereMadeFrom) {
  const models::Gpu gpu = models::load_gpu("a100-sxm");
  const models::Fabric fabric = models::load_fabric(gpu.fabric);
  const auto exact = datasheet_errors({products(gpu, 1.0)}, gpu, fabric).at(0);
  EXPECT_EQ(exact.kernel, "dense");
  EXPECT_NEAR(exact.errors.max_abs, 0.0, 1e-12);
  EXPECT_DOUBLE_EQ(exact.covered_fraction, 1.0);
  const auto slow = datasheet_errors({products(gpu, 4.0)}, gpu, fabric).at(0);
  EXPECT_NEAR(slow.errors.median_abs, 0.75, 1e-9);
  EXPECT_DOUBLE_EQ(slow.covered_fraction, 0.0) << "a factor of four lies outside any band";
}

TEST(DatasheetErrors, TheCoveringBandIsTheWidestFamilys) {
  DatasheetErrors narrow;
  DatasheetErrors wide;
  for (int i = 1; i <= 11; ++i) {
    narrow.log_ratios.push_back(0.01 * i);
    wide.log_ratios.push_back(-0.1 * i);
  }
  // Nine in ten of 0.1 .. 1.1 lie within 1.0.
  EXPECT_NEAR(calibrate::covering_sd({narrow, wide}), 1.0 / 1.645, 1e-12);
  EXPECT_THROW(calibrate::covering_sd({}), std::logic_error);
}

TEST(DatasheetErrors, FloorsOfTheHostAreNotHeldAgainstTheLaw) {
  const models::Gpu gpu = models::load_gpu("a100-sxm");
  models::Measurements file = products(gpu, 1.0);
  const double shortest = file.dense.front().origin.seconds;
  std::int64_t above = 0;
  for (models::DenseSample& sample : file.dense) {
    sample.origin.host_launched = true;
    above += sample.origin.seconds > 4.0 * shortest ? 1 : 0;
  }
  ASSERT_GT(above, 0);
  const auto found = datasheet_errors({file}, gpu, models::load_fabric(gpu.fabric)).at(0);
  EXPECT_EQ(found.errors.points, above);
}

// Each device that is measured, predicted from its data sheet alone.
class MeasuredDevice : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(MeasuredDevice, LiesInTheBandOfItsDataSheet) {
  const auto shared = tests::shared_dir();
  if (!shared) {
    GTEST_SKIP() << tests::kNoShared;
  }
  const auto [id, table] = GetParam();
  const models::Gpu gpu = models::load_gpu(id);
  const auto file = calibrate::import_measurements(*shared / "data" / "open" / "component" / table);
  for (const DatasheetErrors& family :
       datasheet_errors({file}, gpu, models::load_fabric(gpu.fabric))) {
    EXPECT_GE(family.covered_fraction, 0.9) << family.kernel << " " << family.kernel_source;
  }
}

INSTANTIATE_TEST_SUITE_P(
    OpenTables, MeasuredDevice,
    testing::Values(std::pair{"a100-sxm", "aic_moe_a100_vllm0.14.0.csv"},
                    std::pair{"h800-sxm", "infersim_gemm_h800_data.csv"},
                    std::pair{"h800-sxm", "infersim_grouped_gemm_prefill_h800_data.csv"},
                    std::pair{"h800-sxm", "infersim_mha_decode_h800_32-8-128.csv"},
                    std::pair{"rtx-pro-6000", "llmservingsim_rtxpro6000_qwen3-30b-a3b_tp1_moe.csv"},
                    std::pair{"rtx-pro-6000",
                              "llmservingsim_rtxpro6000_qwen3-30b-a3b_tp1_attention.csv"}),
    [](const auto& device) { return "Table" + std::to_string(device.index); });

}  // namespace
}  // namespace moeplan
