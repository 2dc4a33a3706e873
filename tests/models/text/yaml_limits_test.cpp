// tests.md C3 rows 14 and 15, for YAML and JSON: what is deep, wide or long is refused with the
// limit named, without exhausting the stack or the memory.

#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::text {
namespace {

using tests::expect_input_error;

std::string repeated(const std::string& part, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) {
    out += part;
  }
  return out;
}

template <class... Says>
void expect_yaml_limit(const std::string& content, const Says&... says) {
  expect_input_error([&] { parse_yaml(content, "f"); }, "E_LIMIT", says...);
}
template <class... Says>
void expect_json_limit(const std::string& content, const Says&... says) {
  expect_input_error([&] { parse_json(content, "f"); }, "E_LIMIT", says...);
}

TEST(Depth, SixtyFourIsTheMost) {
  const std::string good = repeated("[", 64) + repeated("]", 64);
  const std::string bad = repeated("[", 65) + repeated("]", 65);
  EXPECT_EQ(parse_yaml(good, "f").root.kind, Kind::sequence);
  EXPECT_EQ(parse_json(good, "f").root.kind, Kind::sequence);
  // The 65th bracket is at column 65.
  expect_yaml_limit(bad, "f:1:65 (/0/0", "got depth 65, expected at most 64");
  expect_json_limit(bad, "f:1:65 (/0/0", "got depth 65, expected at most 64");
}

TEST(Depth, SixtyFourBlockMapsAreTheMost) {
  const auto nested = [](int depth) {
    std::string out;
    for (int i = 0; i < depth; ++i) {
      out += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
    }
    return out;
  };
  EXPECT_EQ(parse_yaml(nested(64), "f").root.kind, Kind::map);
  expect_yaml_limit(nested(65), "f:65:65 (/a/a");
  // 10^5 levels of one space each would be 5 GB; these 10^4 are 50 MB.
  expect_yaml_limit(nested(10000), "at most 64");
}

TEST(Depth, HundredThousandBrackets) {
  expect_yaml_limit(repeated("[", 100000), "at most 64");
  expect_json_limit(repeated("[", 100000), "at most 64");
  expect_yaml_limit(repeated("{a: ", 100000), "at most 64");
  expect_json_limit(repeated("{\"a\":", 100000), "at most 64");
  expect_yaml_limit(repeated("[\n", 100000), "at most 64");
  expect_yaml_limit(repeated("[", 100000) + repeated("]", 100000), "at most 64");
}

TEST(Depth, HundredThousandBlockSequences) {
  expect_yaml_limit(repeated("- ", 100000), "at most 64");
  expect_input_error([] { parse_yaml(repeated("? ", 100000), "f"); }, "E_SYNTAX", "as a key");
}

TEST(Depth, BracketsInTextAreNoNesting) {
  std::string content = "a:\n";
  for (int i = 0; i < 2000; ++i) {
    content += "  - \"[0, \" # [[ comment\n  - x[[\n  - '[it''s'\n";
  }
  EXPECT_EQ(parse_yaml(content, "f").root.find("a")->items.size(), 6000u);
}

TEST(Values, FourMillionAreTheMost) {
  // One sequence and as many scalars as fit: kMaxValues - 1.
  const std::string good = "[" + repeated("1,", static_cast<int>(kMaxValues) - 2) + "1]";
  EXPECT_EQ(parse_json(good, "f").root.items.size(), kMaxValues - 1);
  expect_json_limit("[1," + good.substr(1), "at most 4000000");
  expect_yaml_limit("[" + repeated("1,", 5000000) + "1]", "at most 4000000");
}

TEST(Size, LimitHoldsForTextInMemoryToo) {
  const std::string content(kMaxFileBytes + 1, 'x');
  expect_yaml_limit(content, "at most 64 MiB");
  expect_json_limit(content, "at most 64 MiB");
}

TEST(Messages, HugeTextIsCut) {
  const std::string long_key(1000000, 'k');
  const auto problems = expect_input_error(
      [&] { parse_json("{\"" + long_key + "\":1,\"" + long_key + "\":2}", "f"); }, "E_DUPLICATE");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_LT(problems[0].text().size(), 400u);
}

}  // namespace
}  // namespace moeplan::text
