#pragma once
// One small plan, and what can be done to its JSON, for the tests of the report.

#include <string>

#include "models/text/json.hpp"
#include "models/text/node.hpp"

namespace moeplan::tests {

// The JSON of a plan with accuracy, a budget and all three named designs; planned once a process.
const text::Document& planned();

// A copy with every string value replaced by `prefix` + the string.
text::Document with_strings(const text::Document& document, const std::string& prefix);

// The value at "key/key/0/key". Throws: std::runtime_error when there is none.
const text::Node& value_at(const text::Node& node, const std::string& path);
double number_at_path(const text::Node& node, const std::string& path);

}  // namespace moeplan::tests
