#include "calibrate/fitting/fit_profile.hpp"

#include <gtest/gtest.h>

#include "calibrate/import/aiconfigurator.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/profile.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::fit_profile;
using models::Measurements;

// all_reduce on 2 GPUs: 10 us + bytes / 100 GB/s.
Measurements nccl(const char* dtype, const std::string& name) {
  std::string table = "nccl_dtype,op_name,num_gpus,message_bytes,latency_ms\n";
  for (double size = 512; size < 1e8; size *= 4) {
    table += std::string(dtype) + ",all_reduce,2," + std::to_string(static_cast<long long>(size)) +
             "," + std::to_string(0.01 + size / 1e8) + "\n";
  }
  return calibrate::parse_aiconfigurator(table, name);
}

Measurements gemm(double milliseconds) {
  std::string table = "kernel_source,gemm_dtype,m,n,k,latency_ms\n";
  for (const int n : {8192, 16384}) {
    for (const int m : {1, 8, 64, 512}) {
      table += "torch,bfloat16," + std::to_string(m) + "," + std::to_string(n) + ",16384," +
               std::to_string(milliseconds * n / 8192) + "\n";
    }
  }
  return calibrate::parse_aiconfigurator(table, "gemm.csv");
}

TEST(FitProfile, WritesAProfileThatReadsBack) {
  const models::Gpu gpu = models::load_gpu("h100-sxm");
  const auto fitted = fit_profile({nccl("half", "nccl.csv")}, gpu);
  EXPECT_EQ(fitted.profile.hardware, "h100-sxm");
  ASSERT_EQ(fitted.profile.provenance.size(), 1u);
  EXPECT_EQ(fitted.profile.provenance[0].file, "nccl.csv");
  const std::string text = profile_text(fitted.profile);
  const models::Profile read = models::parse_profile(text, "p.json");
  EXPECT_EQ(profile_text(read), text);
  EXPECT_NEAR(read.laws.front().value("bandwidth_Bps"), 1e11, 1e9);
  EXPECT_EQ(text, profile_text(fit_profile({nccl("half", "nccl.csv")}, gpu).profile))
      << "byte for byte the same";
}

TEST(FitProfile, ReportsButDoesNotKeepTheSameBytesInAnotherType) {
  const auto fitted =
      fit_profile({nccl("half", "a.csv"), nccl("int8", "b.csv")}, models::load_gpu("h100-sxm"));
  EXPECT_EQ(fitted.families.size(), 2u);
  ASSERT_EQ(fitted.profile.laws.size(), 1u);
  EXPECT_EQ(fitted.profile.laws[0].info.dtype, "fp16");
  EXPECT_EQ(fitted.notes.size(), 1u);
}

TEST(FitProfile, RefusesAFileGivenTwice) {
  tests::expect_input_error(
      [] {
        fit_profile({nccl("half", "a.csv"), nccl("half", "a.csv")}, models::load_gpu("h100-sxm"));
      },
      "E_DUPLICATE", "a.csv");
}

TEST(FitProfile, SuspectsAWrongUnit) {
  // 268 MB of weights at 3.35 TB/s take 0.08 ms; a table that says 0.0001 ms holds seconds.
  tests::expect_input_error([] { fit_profile({gemm(0.0001)}, models::load_gpu("h100-sxm")); },
                            "E_UNIT", "gemm.csv:2", "microseconds");
}

TEST(FitProfile, PrintsExactlyTheKeysOfTheInterface) {
  const auto fitted = fit_profile({nccl("half", "a.csv")}, models::load_gpu("h100-sxm"));
  const std::string line = calibrate::families_json(fitted.families).line();
  std::size_t at = 0;
  for (const char* key :
       {"kernel", "kernel_source", "dtype", "distribution", "shapes", "points", "median_abs_error",
        "p90_abs_error", "max_abs_error", "bias", "extrapolated_points", "leave_one_shape_out"}) {
    const std::size_t found = line.find(std::string("\"") + key + "\"");
    ASSERT_NE(found, std::string::npos) << key;
    EXPECT_GE(found, at);
    at = found;
  }
  EXPECT_NE(line.find("\"leave_one_shape_out\": null"), std::string::npos) << line;
}

}  // namespace
}  // namespace moeplan
