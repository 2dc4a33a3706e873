// JSON in: the tree, every place, and what is refused (tests.md C3 rows 7, 8 and 10).

#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::text {
namespace {

using tests::expect_input_error;

void expect_mark(Mark mark, int line, int column) {
  EXPECT_EQ(mark.line, line);
  EXPECT_EQ(mark.column, column);
}

TEST(JsonParse, MakesTheTreeWithPlaces) {
  const Node map = parse_json(
                       "{\n"
                       "  \"name\": \"x\\\"y, [z]\",\n"
                       "  \"list\" : [ true,false , null, -1.5e3 ],\n"
                       "  \"\xC3\xBC\": {\"deep\": \"\xC3\xBC\", \"next\": 8}\n"
                       "}\n",
                       "f")
                       .root;
  ASSERT_EQ(map.entries.size(), 3u);
  expect_mark(map.mark, 1, 1);
  expect_mark(map.entries[0].mark, 2, 3);
  expect_mark(map.find("name")->mark, 2, 11);
  EXPECT_EQ(map.find("name")->scalar, "x\"y, [z]");
  const Node& list = *map.find("list");
  ASSERT_EQ(list.items.size(), 4u);
  expect_mark(list.mark, 3, 12);
  expect_mark(list.items[0].mark, 3, 14);
  EXPECT_EQ(list.items[0].kind, Kind::boolean);
  expect_mark(list.items[1].mark, 3, 19);
  EXPECT_EQ(list.items[1].scalar, "false");
  EXPECT_EQ(list.items[2].kind, Kind::null);
  expect_mark(list.items[3].mark, 3, 33);
  EXPECT_EQ(list.items[3].scalar, "-1.5e3");
  const Node& umlaut = *map.find("\xC3\xBC");
  expect_mark(umlaut.find("deep")->mark, 4, 17);
  expect_mark(umlaut.entries[1].mark, 4, 22);
  expect_mark(umlaut.find("next")->mark, 4, 30);
}

TEST(JsonParse, NumbersKeepTheirText) {
  // 2^53 + 1 and 2^64 are no doubles resp. no int64.
  const Node list =
      parse_json("[9007199254740993, 18446744073709551616, 0, -0, 0.10, 1E5]", "f").root;
  const char* texts[] = {"9007199254740993", "18446744073709551616", "0", "-0", "0.10", "1E5"};
  ASSERT_EQ(list.items.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(list.items[i].kind, Kind::number);
    EXPECT_EQ(list.items[i].scalar, texts[i]);
  }
}

TEST(JsonParse, ScalarsMayBeTheWholeFile) {
  EXPECT_EQ(parse_json(" 8 ", "f").root.scalar, "8");
  EXPECT_EQ(parse_json("\"\\u00fc\"", "f").root.scalar, "\xC3\xBC");
}

TEST(JsonParse, DuplicateKeysNameBothPlaces) {
  const std::string content = "{\"a\": 1,\n \"b\": {\"c\": 1, \"c\": 2},\n \"a\": 3}";
  expect_input_error([&] { parse_json(content, "f"); }, "E_DUPLICATE", "f:3:2 (/a)", "1:2 and 3:2");
  expect_input_error([&] { parse_json(content, "f"); }, "E_DUPLICATE", "f:2:16 (/b/c)",
                     "2:8 and 2:16");
}

TEST(JsonParse, DuplicatesMayBeMapsAndSequences) {
  const auto problems = expect_input_error(
      [] { parse_json("{\"a\": [1, {\"b\": 2}], \"a\": {\"c\": [3]}, \"d\": 4}", "f"); },
      "E_DUPLICATE", "(/a)");
  EXPECT_EQ(problems.size(), 1u);
}

TEST(JsonParse, OverflowIsARange) {
  expect_input_error([] { parse_json("{\"rate\": 1e999}", "f"); }, "E_RANGE", "f:1:10 (/rate)",
                     "not finite", "1e999");
  expect_input_error([] { parse_json("[1,\n-1e999]", "f"); }, "E_RANGE", "f:2:1 (/1)");
}

struct Bad {
  const char* content;
  const char* place;
  const char* token;
  const char* hint;
};

class JsonSyntax : public testing::TestWithParam<Bad> {};

TEST_P(JsonSyntax, NamesPlaceAndToken) {
  const Bad& bad = GetParam();
  expect_input_error([&] { parse_json(bad.content, "f"); }, "E_SYNTAX", bad.place, bad.token,
                     bad.hint);
}

INSTANTIATE_TEST_SUITE_P(
    Files, JsonSyntax,
    testing::Values(Bad{"{\"a\": 1,\n \"b\": 2,\n}", "f:3:1", "got '}'",
                        "remove the comma before '}'"},
                    Bad{"[1, 2, ]", "f:1:8 (/2)", "got ']'", "remove the comma before ']'"},
                    Bad{"[1,,2]", "f:1:4 (/1)", "got ','", "expected"},
                    Bad{"[1 2]", "f:1:4 (/1)", "got '2'", "expected ']'"},
                    Bad{"{\"a\" 1}", "f:1:6 (/a)", "got '1'", "expected ':'"},
                    Bad{"{\"\xC3\xBC\" 1}", "f:1:6", "got '1'", "expected ':'"},
                    Bad{"{a: 1}", "f:1:2", "got 'a'", "expected string literal"},
                    Bad{"{'a': 1}", "f:1:2", "got ''a''", "use double quotes"},
                    Bad{"[NaN]", "f:1:2 (/0)", "got 'NaN'", "not JSON; write a finite number"},
                    Bad{"[1, -Infinity]", "f:1:5 (/1)", "got '-Infinity'", "write a finite number"},
                    Bad{"[1, Infinity]", "f:1:5 (/1)", "got 'Infinity'", "write a finite number"},
                    Bad{"[012]", "f:1:3", "got '12'", "leading zeros"},
                    Bad{"[0x1F]", "f:1:3", "got 'x1F'", "a decimal number"},
                    Bad{"[1.]", "f:1:2", "got '1.'", "expected digit"},
                    Bad{"[1e]", "f:1:2", "got '1e'", "digit after exponent"},
                    Bad{"{\"a\": tru}", "f:1:7 (/a)", "got 'tru'", "invalid literal"},
                    Bad{"[True]", "f:1:2", "got 'True'", "true, false or null"},
                    Bad{"{\"a\": 1 // x\n}", "f:1:9", "got '//'", "no comments"},
                    Bad{"[1", "f:1:3", "the end of the file", "expected ']'"},
                    Bad{"{\"a\": \"x\n\"}", "f:1:7 (/a)", "got '\"x\\x0A'", "control character"},
                    Bad{"{\"a\": \"x", "f:1:7 (/a)", "got '\"x'", "missing closing quote"},
                    Bad{"[\"\\q\"]", "f:1:2", "got '\"\\q'", "backslash"},
                    Bad{"[\"\\ud800\"]", "f:1:2", "got '\"\\ud800\"'", "surrogate"},
                    Bad{"{} x", "f:1:4", "got 'x'", "expected end of input"},
                    Bad{"[1]]", "f:1:4", "got ']'", "expected end of input"},
                    Bad{"{\"a\": [1}", "f:1:9", "got '}'", "expected ']'"},
                    Bad{" ", "f:1:2", "end", "expected"}));

}  // namespace
}  // namespace moeplan::text
