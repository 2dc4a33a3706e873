// YAML in: the tree, every place, and the features that are refused (tests.md C3 rows 8 and 16).

#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::text {
namespace {

using tests::expect_input_error;

Node root(const std::string& content) { return parse_yaml(content, "f.yaml").root; }

template <class... Parts>
std::vector<Problem> expect_refused(const std::string& content, const std::string& code,
                                    const Parts&... parts) {
  return expect_input_error([&] { parse_yaml(content, "f.yaml"); }, code, parts...);
}

void expect_mark(Mark mark, int line, int column) {
  EXPECT_EQ(mark.line, line);
  EXPECT_EQ(mark.column, column);
}

TEST(Yaml, MakesTheTreeWithPlaces) {
  const Node map = root(
      "# a comment\n"
      "name: demo\n"
      "hardware:\n"
      "  gpu: [h100-sxm, 'a10']\n"
      "  gpus: 8   # eight\n"
      "empty:\n"
      "nothing: ~\n"
      "on_off: yes\n");
  ASSERT_EQ(map.kind, Kind::map);
  ASSERT_EQ(map.entries.size(), 5u);
  expect_mark(map.mark, 2, 1);
  EXPECT_EQ(map.find("name")->scalar, "demo");
  EXPECT_EQ(map.find("name")->kind, Kind::string);
  expect_mark(map.find("name")->mark, 2, 7);
  const Node& hardware = *map.find("hardware");
  expect_mark(map.entries[1].mark, 3, 1);
  expect_mark(hardware.mark, 4, 3);
  const Node& gpu = *hardware.find("gpu");
  ASSERT_EQ(gpu.kind, Kind::sequence);
  ASSERT_EQ(gpu.items.size(), 2u);
  expect_mark(gpu.mark, 4, 8);
  expect_mark(gpu.items[1].mark, 4, 19);
  EXPECT_EQ(gpu.items[1].scalar, "a10");
  EXPECT_EQ(hardware.find("gpus")->kind, Kind::number);
  EXPECT_EQ(hardware.find("gpus")->scalar, "8");
  expect_mark(hardware.entries[1].mark, 5, 3);
  expect_mark(hardware.find("gpus")->mark, 5, 9);
  EXPECT_EQ(map.find("empty")->kind, Kind::null);
  EXPECT_EQ(map.find("nothing")->kind, Kind::null);
  EXPECT_EQ(map.find("on_off")->kind, Kind::ambiguous);
  EXPECT_EQ(map.find("absent"), nullptr);
}

TEST(Yaml, QuotedScalarsAreStrings) {
  const Node map = root("a: \"8\"\nb: 'true'\nc: \"no\"\nd: ''\ne: \"x\\ty\"\nf: 'it''s'\n");
  for (const Node::Entry& entry : map.entries) {
    EXPECT_EQ(entry.value.kind, Kind::string) << entry.key;
  }
  EXPECT_EQ(map.find("d")->scalar, "");
  EXPECT_EQ(map.find("e")->scalar, "x\ty");
  EXPECT_EQ(map.find("f")->scalar, "it's");
}

TEST(Yaml, ColumnsCountCharacters) {
  // u-umlaut is two bytes and one column; the second line starts again.
  const Node map = root("\xC3\xBC: \xC3\xBC\nb: {\xC3\xBC: 1, c: 2}\n");
  expect_mark(map.entries[0].value.mark, 1, 4);
  const Node& b = map.entries[1].value;
  expect_mark(b.entries[0].value.mark, 2, 8);
  expect_mark(b.entries[1].mark, 2, 11);
  expect_mark(b.entries[1].value.mark, 2, 14);
}

TEST(Yaml, AcceptsWindowsLineEnds) {
  const Node map = root("a:\r\n  b: 1\r\nc: x\r\n");
  EXPECT_EQ(map.find("a")->find("b")->scalar, "1");
  EXPECT_EQ(map.find("c")->scalar, "x");
  expect_mark(map.find("c")->mark, 3, 4);
}

TEST(Yaml, BlockScalarsMayHoldTabsAndBrackets) {
  const Node map = root("a: |\n  \t[[[\n  b: {\nc: 1\n");
  EXPECT_EQ(map.find("a")->scalar, "\t[[[\nb: {\n");
  EXPECT_EQ(map.find("c")->scalar, "1");
}

TEST(Yaml, DocumentMarkersAroundOneDocument) {
  EXPECT_EQ(root("---\na: 1\n...\n").find("a")->scalar, "1");
}

TEST(Yaml, DuplicateKeysNameBothPlacesAndAreAllReported) {
  const auto problems = expect_refused("a: 1\nb: {c: 1, c: 2}\na: 3\n", "E_DUPLICATE",
                                       "f.yaml:3:1 (/a)", "the key 'a'", "1:1 and 3:1");
  EXPECT_EQ(problems.size(), 2u);
  expect_refused("a: 1\nb: {c: 1, c: 2}\na: 3\n", "E_DUPLICATE", "f.yaml:2:11 (/b/c)",
                 "2:5 and 2:11");
  expect_refused("a: 1\n\"a\": 2\n", "E_DUPLICATE", "1:1 and 2:1");  // quotes make no other key
}

TEST(Yaml, RefusesAnchorsAndAliases) {
  expect_refused("a: &x 1\nb: *x\n", "E_SYNTAX", "f.yaml:1:4 (/a)", "an anchor (&x)");
  expect_refused("a: *x\n", "E_SYNTAX", "f.yaml:1:4 (/a)", "an alias");
  expect_refused("&x {a: 1}\n", "E_SYNTAX", "f.yaml:1:1", "an anchor (&x)");
  // The "billion laughs": refused at the first anchor, before anything grows.
  expect_refused("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "E_SYNTAX", "f.yaml:1:4");
}

TEST(Yaml, RefusesMergeKeys) {
  expect_refused("a:\n  <<: {b: 1}\n", "E_SYNTAX", "f.yaml:2:3 (/a)", "a merge key (<<)");
  EXPECT_EQ(root("\"<<\": 1\n").find("<<")->scalar, "1");
}

TEST(Yaml, RefusesTags) {
  expect_refused("a: !!str 3\n", "E_SYNTAX", "f.yaml:1:4 (/a)", "an explicit tag");
  expect_refused("a: ! 3\n", "E_SYNTAX", "f.yaml:1:4", "an explicit tag");
  expect_refused("a: !python/object:os.system {b: 1}\n", "E_SYNTAX", "an explicit tag");
  expect_refused("a: !!seq [1]\n", "E_SYNTAX", "an explicit tag");
}

TEST(Yaml, RefusesSeveralDocuments) {
  expect_refused("a: 1\n---\nb: 2\n", "E_SYNTAX", "a second document", "one document per file");
  expect_refused("{a: 1} b\n", "E_SYNTAX", "f.yaml:1:8", "text after the end");
}

TEST(Yaml, RefusesKeysThatAreNoText) {
  expect_refused("[a]: 1\n", "E_SYNTAX", "f.yaml:1:1", "a sequence as a key");
  expect_refused("? {a: 1}\n: 1\n", "E_SYNTAX", "a map as a key");
  expect_refused("~: 1\n", "E_SYNTAX", "f.yaml:1:1", "null as a key");
}

TEST(Yaml, RefusesTabsAsIndentation) {
  for (const char* text : {"a:\n\tb: 1\n", "a:\n  \tb: 1\n", "a: foo\n\tb: 1\n", "a: [\n\t1]\n",
                           "\ta: 1\n", "a:\n  - 1\n\t- 2\n"}) {
    expect_refused(text, "E_SYNTAX", "a tab in the indentation", "expected spaces");
  }
  expect_refused("a:\n\tb: 1\n", "E_SYNTAX", "f.yaml:2:");
  // Elsewhere a tab is white space.
  EXPECT_EQ(root("a:\t1\t# x\n").find("a")->scalar, "1");
}

TEST(Yaml, SyntaxErrorsQuoteTheLine) {
  expect_refused("a: b: c\n", "E_SYNTAX", "f.yaml:1:5", "illegal map value", "'a: b: c'", "quote");
  expect_refused("a:\n  - 1\n - 2\n", "E_SYNTAX", "f.yaml:3:2", "' - 2'");
  expect_refused("a: 1\n]\n", "E_SYNTAX", "f.yaml:2:1");
  expect_refused("a: @x\n", "E_SYNTAX", "f.yaml:1:4");
  expect_refused("a: \"\\q\"\n", "E_SYNTAX", "unknown escape");
}

TEST(Yaml, OpenBracketsAndQuotesNameTheirBeginning) {
  expect_refused("a: 1\nb: [1,\n  2\n", "E_SYNTAX", "close the bracket of 2:4");
  expect_refused("a: 1\nb: {c: 1\n", "E_SYNTAX", "close the bracket of 2:4");
  // yaml-cpp 0.7 itself takes these two.
  expect_refused("a: \"x\n\nb: 1\n", "E_SYNTAX", "f.yaml:1:4 (/a)", "never closed");
  expect_refused("a: 'x\n\nb: ''1\n", "E_SYNTAX", "f.yaml:1:4 (/a)", "never closed");
}

TEST(Yaml, RefusesFilesWithoutAValue) {
  expect_refused("# only a comment\n", "E_SYNTAX", "holds no value");
  expect_refused(" \n\n", "E_SYNTAX", "holds no value");
}

TEST(Yaml, ReportsDuplicatesFoundBeforeASyntaxError) {
  const auto problems = expect_refused("a: 1\na: 2\nb: c: d\n", "E_SYNTAX", "f.yaml:3:5");
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[0].code, "E_DUPLICATE");
}

}  // namespace
}  // namespace moeplan::text
