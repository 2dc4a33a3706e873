// Does the CUDA device build and time every kind of case? Skipped where there is no device.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "calibrate/kernels/kernel_device.hpp"
#include "calibrate/kernels/kernel_grid.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {
namespace {

TEST(CudaDevice, TimesTheFirstCaseOfEachKernel) {
  for (const char* products : {"cublas_grouped", "cublas_loop"}) {
    std::unique_ptr<KernelDevice> device;
    try {
      device = make_device("cuda", {.products = products});
    } catch (const InputError& error) {
      GTEST_SKIP() << error.what();
    } catch (const DeviceError& error) {
      GTEST_SKIP() << error.what();
    }
    const KernelGrid grid =
        kernel_grid({.device = "cuda", .precision = models::Precision::bf16, .replayed = {}});
    std::set<std::string> seen;
    for (const GridPoint& point : grid.points) {
      if (seen.insert(point.id.substr(0, point.id.find("/h"))).second) {
        MadeCase made = device->make(grid.cases.at(point.id));
        auto* timed = std::get_if<std::unique_ptr<TimedCase>>(&made);
        ASSERT_NE(timed, nullptr) << point.id << std::get<Skipped>(made).reason;
        EXPECT_GT((*timed)->sample(), 0.0) << point.id;
      }
    }
  }
}

TEST(CudaDevice, TimesAttentionOfBothKinds) {
  for (const std::string& attention : attention_names()) {
    std::unique_ptr<KernelDevice> device;
    try {
      device = make_device("cuda", {.attention = attention});
    } catch (const InputError& error) {
      GTEST_SKIP() << error.what();
    } catch (const DeviceError& error) {
      GTEST_SKIP() << error.what();
    }
    for (const bool decode : {false, true}) {
      const KernelCase wanted{.kernel = AttentionCase{.heads = 32,
                                                      .kv_heads = 8,
                                                      .head_dim = 128,
                                                      .decode = decode,
                                                      .sequences = 4,
                                                      .chunk = decode ? 1 : 512,
                                                      .history = 1024},
                              .precision = models::Precision::bf16};
      MadeCase made = device->make(wanted);
      auto* timed = std::get_if<std::unique_ptr<TimedCase>>(&made);
      ASSERT_NE(timed, nullptr) << attention << std::get<Skipped>(made).reason;
      EXPECT_GT((*timed)->sample(), 0.0) << attention;
      EXPECT_THAT(device->kernel_source(wanted), testing::HasSubstr(attention));
    }
  }
}

TEST(CudaDevice, AMissingDeviceIsSaidAndNoCrash) {
  try {
    EXPECT_GT(make_device("cuda", {})->multiprocessors(), 0);
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("CUDA"));
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("without CUDA"));
  }
}

}  // namespace
}  // namespace moeplan::calibrate
