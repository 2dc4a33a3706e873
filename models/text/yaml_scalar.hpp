#pragma once
// Private to models/text: which kind a plain (unquoted) YAML scalar is.

#include <string>
#include <string_view>

#include "models/text/node.hpp"

namespace moeplan::text {

// The YAML 1.2 core schema with decimal numbers only: true/True/TRUE/false/... are booleans,
// decimal integers and floats are numbers. Ambiguous are the scalars that YAML 1.1 and 1.2 read
// differently, and numbers that are not plain decimal: yes, no, on, off in any case; 0o12, 0x1F,
// 0b1, 012, 1_000, 1:30; .inf, .nan. All else is a string. Null is the parser's business.
Kind plain_kind(std::string_view text);

// How to write an ambiguous scalar so that everybody reads the same.
std::string ambiguous_hint(const std::string& scalar);

}  // namespace moeplan::text
