#pragma once
// The scenario format for editors and readers, made from the parser's field table.

#include <string>

namespace moeplan::sim {

// JSON Schema draft-07 (what yaml-language-server understands), pretty-printed.
std::string scenario_schema();

// The Markdown table of scenarios/README.md: key, type, default, meaning.
std::string scenario_field_table();

}  // namespace moeplan::sim
