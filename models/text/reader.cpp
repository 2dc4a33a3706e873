#include "models/text/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/text/encoding.hpp"

namespace moeplan::text {
namespace {

// Stands in for a map that is missing or no map: that was reported once, its keys are not.
const Node& no_map() {
  static const Node node{.kind = Kind::map, .scalar = {}, .mark = {}, .items = {}, .entries = {}};
  return node;
}

}  // namespace

void Problems::add(Problem problem) {
  problem.file = file_;
  list_.push_back(std::move(problem));
}

void Problems::throw_if_any() const {
  if (list_.empty()) {
    return;
  }
  std::vector<Problem> sorted = list_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
    return a.mark.line != b.mark.line ? a.mark.line < b.mark.line : a.mark.column < b.mark.column;
  });
  throw InputError(std::move(sorted));
}

Reader::Reader(Problems& problems, const Node& map, std::string pointer)
    : problems_(&problems), map_(&map), pointer_(std::move(pointer)) {
  if (map.kind != Kind::map) {
    problems.add({.code = "E_TYPE",
                  .mark = map.mark,
                  .pointer = pointer_,
                  .what = pointer_.empty() ? "the file must hold a map of keys" : "wrong type",
                  .got = kind_name(map.kind),
                  .expected = "a map"});
    map_ = &no_map();
  }
}

const Node* Reader::optional_node(const std::string& key) {
  read_.insert(key);
  return map_->find(key);
}

const Node* Reader::node(const std::string& key) {
  const Node* found = optional_node(key);
  if (found == nullptr && map_ != &no_map()) {
    std::vector<std::string> unread;
    for (const Node::Entry& entry : map_->entries) {
      if (read_.count(entry.key) == 0) {
        unread.push_back(entry.key);
      }
    }
    const std::string similar = nearest(key, unread);
    problems_->add({.code = "E_MISSING",
                    .mark = map_->mark,
                    .pointer = pointer_of(key),
                    .what = fmt::format("the key '{}' is missing", key),
                    .got = map_->entries.empty() ? "no keys" : "keys " + shown(joined(keys())),
                    .fix = similar.empty() ? "" : fmt::format("is '{}' meant to be it?", similar)});
  }
  return found;
}

std::string Reader::string(const std::string& key) {
  const Node* value = node(key);
  return value == nullptr ? "" : as_string(*problems_, *value, pointer_of(key)).value_or("");
}

std::string Reader::string(const std::string& key, const std::string& fallback) {
  const Node* value = optional_node(key);
  return value == nullptr ? fallback
                          : as_string(*problems_, *value, pointer_of(key)).value_or(fallback);
}

bool Reader::boolean(const std::string& key, bool fallback) {
  const Node* value = optional_node(key);
  return value == nullptr ? fallback
                          : as_boolean(*problems_, *value, pointer_of(key)).value_or(fallback);
}

std::int64_t Reader::count(const std::string& key, const Range& range) {
  const Node* value = node(key);
  return value == nullptr ? 0 : as_count(*problems_, *value, pointer_of(key), range).value_or(0);
}

std::int64_t Reader::count(const std::string& key, std::int64_t fallback, const Range& range) {
  const Node* value = optional_node(key);
  return value == nullptr ? fallback
                          : as_count(*problems_, *value, pointer_of(key), range).value_or(fallback);
}

double Reader::number(const std::string& key, const Range& range) {
  const Node* value = node(key);
  return value == nullptr ? 0.0
                          : as_number(*problems_, *value, pointer_of(key), range).value_or(0.0);
}

double Reader::number(const std::string& key, double fallback, const Range& range) {
  const Node* value = optional_node(key);
  return value == nullptr
             ? fallback
             : as_number(*problems_, *value, pointer_of(key), range).value_or(fallback);
}

std::string Reader::choice(const std::string& key, const std::vector<std::string>& choices) {
  const Node* value = node(key);
  return value == nullptr ? ""
                          : as_choice(*problems_, *value, pointer_of(key), choices).value_or("");
}

Reader Reader::section(const std::string& key) {
  const Node* value = node(key);
  return Reader(*problems_, value == nullptr ? no_map() : *value, pointer_of(key));
}

std::vector<Reader> Reader::sections(const std::string& key) {
  std::vector<Reader> readers;
  const Node* value = node(key);
  if (value == nullptr) {
    return readers;
  }
  if (value->kind != Kind::sequence) {
    problem(key, "E_TYPE", "wrong type", "a sequence of maps");
    return readers;
  }
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    readers.emplace_back(*problems_, value->items[i], fmt::format("{}/{}", pointer_of(key), i));
  }
  return readers;
}

std::vector<double> Reader::numbers(const std::string& key, const Range& range) {
  std::vector<double> values;
  const Node* value = node(key);
  if (value == nullptr) {
    return values;
  }
  if (value->kind != Kind::sequence) {
    problem(key, "E_TYPE", "wrong type", "a sequence of numbers");
    return values;
  }
  for (std::size_t i = 0; i < value->items.size(); ++i) {
    values.push_back(
        as_number(*problems_, value->items[i], fmt::format("{}/{}", pointer_of(key), i), range)
            .value_or(0.0));
  }
  return values;
}

std::vector<std::string> Reader::keys() const {
  std::vector<std::string> names;
  for (const Node::Entry& entry : map_->entries) {
    names.push_back(entry.key);
  }
  return names;
}

void Reader::finish() {
  // What was asked for and is not there is the likelier meaning of a misspelt key.
  std::vector<std::string> absent;
  std::copy_if(read_.begin(), read_.end(), std::back_inserter(absent),
               [&](const std::string& key) { return !has(key); });
  const std::vector<std::string> known(read_.begin(), read_.end());
  for (const Node::Entry& entry : map_->entries) {
    if (read_.count(entry.key) == 0) {
      const std::string hint = did_you_mean(entry.key, absent);
      problems_->add({.code = "E_UNKNOWN_KEY",
                      .mark = entry.mark,
                      .pointer = pointer_of(shown(entry.key)),
                      .what = "unknown key",
                      .got = fmt::format("'{}'", shown(entry.key)),
                      .expected = known.empty() ? "no keys" : "one of " + joined(known),
                      .fix = hint.empty() ? did_you_mean(entry.key, known) : hint});
    }
  }
}

void Reader::problem(const std::string& key, const std::string& code, const std::string& what,
                     const std::string& expected, const std::string& fix) {
  const Node* value = map_->find(key);
  std::string got;
  if (value != nullptr) {
    got = value->kind == Kind::map || value->kind == Kind::sequence ? kind_name(value->kind)
                                                                    : shown(value->scalar);
  }
  problems_->add({.code = code,
                  .mark = mark_of(key),
                  .pointer = pointer_of(key),
                  .what = what,
                  .got = got,
                  .expected = expected,
                  .fix = fix});
}

Mark Reader::mark_of(const std::string& key) const {
  const Node* value = map_->find(key);
  return value == nullptr ? map_->mark : value->mark;
}

void check_schema(Reader& reader, const std::string& name, int oldest, int newest) {
  const std::string found = reader.string("schema");
  const std::int64_t version = reader.count("schema_version", kAny);
  const Node* name_node = reader.optional_node("schema");
  if (name_node != nullptr && name_node->kind == Kind::string && found != name) {
    reader.problem("schema", "E_SCHEMA", "this is another kind of file",
                   fmt::format("schema '{}'", name));
  }
  const Node* node = reader.optional_node("schema_version");
  if (node != nullptr && node->kind == Kind::number && (version < oldest || version > newest)) {
    reader.problem("schema_version", "E_SCHEMA",
                   version > newest ? "the file is newer than this moeplan" : "the file is too old",
                   oldest == newest ? fmt::format("version {}", newest)
                                    : fmt::format("version {} to {}", oldest, newest),
                   version > newest
                       ? "update moeplan, or write the file again with this version"
                       : "convert the file: write it again with this version of moeplan");
  }
}

}  // namespace moeplan::text
