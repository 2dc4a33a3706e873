// A committed profile is what `moeplan fit` makes of the tables it names, errors and all.
#include <gtest/gtest.h>

#include <cmath>

#include "calibrate/fitting/fit_profile.hpp"
#include "calibrate/import/measurements.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/expert_latency.hpp"
#include "tests/support/locations.hpp"

namespace moeplan {
namespace {

using models::FittedLaw;
using models::Profile;

// Of two fits on other compilers the last digits may differ.
void expect_close(double stored, double again, const std::string& what) {
  EXPECT_NEAR(stored, again, 0.002 + 0.02 * std::abs(again)) << what;
}

void expect_same_errors(const FittedLaw& stored, const FittedLaw& again) {
  const std::string what =
      stored.info.kernel + " " + stored.info.kernel_source + " " + stored.info.dtype;
  ASSERT_EQ(stored.info.kernel_source, again.info.kernel_source);
  EXPECT_EQ(stored.errors.points, again.errors.points) << what;
  EXPECT_EQ(stored.errors.shapes, again.errors.shapes) << what;
  expect_close(stored.errors.median_abs_error, again.errors.median_abs_error, what);
  expect_close(stored.errors.p90_abs_error, again.errors.p90_abs_error, what);
  expect_close(stored.info.discrepancy_sd_log, again.info.discrepancy_sd_log, what);
  const auto held_out = [&](const auto& a, const auto& b) {
    ASSERT_EQ(a.has_value(), b.has_value()) << what;
    if (a) {
      expect_close(a->median, b->median, what + " held out");
      expect_close(a->p90, b->p90, what + " held out");
    }
  };
  held_out(stored.errors.leave_one_shape_out, again.errors.leave_one_shape_out);
  held_out(stored.errors.leave_one_expert_count_out, again.errors.leave_one_expert_count_out);
}

class ShippedFit : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (!tests::shared_dir()) {
      GTEST_SKIP() << tests::kNoShared;
    }
    for (const models::ProfileFile& source : profile_.provenance) {
      files_.push_back(calibrate::import_measurements(*tests::shared_dir() / "data" / "open" /
                                                      "component" / source.file));
      EXPECT_EQ(files_.back().sha256, source.sha256) << source.file;
    }
  }
  Profile profile_ = models::load_profile(models::profile_path(GetParam()));
  std::vector<models::Measurements> files_;
};

TEST_P(ShippedFit, IsMadeOfItsTablesAgain) {
  const Profile again = calibrate::fit_profile(files_, models::load_gpu(GetParam())).profile;
  ASSERT_EQ(profile_.laws.size(), again.laws.size());
  for (std::size_t i = 0; i < again.laws.size(); ++i) {
    expect_same_errors(profile_.laws[i], again.laws[i]);
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, ShippedFit, testing::Values(MOEPLAN_SHIPPED_FITS),
                         [](const auto& device) {
                           std::string name = device.param;
                           std::erase(name, '-');
                           return name;
                         });

}  // namespace
}  // namespace moeplan
