#include "sim/study/study_keys.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeplan::sim {
namespace {

// One or many: the items of a sequence, or the value itself.
std::vector<const text::Node*> items_of(const text::Node& node) {
  if (node.kind != text::Kind::sequence) {
    return {&node};
  }
  std::vector<const text::Node*> items;
  for (const text::Node& item : node.items) {
    items.push_back(&item);
  }
  return items;
}

void walk(const text::Node& node, const std::string& key, const std::string& file,
          std::vector<StudyValue>& values) {
  if (node.kind == text::Kind::map) {
    for (const text::Node::Entry& entry : node.entries) {
      walk(entry.value, key.empty() ? entry.key : key + "." + entry.key, file, values);
    }
    return;
  }
  std::vector<std::string> texts;
  for (const text::Node* item : items_of(node)) {
    texts.push_back(item->scalar);
  }
  values.push_back({.key = key,
                    .value = joined(texts),
                    .from = fmt::format("{}:{}:{}", file, node.mark.line, node.mark.column)});
}

}  // namespace

std::vector<std::int64_t> read_counts(text::Reader& reader, const std::string& key) {
  const text::Node* node = reader.node(key);
  if (node == nullptr) {
    return {};
  }
  const std::size_t before = reader.problems().list().size();
  std::vector<std::int64_t> counts;
  for (const text::Node* item : items_of(*node)) {
    counts.push_back(
        text::as_count(reader.problems(), *item, reader.pointer_of(key), {.low = 1.0, .high = 1e5})
            .value_or(0));
  }
  if (reader.problems().list().size() > before) {
    return {};
  }
  std::sort(counts.begin(), counts.end());
  if (counts.empty() || std::adjacent_find(counts.begin(), counts.end()) != counts.end()) {
    reader.problem(key, "E_VALUE", counts.empty() ? "an empty list" : "a number stands there twice",
                   "a list of different whole numbers");
    return {};
  }
  return counts;
}

std::vector<std::string> read_texts(text::Reader& reader, const std::string& key) {
  std::vector<std::string> texts;
  const text::Node* node = reader.node(key);
  if (node == nullptr) {
    return texts;
  }
  for (const text::Node* item : items_of(*node)) {
    if (auto text = text::as_string(reader.problems(), *item, reader.pointer_of(key))) {
      texts.push_back(std::move(*text));
    }
  }
  if (texts.empty()) {
    reader.problem(key, "E_VALUE", "an empty list", "a list of names");
  }
  return texts;
}

Assumption read_assumption(text::Reader& reader, const std::string& key, const text::Range& range) {
  text::Reader section = reader.section(key);
  Assumption assumption;
  assumption.key = reader.pointer().empty() ? key : reader.pointer().substr(1) + "." + key;
  std::replace(assumption.key.begin(), assumption.key.end(), '/', '.');
  assumption.value = section.number("value", range);
  assumption.low = section.number("low", assumption.value, range);
  assumption.high = section.number("high", assumption.value, range);
  assumption.source = section.string("source");
  if (reader.has(key) &&
      (assumption.low > assumption.value || assumption.high < assumption.value)) {
    section.problem("value", "E_RANGE", "low and high do not enclose the value",
                    "low <= value <= high");
  }
  section.finish();
  return assumption;
}

std::vector<StudyValue> values_of(const text::Document& document) {
  std::vector<StudyValue> values;
  walk(document.root, "", document.file, values);
  return values;
}

}  // namespace moeplan::sim
