// Bytes and names of precisions (interface.md).

#include "models/architecture/precision.hpp"

#include <gtest/gtest.h>

namespace moeplan::models {
namespace {

TEST(Precision, NamesGoBothWays) {
  const std::vector<std::string> expected = {"fp32", "bf16",  "fp16",  "fp8",  "fp8_block",
                                             "int8", "w4a16", "mxfp4", "nvfp4"};
  EXPECT_EQ(precision_names(), expected);
  for (const std::string& name : expected) {
    ASSERT_TRUE(precision_from(name)) << name;
    EXPECT_EQ(name_of(*precision_from(name)), name);
  }
  EXPECT_FALSE(precision_from("bfloat16"));
}

TEST(Precision, StoredBytesIncludeScales) {
  EXPECT_DOUBLE_EQ(weight_bytes(Precision::bf16), 2.0);
  EXPECT_DOUBLE_EQ(weight_bytes(Precision::fp8), 1.0);
  // One fp32 scale per 128 x 128 = 16384 weights.
  EXPECT_DOUBLE_EQ(weight_bytes(Precision::fp8_block) * 16384.0, 16384.0 + 4.0);
  // 128 weights of 4 bits and one fp16 scale: 64 + 2 bytes.
  EXPECT_DOUBLE_EQ(weight_bytes(Precision::w4a16) * 128.0, 66.0);
  // 32 weights: 16 + 1 bytes; 16 weights: 8 + 1 bytes.
  EXPECT_DOUBLE_EQ(weight_bytes(Precision::mxfp4) * 32.0, 17.0);
  EXPECT_DOUBLE_EQ(weight_bytes(Precision::nvfp4) * 16.0, 9.0);
}

TEST(Precision, PlainAndActivationBytes) {
  EXPECT_DOUBLE_EQ(plain_bytes(Precision::fp32), 4.0);
  EXPECT_DOUBLE_EQ(plain_bytes(Precision::fp8_block), 2.0);
  EXPECT_DOUBLE_EQ(activation_bytes(Precision::w4a16), 2.0);
  EXPECT_DOUBLE_EQ(activation_bytes(Precision::mxfp4), 2.0);
  EXPECT_DOUBLE_EQ(activation_bytes(Precision::fp8), 1.0);
  EXPECT_DOUBLE_EQ(activation_bytes(Precision::fp32), 4.0);
}

}  // namespace
}  // namespace moeplan::models
