// Which arithmetic a weight format runs in, and what is refused.
#include <gtest/gtest.h>

#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::models {
namespace {

Gpu hopper_like() {
  Gpu gpu;
  gpu.id = "test-gpu";
  gpu.peak = {{Precision::bf16, teraflops(100.0)}, {Precision::fp8, teraflops(200.0)}};
  gpu.computes_in = {{Precision::w4a16, Precision::bf16}, {Precision::nvfp4, Precision::int8}};
  return gpu;
}

TEST(Gpu, RunsAFormatInItsOwnArithmetic) {
  EXPECT_EQ(hopper_like().peak_for(Precision::fp8), teraflops(200.0));
  EXPECT_EQ(hopper_like().arithmetic(Precision::fp8), Precision::fp8);
}

TEST(Gpu, RunsAFormatWithoutArithmeticInAnother) {
  // Four-bit weights are expanded in the kernel: no faster than bf16, not four times as fast.
  EXPECT_EQ(hopper_like().peak_for(Precision::w4a16), teraflops(100.0));
  EXPECT_EQ(hopper_like().arithmetic(Precision::w4a16), Precision::bf16);
}

TEST(Gpu, RefusesAFormatItCannotRun) {
  const Gpu gpu = hopper_like();
  EXPECT_FALSE(gpu.supports(Precision::int8));
  EXPECT_FALSE(gpu.supports(Precision::nvfp4));  // leads to arithmetic that has no rate
  EXPECT_EQ(gpu.supported(), (std::vector<std::string>{"bf16", "fp8", "w4a16"}));
  moeplan::tests::expect_input_error([&] { gpu.peak_for(Precision::int8); }, "E_VALUE", "test-gpu",
                                     "int8", "bf16, fp8, w4a16");
}

TEST(Fabric, KindsReadBack) {
  for (const std::string& name : fabric_kind_names()) {
    EXPECT_EQ(name_of(*fabric_kind_from(name)), name);
  }
  EXPECT_FALSE(fabric_kind_from("nvswitch"));
}

TEST(Fabric, KnowsWhetherItLeavesTheNode) {
  Fabric fabric;
  fabric.kind = Fabric::Kind::pcie;
  EXPECT_TRUE(fabric.inside_node());
  fabric.kind = Fabric::Kind::infiniband;
  EXPECT_FALSE(fabric.inside_node());
}

}  // namespace
}  // namespace moeplan::models
