// JSON out: bytes, escapes, and doubles that read back the same.

#include "models/text/json.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "models/text/load.hpp"
#include "models/units/parse.hpp"

namespace moeplan::text {
namespace {

TEST(Json, ScalarsOnOneLine) {
  EXPECT_EQ(Json().line(), "null");
  EXPECT_EQ(Json(nullptr).line(), "null");
  EXPECT_EQ(Json(true).line(), "true");
  EXPECT_EQ(Json(8).line(), "8");
  EXPECT_EQ(Json(std::int64_t{-9223372036854775807 - 1}).line(), "-9223372036854775808");
  EXPECT_EQ(Json(8u).line(), "8");
  EXPECT_EQ(Json("text").line(), "\"text\"");
  EXPECT_EQ(Json(std::optional<double>()).line(), "null");
  EXPECT_EQ(Json(std::optional<double>(0.5)).line(), "0.5");
}

TEST(Json, DoublesAreShortAndStayDoubles) {
  EXPECT_EQ(Json(3.0).line(), "3.0");
  EXPECT_EQ(Json(-0.0).line(), "-0.0");
  EXPECT_EQ(Json(0.1).line(), "0.1");
  EXPECT_EQ(Json(1e21).line(), "1e+21");
  EXPECT_EQ(Json(5e-324).line(), "5e-324");
}

TEST(Json, DoublesReadBackBitForBit) {
  std::mt19937_64 random(20261123);
  for (int i = 0; i < 20000; ++i) {
    const double value = std::bit_cast<double>(random());
    if (!std::isfinite(value)) {
      continue;
    }
    const Document document = parse_json(Json(value).line(), "f");
    ASSERT_EQ(document.root.kind, Kind::number);
    const auto back = parse_number(document.root.scalar);
    ASSERT_TRUE(back.has_value()) << document.root.scalar;
    ASSERT_EQ(std::bit_cast<std::uint64_t>(*back), std::bit_cast<std::uint64_t>(value))
        << document.root.scalar;
  }
}

TEST(Json, ObjectsKeepTheOrderAndReplaceEqualKeys) {
  Json object = Json::object();
  object.set("b", 1).set("a", 2).set("b", 3);
  EXPECT_EQ(object.line(), "{\"b\": 3, \"a\": 2}");
}

TEST(Json, PrettyHasTwoSpacesAndAFinalLineBreak) {
  Json object = Json::object();
  object.set("list", std::vector<int>{1, 2}).set("none", Json::array()).set("map", Json::object());
  EXPECT_EQ(object.pretty(),
            "{\n"
            "  \"list\": [\n"
            "    1,\n"
            "    2\n"
            "  ],\n"
            "  \"none\": [],\n"
            "  \"map\": {}\n"
            "}\n");
}

TEST(Json, EveryCharacterReadsBack) {
  std::string all;
  for (char c = 1; c < 127; ++c) {
    all += c;
  }
  all += std::string("\x7F\0 \xC3\xBC \xF0\x9F\x98\x80", 10);
  const std::string line = Json(all).line();
  for (const char c : line) {
    EXPECT_GE(static_cast<unsigned char>(c), 0x20);  // control characters are escaped
  }
  EXPECT_EQ(parse_json(line, "f").root.scalar, all);
  EXPECT_EQ(Json("a\"\\\n\x01").line(), "\"a\\\"\\\\\\n\\u0001\"");
}

TEST(Json, BugsAreNeverWritten) {
  EXPECT_THROW(Json(std::numeric_limits<double>::quiet_NaN()).line(), std::logic_error);
  EXPECT_THROW(Json(std::numeric_limits<double>::infinity()).pretty(), std::logic_error);
  EXPECT_THROW(Json("\xFF").line(), std::logic_error);
  EXPECT_THROW(Json(std::uint64_t{1} << 63), std::logic_error);
  EXPECT_THROW(Json(1).set("a", 1), std::logic_error);
  EXPECT_THROW(Json::object().push(1), std::logic_error);
}

}  // namespace
}  // namespace moeplan::text
