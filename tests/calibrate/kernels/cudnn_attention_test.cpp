// Does cuDNN take our attention graphs? It checks a graph against a described device, so no GPU is
// needed up to where kernels are loaded. Skipped where cuDNN is not there.
#include "calibrate/kernels/cudnn_attention.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calibrate/kernels/kernel_device.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::calibrate {
namespace {

// As cuDNN 9.19 asks for it; figures of NVIDIA's data sheet and CUDA guide for compute capability.
std::string described(int capability) {
  return R"({"maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64],
    "regsPerBlock": 65536, "multiProcessorCount": 132, "warpSize": 32,
    "maxSharedMemoryPerBlock": 49152, "maxSharedMemoryPerBlockOptin": 232448,
    "reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536, "maxCtasPerSM": 32,
    "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "pciDeviceId": 0, "isTccDriver": 0,
    "supportCoopLaunch": 1, "totalGlobalMem": 85045870592, "smClockRateKHz": 1980000,
    "memClockRateKHz": 2619000, "l2CacheSize": 52428800, "cudaDeviceId": 0, "driverVer": 13000,
    "deviceName": "H100", "deviceVer": )" +
         std::to_string(capability) + "}";
}

AttentionCase prompts(std::int64_t chunk, std::int64_t history) {
  return {.heads = 32,
          .kv_heads = 8,
          .head_dim = 128,
          .decode = false,
          .sequences = 1,
          .chunk = chunk,
          .history = history};
}

AttentionCase decoding(std::int64_t sequences, std::int64_t history) {
  return {.heads = 32,
          .kv_heads = 8,
          .head_dim = 128,
          .decode = true,
          .sequences = sequences,
          .chunk = 1,
          .history = history};
}

class CudnnGraphs : public testing::Test {
 protected:
  static std::string why_not(const AttentionCase& wanted, AttentionType type, int capability) {
    return why_not_fused(wanted, type, described(capability));
  }
  void SetUp() override {
    try {
      why_not(decoding(1, 64), AttentionType::bf16, 900);
    } catch (const DeviceError& error) {
      GTEST_SKIP() << error.what();
    }
  }
};

// An engine that takes the graph is refused only because no driver is there to load it.
testing::Matcher<std::string> taken() { return testing::AnyOf("", testing::HasSubstr("libcuda")); }

TEST_F(CudnnGraphs, AnH100HasEnginesForOurAttention) {
  for (const AttentionType type : {AttentionType::bf16, AttentionType::fp16}) {
    EXPECT_THAT(why_not(prompts(1024, 0), type, 900), taken());
    EXPECT_THAT(why_not(prompts(512, 4096), type, 900), taken()) << "a chunk behind a history";
    EXPECT_THAT(why_not(prompts(1000, 2001), type, 900), taken()) << "no multiples of tiles";
    EXPECT_THAT(why_not(decoding(8, 4096), type, 900), taken());
    EXPECT_THAT(why_not(decoding(1, 1), type, 900), taken());
    AttentionCase many = decoding(256, 777);
    many.heads = many.kv_heads = 16;
    many.head_dim = 64;
    EXPECT_THAT(why_not(many, type, 900), taken()) << "as many heads of keys";
  }
}

TEST_F(CudnnGraphs, ADeviceWithoutEnginesIsSaid) {
  const std::string why = why_not(prompts(1024, 0), AttentionType::bf16, 700);
  EXPECT_NE(why, "");
  EXPECT_THAT(why, testing::Not(testing::HasSubstr("libcuda")));
}

TEST(CudnnAttention, WithoutAGpuOrALibraryItSaysSo) {
  try {
    const CudnnAttention attention(nullptr);
    EXPECT_THAT(attention.version(), testing::StartsWith("9."));
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("cuDNN"));
  }
}

TEST(CudnnAttention, IsNotOfACpu) {
  tests::expect_input_error([] { make_device("cpu", {.attention = "cudnn"}); }, "E_VALUE",
                            "GPUs only");
}

}  // namespace
}  // namespace moeplan::calibrate
