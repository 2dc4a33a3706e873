// Are stored numbers read exactly and written to the nearest?
#include "models/checkpoint/dtype.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace moeplan::models {
namespace {

float read_one(Dtype dtype, std::uint32_t bits) {
  std::vector<std::byte> bytes(bytes_of(dtype));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(bits >> (8 * i));
  }
  float value = 0.0f;
  read_floats(dtype, bytes, {&value, 1});
  return value;
}

std::uint32_t write_one(Dtype dtype, float value) {
  std::vector<std::byte> bytes(bytes_of(dtype));
  write_floats(dtype, {&value, 1}, bytes);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bits |= std::to_integer<std::uint32_t>(bytes[i]) << (8 * i);
  }
  return bits;
}

// Values from the formats' definitions (IEEE 754 binary16; bfloat16; OCP 8-bit, table 1).
TEST(Dtype, ReadsKnownPatterns) {
  EXPECT_EQ(read_one(Dtype::f16, 0x3C00), 1.0f);
  EXPECT_EQ(read_one(Dtype::f16, 0x7BFF), 65504.0f);
  EXPECT_EQ(read_one(Dtype::f16, 0x0001), 0x1p-24f);
  EXPECT_EQ(read_one(Dtype::f16, 0xC000), -2.0f);
  EXPECT_TRUE(std::isinf(read_one(Dtype::f16, 0x7C00)));
  EXPECT_EQ(read_one(Dtype::bf16, 0x3F80), 1.0f);
  EXPECT_EQ(read_one(Dtype::bf16, 0xBFC0), -1.5f);
  EXPECT_EQ(read_one(Dtype::f8_e4m3, 0x7E), 448.0f);
  EXPECT_EQ(read_one(Dtype::f8_e4m3, 0x38), 1.0f);
  EXPECT_EQ(read_one(Dtype::f8_e4m3, 0x01), 0x1p-9f);
  EXPECT_TRUE(std::isnan(read_one(Dtype::f8_e4m3, 0x7F)));
  EXPECT_EQ(read_one(Dtype::f8_e5m2, 0x7B), 57344.0f);
  EXPECT_TRUE(std::isinf(read_one(Dtype::f8_e5m2, 0xFC)));
}

TEST(Dtype, EveryPatternIsWrittenBackAsItWas) {
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16, Dtype::f8_e4m3, Dtype::f8_e5m2}) {
    const std::uint32_t patterns = 1u << (8 * bytes_of(dtype));
    for (std::uint32_t bits = 0; bits < patterns; ++bits) {
      const float value = read_one(dtype, bits);
      if (!std::isnan(value)) {
        ASSERT_EQ(write_one(dtype, value), bits) << name_of(dtype) << " " << bits;
      } else {
        ASSERT_TRUE(std::isnan(read_one(dtype, write_one(dtype, value))));
      }
    }
  }
}

// Between two neighbours: to the nearer one, the even one half-way.
TEST(Dtype, RoundsToTheNearestTiesToEven) {
  for (const Dtype dtype : {Dtype::f16, Dtype::bf16, Dtype::f8_e4m3, Dtype::f8_e5m2}) {
    const std::uint32_t last = dtype == Dtype::f16       ? 0x7BFE
                               : dtype == Dtype::bf16    ? 0x7F7E
                               : dtype == Dtype::f8_e4m3 ? 0x7D
                                                         : 0x7A;
    for (std::uint32_t bits = 0; bits < last; bits += 1 + bits / 97) {
      const float low = read_one(dtype, bits), high = read_one(dtype, bits + 1);
      const float middle = low + (high - low) / 2.0f;
      EXPECT_EQ(write_one(dtype, middle), bits % 2 == 0 ? bits : bits + 1);
      EXPECT_EQ(write_one(dtype, std::nextafter(middle, 0.0f)), bits);
      EXPECT_EQ(write_one(dtype, std::nextafter(middle, std::numeric_limits<float>::infinity())),
                bits + 1);
    }
  }
}

TEST(Dtype, WhatIsTooLargeIsInfinityOrTheLargest) {
  EXPECT_TRUE(std::isinf(read_one(Dtype::f16, write_one(Dtype::f16, 1e6f))));
  EXPECT_EQ(read_one(Dtype::f8_e4m3, write_one(Dtype::f8_e4m3, -1e6f)), -448.0f);
  EXPECT_TRUE(std::isinf(read_one(Dtype::bf16, write_one(Dtype::bf16, 3.4e38f))));
}

}  // namespace
}  // namespace moeplan::models
