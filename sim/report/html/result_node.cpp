#include "sim/report/html/result_node.hpp"

#include <cmath>

#include "models/units/parse.hpp"

namespace moeplan::sim {

using text::Kind;
using text::Node;

namespace {

std::optional<double> number_of(const Node& node) {
  const auto value = node.kind == Kind::number ? parse_number(node.scalar) : std::nullopt;
  return value && std::isfinite(*value) ? value : std::nullopt;
}

}  // namespace

const Node* at(const Node& node, std::string_view path) {
  const Node* found = &node;
  while (found != nullptr && !path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string key(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
    found = found->kind == Kind::map ? found->find(key) : nullptr;
  }
  return found != nullptr && found->kind == Kind::null ? nullptr : found;
}

std::optional<double> number_at(const Node& node, std::string_view path) {
  const Node* found = at(node, path);
  return found != nullptr ? number_of(*found) : std::nullopt;
}

std::string text_at(const Node& node, std::string_view path) {
  const Node* found = at(node, path);
  return found != nullptr ? found->scalar : std::string();
}

bool is_true(const Node& node, std::string_view path) {
  const Node* found = at(node, path);
  return found != nullptr && found->kind == Kind::boolean && found->scalar == "true";
}

const std::vector<Node>& items_at(const Node& node, std::string_view path) {
  static const std::vector<Node> kNone;
  const Node* found = at(node, path);
  return found != nullptr && found->kind == Kind::sequence ? found->items : kNone;
}

std::vector<double> numbers_at(const Node& node, std::string_view path) {
  std::vector<double> numbers;
  for (const Node& item : items_at(node, path)) {
    if (const auto number = number_of(item)) {
      numbers.push_back(*number);
    }
  }
  return numbers;
}

}  // namespace moeplan::sim
