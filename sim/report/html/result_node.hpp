#pragma once
// Looking things up in a result that somebody else may have written: what is absent or of another
// kind is nullopt, "" or empty, never an error, so that older and newer results give what they
// have.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/node.hpp"

namespace moeplan::sim {

// The value at "key/key/key" below a map; nullptr when there is none, or it is null.
const text::Node* at(const text::Node& node, std::string_view path);

// Finite numbers only.
std::optional<double> number_at(const text::Node& node, std::string_view path);

// The scalar as written; "" when absent.
std::string text_at(const text::Node& node, std::string_view path);

bool is_true(const text::Node& node, std::string_view path);

// The items of a sequence; the numbers among them.
const std::vector<text::Node>& items_at(const text::Node& node, std::string_view path);
std::vector<double> numbers_at(const text::Node& node, std::string_view path);

}  // namespace moeplan::sim
