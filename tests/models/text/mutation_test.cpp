// Damaged files: whatever the bytes, the readers give a tree or an InputError with a place; what
// both YAML and JSON accept is the same tree. The seeds are fixed, so a failure repeats.

#include <gtest/gtest.h>

#include <random>

#include "models/text/csv.hpp"
#include "models/text/load.hpp"

namespace moeplan::text {
namespace {

constexpr const char* kYaml =
    "# scenario\nname: demo\nhardware: {gpu: [h100-sxm, 'a10'], gpus: 8}\nlist:\n  - a: 1\n"
    "    b: \"x\\ty\"\n  - |\n    text\n    more\nrate: 7 us\nempty:\nno_: no\n";
constexpr const char* kJson =
    "{\"name\": \"demo\", \"list\": [1, -2.5e3, true, null, {\"a\": \"\\u00fc\\n\"}],\n"
    " \"deep\": {\"x\": {\"y\": []}}}";
constexpr const char* kCsv = "name,tokens,rate\n\"a, b\",8,0.5\r\nc,9,1e3\n";
constexpr std::string_view kBytes = "[]{}:,-?&*!|>'\"%@`#\\\n\r\t ~<.0123456789eEaxy/\x80\xC3";

std::string mutated(const std::string& text, std::mt19937& random) {
  std::string out = text;
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random()) % n; };
  for (std::size_t change = 0; change <= below(4) && !out.empty(); ++change) {
    const std::size_t at = below(out.size());
    switch (below(4)) {
      case 0:
        out[at] = kBytes[below(kBytes.size())];
        break;
      case 1:
        out.insert(at, 1, kBytes[below(kBytes.size())]);
        break;
      case 2:
        out.erase(at, 1 + below(5));
        break;
      default:
        out.insert(at, out.substr(below(out.size()), below(20)));
    }
  }
  return out;
}

template <class Parse>
void expect_tree_or_place(const char* original, std::uint32_t seed, const Parse& parse) {
  std::mt19937 random(seed);
  int accepted = 0;
  int refused = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string content = mutated(original, random);
    try {
      parse(content);
      ++accepted;
    } catch (const InputError& error) {
      ++refused;
      ASSERT_FALSE(error.problems().empty()) << content;
      for (const Problem& problem : error.problems()) {
        ASSERT_TRUE(problem.mark.line > 0 || content.empty() || content[0] < 0) << content << "\n"
                                                                                << problem.text();
        ASSERT_FALSE(problem.code.empty() || problem.what.empty()) << content;
      }
    }
  }
  // Neither all nor nothing passes: the mutations are worth the name.
  EXPECT_GT(accepted, 100);
  EXPECT_GT(refused, 100);
}

TEST(Mutation, Yaml) {
  expect_tree_or_place(kYaml, 1, [](const std::string& text) { parse_yaml(text, "f"); });
}
TEST(Mutation, Json) {
  expect_tree_or_place(kJson, 2, [](const std::string& text) { parse_json(text, "f"); });
}
TEST(Mutation, Csv) {
  expect_tree_or_place(kCsv, 3, [](const std::string& text) { CsvTable::parse(text, "f"); });
}

// Kinds, texts, keys and places; the two readers make one tree.
void expect_same(const Node& a, const Node& b, const std::string& content) {
  ASSERT_EQ(a.kind, b.kind) << content;
  ASSERT_EQ(a.scalar, b.scalar) << content;
  ASSERT_EQ(a.mark.line, b.mark.line) << content;
  ASSERT_EQ(a.mark.column, b.mark.column) << content;
  ASSERT_EQ(a.items.size(), b.items.size()) << content;
  for (std::size_t i = 0; i < a.items.size(); ++i) {
    expect_same(a.items[i], b.items[i], content);
  }
  ASSERT_EQ(a.entries.size(), b.entries.size()) << content;
  for (std::size_t i = 0; i < a.entries.size(); ++i) {
    ASSERT_EQ(a.entries[i].key, b.entries[i].key) << content;
    ASSERT_EQ(a.entries[i].mark.line, b.entries[i].mark.line) << content;
    ASSERT_EQ(a.entries[i].mark.column, b.entries[i].mark.column) << content;
    expect_same(a.entries[i].value, b.entries[i].value, content);
  }
}

TEST(Mutation, JsonReadAsYamlIsTheSameTree) {
  std::mt19937 random(4);
  int compared = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::string content = mutated(kJson, random);
    try {
      const Document json = parse_json(content, "f");
      const Document yaml = parse_yaml(content, "f");
      expect_same(json.root, yaml.root, content);
      ++compared;
    } catch (const InputError&) {
      continue;  // one of them refuses it: nothing to compare
    }
  }
  EXPECT_GT(compared, 100);
}

}  // namespace
}  // namespace moeplan::text
