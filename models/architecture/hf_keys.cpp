#include "models/architecture/hf_keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

std::string dotted(const std::string& pointer) {
  std::string text = pointer.substr(1);
  std::replace(text.begin(), text.end(), '/', '.');
  return text;
}

// Null, 0, false, "" and empty lists or maps say that there is nothing (dense Gemma: num_experts
// null).
bool says_nothing(const text::Node& node) {
  switch (node.kind) {
    case text::Kind::null:
      return true;
    case text::Kind::boolean:
      return node.scalar == "false";
    case text::Kind::number:
      return node.scalar == "0" || node.scalar == "0.0";
    case text::Kind::sequence:
      return node.items.empty();
    case text::Kind::map:
      return node.entries.empty();
    default:
      return node.scalar.empty();
  }
}

std::string shown(const text::Node& node) {
  switch (node.kind) {
    case text::Kind::sequence:
      return node.items.empty() ? "[]" : fmt::format("a list of {}", node.items.size());
    case text::Kind::map:
      return "a map";
    default:
      return node.scalar;
  }
}

bool looks_like_moe(const std::string& key) {
  std::string lower = key;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static constexpr std::array kMarks = {"expert", "moe", "router", "routed", "topk", "top_k"};
  return std::any_of(kMarks.begin(), kMarks.end(),
                     [&](const char* mark) { return lower.find(mark) != std::string::npos; });
}

}  // namespace

const HfNames& expert_count_names() {
  static const HfNames names = {"num_experts", "moe_num_experts", "n_routed_experts",
                                "num_local_experts"};
  return names;
}

const HfNames& top_k_names() {
  static const HfNames names = {
      "num_experts_per_tok", "num_experts_per_token", "experts_per_token", "moe_top_k", "moe_k",
      "top_k_experts"};
  return names;
}

HfKeys::HfKeys(text::Problems& problems, const text::Node& root,
               std::map<std::string, std::string>& origin)
    : problems_(&problems), origin_(&origin), sections_{{&root, ""}} {
  require(root.kind == text::Kind::map, "HfKeys reads a map");
}

bool HfKeys::enter(const std::string& section) {
  const text::Node* node = sections_.back().map->find(section);
  if (node == nullptr || node->kind != text::Kind::map) {
    return false;
  }
  read_.insert("/" + section);
  sections_.insert(sections_.begin(), Section{node, section});
  return true;
}

std::optional<HfKeys::Found> HfKeys::look(const HfNames& names) const {
  for (const Section& section : sections_) {
    for (const std::string& name : names) {
      const text::Node* node = section.map->find(name);
      if (node != nullptr && node->kind != text::Kind::null) {
        const std::string prefix = section.name.empty() ? "" : "/" + section.name;
        return Found{name, prefix + "/" + name, node};
      }
    }
  }
  return std::nullopt;
}

std::optional<HfKeys::Found> HfKeys::find(const HfNames& names) {
  understood(names);
  return look(names);
}

std::optional<HfKeys::Found> HfKeys::find_agreeing(const HfNames& names) {
  const std::optional<Found> found = find(names);
  if (!found) {
    return found;
  }
  for (const std::string& name : names) {
    const std::optional<Found> other = look({name});
    if (other && other->node->kind == found->node->kind &&
        other->node->scalar != found->node->scalar) {
      problems_->add(
          {.code = "E_VALUE",
           .mark = other->node->mark,
           .pointer = other->pointer,
           .what = fmt::format("two keys for the same thing disagree: {} = {} and {} = "
                               "{}",
                               found->key, found->node->scalar, other->key, other->node->scalar),
           .expected = "equal values, or only one of them"});
    }
  }
  return found;
}

void HfKeys::note(const std::string& field, const Found& found, const std::string& value) {
  (*origin_)[field] = fmt::format("{} = {}", dotted(found.pointer), value);
}

std::optional<std::int64_t> HfKeys::read_count(const std::string& field, const Found& found,
                                               const text::Range& range) {
  const std::optional<std::int64_t> value =
      text::as_count(*problems_, *found.node, found.pointer, range);
  if (value) {
    note(field, found, fmt::format("{}", *value));
  }
  return value;
}

void HfKeys::missing(const std::string& field, const HfNames& names) {
  std::vector<std::string> unread;
  for (const Section& section : sections_) {
    for (const text::Node::Entry& entry : section.map->entries) {
      const std::string prefix = section.name.empty() ? "" : "/" + section.name;
      if (read_.count(prefix + "/" + entry.key) == 0) {
        unread.push_back(entry.key);
      }
    }
  }
  std::string fix;
  for (const std::string& name : names) {
    const std::string similar = fix.empty() ? nearest(name, unread) : "";
    if (!similar.empty()) {
      fix = fmt::format("is '{}' meant to be '{}'?", similar, name);
    }
  }
  const Section& section = sections_.front();
  problems_->add(
      {.code = "E_MISSING",
       .mark = section.map->mark,
       .pointer = (section.name.empty() ? "/" : "/" + section.name + "/") + names.front(),
       .what = fmt::format("the config does not say {}; looked for: {}", field, joined(names)),
       .fix = fix});
}

std::int64_t HfKeys::count(const std::string& field, const HfNames& names,
                           const text::Range& range) {
  const std::optional<Found> found = find_agreeing(names);
  if (!found) {
    missing(field, names);
    return 0;
  }
  return read_count(field, *found, range).value_or(0);
}

std::optional<std::int64_t> HfKeys::optional_count(const std::string& field, const HfNames& names,
                                                   const text::Range& range) {
  const std::optional<Found> found = find_agreeing(names);
  return found ? read_count(field, *found, range) : std::nullopt;
}

std::int64_t HfKeys::count_or(const std::string& field, const HfNames& names, std::int64_t fallback,
                              const text::Range& range) {
  const std::optional<Found> found = find_agreeing(names);
  if (!found) {
    (*origin_)[field] = fmt::format("{} (model class default, no {})", fallback, names.front());
    return fallback;
  }
  return read_count(field, *found, range).value_or(fallback);
}

std::optional<std::int64_t> HfKeys::optional_first_count(const std::string& field,
                                                         const HfNames& names,
                                                         const text::Range& range) {
  const std::optional<Found> found = find_agreeing(names);
  if (!found) {
    return std::nullopt;
  }
  if (found->node->kind != text::Kind::sequence || found->node->items.empty()) {
    return read_count(field, *found, range);
  }
  const std::vector<text::Node>& items = found->node->items;
  if (std::any_of(items.begin(), items.end(), [&](const text::Node& item) {
        return item.kind != items.front().kind || item.scalar != items.front().scalar;
      })) {
    warn(fmt::format("{} is a list of {} different values; the first, {}, is used",
                     dotted(found->pointer), items.size(), shown(items.front())));
  }
  return read_count(field, Found{found->key, found->pointer + "/0", &items.front()}, range);
}

bool HfKeys::flag_or(const std::string& field, const HfNames& names, bool fallback) {
  const std::optional<Found> found = find(names);
  if (!found) {
    (*origin_)[field] = fmt::format("{} (model class default, no {})", fallback, names.front());
    return fallback;
  }
  const std::optional<bool> value = text::as_boolean(*problems_, *found->node, found->pointer);
  if (value) {
    note(field, *found, *value ? "true" : "false");
  }
  return value.value_or(fallback);
}

std::string HfKeys::word_or(const std::string& field, const HfNames& names,
                            const std::string& fallback) {
  const std::optional<Found> found = find(names);
  if (!found) {
    (*origin_)[field] = fmt::format("{} (default, no {})", fallback, names.front());
    return fallback;
  }
  const std::optional<std::string> value =
      text::as_string(*problems_, *found->node, found->pointer);
  if (value) {
    note(field, *found, *value);
  }
  return value.value_or(fallback);
}

template <class T, class Read>
std::optional<std::vector<T>> HfKeys::list_of(const std::string& field, const HfNames& names,
                                              const std::string& items, Read read) {
  const std::optional<Found> found = find(names);
  if (!found) {
    return std::nullopt;
  }
  if (found->node->kind != text::Kind::sequence) {
    problems_->add({.code = "E_TYPE",
                    .mark = found->node->mark,
                    .pointer = found->pointer,
                    .what = "not a list of " + items,
                    .got = text::kind_name(found->node->kind),
                    .expected = "a list of " + items});
    return std::nullopt;
  }
  std::vector<T> values;
  for (std::size_t i = 0; i < found->node->items.size(); ++i) {
    values.push_back(read(found->node->items[i], fmt::format("{}/{}", found->pointer, i)));
  }
  note(field, *found, shown(*found->node));
  return values;
}

std::optional<std::vector<std::int64_t>> HfKeys::counts(const std::string& field,
                                                        const HfNames& names) {
  return list_of<std::int64_t>(field, names, "whole numbers",
                               [&](const text::Node& item, const std::string& pointer) {
                                 return text::as_count(*problems_, item, pointer).value_or(0);
                               });
}

std::optional<std::vector<std::string>> HfKeys::words(const std::string& field,
                                                      const HfNames& names) {
  return list_of<std::string>(field, names, "strings",
                              [&](const text::Node& item, const std::string& pointer) {
                                return text::as_string(*problems_, item, pointer).value_or("");
                              });
}

void HfKeys::understood(const HfNames& names) {
  for (const Section& section : sections_) {
    for (const std::string& name : names) {
      read_.insert((section.name.empty() ? "/" : "/" + section.name + "/") + name);
    }
  }
}

std::vector<std::string> HfKeys::unread_moe_keys() const {
  std::vector<std::string> result;
  for (const Section& section : sections_) {
    for (const text::Node::Entry& entry : section.map->entries) {
      const std::string pointer =
          (section.name.empty() ? "/" : "/" + section.name + "/") + entry.key;
      if (read_.count(pointer) == 0 && looks_like_moe(entry.key) && !says_nothing(entry.value)) {
        result.push_back(fmt::format("{} ({})", dotted(pointer), shown(entry.value)));
      }
    }
  }
  return result;
}

void HfKeys::conflict(const HfNames& names, const std::string& what, const std::string& expected,
                      const std::string& fix) {
  const std::optional<Found> found = look(names);
  problems_->add({.code = "E_VALUE",
                  .mark = found ? found->node->mark : sections_.front().map->mark,
                  .pointer = found ? found->pointer : "/" + names.front(),
                  .what = what,
                  .got = found ? shown(*found->node) : "",
                  .expected = expected,
                  .fix = fix});
}

void HfKeys::warn(std::string text) {
  if (std::find(warnings_.begin(), warnings_.end(), text) == warnings_.end()) {
    warnings_.push_back(std::move(text));
  }
}

void HfKeys::overflow(const std::string& what) {
  problems_->add({.code = "E_OVERFLOW",
                  .mark = sections_.front().map->mark,
                  .pointer = sections_.front().name.empty() ? "" : "/" + sections_.front().name,
                  .what = what});
}

}  // namespace moeplan::models
