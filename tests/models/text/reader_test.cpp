// Reader: all problems of a file in one pass, each with place and advice (tests.md C3 rows 9, 18).

#include "models/text/reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::text {
namespace {

using testing::HasSubstr;
using tests::expect_input_error;

TEST(Reader, ReadsEveryType) {
  const Document document = parse_yaml(
      "name: demo\n"
      "gpus: 8\n"
      "load: 0.5\n"
      "latency: 7 us\n"
      "strict: true\n"
      "mode: fast\n"
      "points: [1, 2.5]\n"
      "node: {gpus: 4}\n"
      "links:\n"
      "  - {name: a}\n"
      "  - {name: b}\n",
      "f.yaml");
  Problems problems(document);
  Reader reader(problems, document.root);
  EXPECT_EQ(reader.string("name"), "demo");
  EXPECT_EQ(reader.count("gpus"), 8);
  EXPECT_EQ(reader.number("load", kFraction), 0.5);
  EXPECT_EQ(reader.quantity<kTime>("latency"), microseconds(7));
  EXPECT_TRUE(reader.boolean("strict", false));
  EXPECT_EQ(reader.choice("mode", {"fast", "exact"}), "fast");
  EXPECT_EQ(reader.numbers("points"), (std::vector<double>{1.0, 2.5}));
  Reader node = reader.section("node");
  EXPECT_EQ(node.count("gpus"), 4);
  EXPECT_EQ(node.pointer(), "/node");
  std::vector<Reader> links = reader.sections("links");
  ASSERT_EQ(links.size(), 2u);
  EXPECT_EQ(links[1].string("name"), "b");
  EXPECT_EQ(links[1].pointer_of("name"), "/links/1/name");
  EXPECT_EQ(reader.keys().front(), "name");
  EXPECT_TRUE(reader.has("mode"));
  EXPECT_EQ(reader.mark_of("gpus").line, 2);
  reader.finish();
  node.finish();
  EXPECT_TRUE(problems.empty());
  EXPECT_NO_THROW(problems.throw_if_any());
}

TEST(Reader, FallbacksOnlyWhereTheKeyIsAbsent) {
  const Document document = parse_yaml("gpus: \"8\"\n", "f.yaml");
  Problems problems(document);
  Reader reader(problems, document.root);
  EXPECT_EQ(reader.string("name", "unnamed"), "unnamed");
  EXPECT_EQ(reader.number("load", 0.25, kFraction), 0.25);
  EXPECT_EQ(reader.quantity<kTime>("latency", seconds(1), kPositive), seconds(1));
  EXPECT_TRUE(reader.boolean("strict", true));
  EXPECT_EQ(reader.optional_node("other"), nullptr);
  EXPECT_TRUE(problems.empty());
  reader.count("gpus", 1, kPositive);  // there, but wrong: a problem, not the fallback in silence
  ASSERT_EQ(problems.list().size(), 1u);
  EXPECT_EQ(problems.list()[0].code, "E_TYPE");
}

TEST(Reader, ReportsAllProblemsSortedByLine) {
  const Document document = parse_yaml("c: x\nb: -1\na: 7\n", "f.yaml");
  const auto problems = expect_input_error(
      [&] {
        Problems found(document);
        Reader reader(found, document.root);
        reader.quantity<kTime>("a");
        reader.count("b");
        reader.number("c");
        reader.finish();
        found.throw_if_any();
      },
      "E_UNIT", "f.yaml:3:4 (/a)");
  ASSERT_EQ(problems.size(), 3u);
  EXPECT_EQ(problems[0].text().substr(0, 32), "error[E_TYPE] f.yaml:1:4 (/c): w");
  EXPECT_EQ(problems[1].code, "E_RANGE");
}

TEST(Reader, UnknownKeysAreComparedWithWhatWasAskedFor) {
  const Document document =
      parse_yaml("parallelism:\n  tensor_paralel: 8\n  expert_parallel: 2\n  zzz: 1\n", "f.yaml");
  Problems problems(document);
  Reader reader(problems, document.root);
  Reader section = reader.section("parallelism");
  section.count("tensor_parallel", 1, kPositive);
  section.count("expert_parallel", 1, kPositive);
  section.finish();
  reader.finish();
  ASSERT_EQ(problems.list().size(), 2u);
  EXPECT_EQ(problems.list()[0].text(),
            "error[E_UNKNOWN_KEY] f.yaml:2:3 (/parallelism/tensor_paralel): unknown key, got "
            "'tensor_paralel', expected one of expert_parallel, tensor_parallel; did you mean "
            "'tensor_parallel'?");
  EXPECT_THAT(problems.list()[1].text(), HasSubstr("f.yaml:4:3 (/parallelism/zzz)"));
  EXPECT_EQ(problems.list()[1].fix, "");
}

TEST(Reader, MissingKeysAreComparedWithWhatIsThere) {
  const Document document = parse_yaml("hardware:\n  gpu_cuont: 8\n", "f.yaml");
  Problems problems(document);
  Reader reader(problems, document.root);
  Reader section = reader.section("hardware");
  section.count("gpu_count");
  ASSERT_EQ(problems.list().size(), 1u);
  EXPECT_EQ(problems.list()[0].text(),
            "error[E_MISSING] f.yaml:2:3 (/hardware/gpu_count): the key 'gpu_count' is missing, "
            "got keys gpu_cuont; is 'gpu_cuont' meant to be it?");
}

TEST(Reader, AMissingSectionIsOneProblem) {
  const Document document = parse_yaml("name: x\n", "f.yaml");
  Problems problems(document);
  Reader reader(problems, document.root);
  reader.string("name");
  Reader section = reader.section("hardware");
  section.count("gpus");
  section.string("gpu");
  section.section("deeper").count("x");
  section.finish();
  ASSERT_EQ(problems.list().size(), 1u);
  EXPECT_EQ(problems.list()[0].pointer, "/hardware");
}

TEST(Reader, SectionsOfTheWrongKind) {
  const Document document = parse_yaml("a: 1\nb: 2\nc: [1]\nd: {e: 1}\n", "f.yaml");
  Problems problems(document);
  Reader reader(problems, document.root);
  reader.section("a").count("x");
  EXPECT_TRUE(reader.sections("b").empty());
  reader.sections("c");
  EXPECT_TRUE(reader.numbers("d").empty());
  ASSERT_EQ(problems.list().size(), 4u);
  EXPECT_EQ(problems.list()[0].text(),
            "error[E_TYPE] f.yaml:1:4 (/a): wrong type, got a number, expected a map");
  EXPECT_EQ(problems.list()[1].text(),
            "error[E_TYPE] f.yaml:2:4 (/b): wrong type, got 2, expected a sequence of maps");
  EXPECT_EQ(problems.list()[2].pointer, "/c/0");
  EXPECT_EQ(problems.list()[3].text(),
            "error[E_TYPE] f.yaml:4:4 (/d): wrong type, got a map, expected a sequence of numbers");
}

TEST(Reader, RootMustBeAMap) {
  const Document document = parse_yaml("- 1\n", "f.yaml");
  Problems problems(document);
  Reader reader(problems, document.root);
  reader.string("name");
  ASSERT_EQ(problems.list().size(), 1u);
  EXPECT_EQ(problems.list()[0].text(),
            "error[E_TYPE] f.yaml:1:1: the file must hold a map of keys, got a sequence, expected "
            "a map");
}

TEST(Reader, OwnProblemsGetPlaceAndValue) {
  const Document document = parse_json("{\"model\": {\"top_k\": 8}}", "config.json");
  Problems problems(document);
  Reader reader(problems, document.root);
  Reader model = reader.section("model");
  model.problem("top_k", "E_RANGE", "top_k 8 > 6 experts", "at most 6");
  EXPECT_EQ(problems.list()[0].text(),
            "error[E_RANGE] config.json:1:21 (/model/top_k): top_k 8 > 6 experts, got 8, expected "
            "at most 6");
}

std::string schema_problem(const std::string& content) {
  const Document document = parse_yaml(content, "f.yaml");
  Problems problems(document);
  Reader reader(problems, document.root);
  check_schema(reader, "moeplan-profile", 2, 3);
  reader.finish();
  return problems.empty() ? "" : problems.list().front().text();
}

TEST(CheckSchema, AcceptsTheSupportedVersions) {
  EXPECT_EQ(schema_problem("schema: moeplan-profile\nschema_version: 2\n"), "");
  EXPECT_EQ(schema_problem("schema: moeplan-profile\nschema_version: 3\n"), "");
}

TEST(CheckSchema, NamesTheSupportedRangeAndTheWayOut) {
  EXPECT_EQ(schema_problem("schema: moeplan-profile\nschema_version: 4\n"),
            "error[E_SCHEMA] f.yaml:2:17 (/schema_version): the file is newer than this moeplan, "
            "got 4, expected version 2 to 3; update moeplan, or write the file again with this "
            "version");
  EXPECT_THAT(schema_problem("schema: moeplan-profile\nschema_version: 1\n"),
              AllOf(HasSubstr("too old"), HasSubstr("version 2 to 3"), HasSubstr("convert")));
  EXPECT_THAT(schema_problem("schema: other\nschema_version: 2\n"),
              AllOf(HasSubstr("E_SCHEMA"), HasSubstr("got other"),
                    HasSubstr("expected schema 'moeplan-profile'")));
  EXPECT_THAT(schema_problem("schema: moeplan-profile\n"), HasSubstr("E_MISSING"));
  EXPECT_THAT(schema_problem("schema: moeplan-profile\nschema_version: \"2\"\n"),
              HasSubstr("E_TYPE"));
}

}  // namespace
}  // namespace moeplan::text
