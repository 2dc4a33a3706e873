#pragma once
// The house rules that a reader of the text can check. Each returns the lines that break it; the
// tests prove on made-up files that each rule can fail, and that the tree breaks none.

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/architecture/source_file.hpp"

namespace moeplan::architecture {

// Includes in quotes: from the repository root, existing (`known` = all paths), and allowed by the
// layering table. Includes in angle brackets: the standard library, or third-party where allowed.
std::vector<Violation> check_includes(const SourceFile& file, const std::set<std::string>& known);

// Nothing but a program (app/, calibrate/main.cpp) prints, exits or names a standard stream.
std::vector<Violation> check_output(const SourceFile& file);

// No randomness but sim/engine's streams: no <random>, no rand(), no std:: engine or distribution.
std::vector<Violation> check_randomness(const SourceFile& file);

// No wall clock where simulated time is the only time (models/ and sim/ but for sim/sweep).
std::vector<Violation> check_clocks(const SourceFile& file);

// Headers: #pragma once first, then a comment that says what the file is; no `using namespace`.
// Sources of models, sim and calibrate: a namespace of their folder and no other.
std::vector<Violation> check_form(const SourceFile& file);

// At most 400 lines of at most 100 ASCII characters, no tabs; file names in snake_case.
std::vector<Violation> check_text(const SourceFile& file);

// A folder's README.md: there, and at most 20 lines.
std::vector<Violation> check_readme(const std::filesystem::path& root, const std::string& folder);

// A data file (YAML or JSON) says where its numbers come from: it has a key `source`, `sources`,
// `table` (another data file), or `_source` beside the keys of somebody else's format; and so has
// each {value: ...}. Scenarios are questions and need none. That the sources named exist, and
// stand beside every number, is checked where the file is read (models/catalog).
std::vector<Violation> check_source_key(const std::string& path, const std::string& text);

// Every find_package(NAME REQUIRED) of the CMake text is installed by the script ./moeplan.
std::vector<Violation> check_packages(const std::string& path, const std::string& cmake_text,
                                      const std::string& script);

}  // namespace moeplan::architecture
