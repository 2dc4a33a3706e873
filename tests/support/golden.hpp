#pragma once
// Golden files: a stored output that must not change by accident.

#include <filesystem>
#include <string>

namespace moeplan::tests {

// Fails, with the first line that differs, unless the file holds exactly `actual`. With
// MOEPLAN_UPDATE_GOLDEN=1 in the environment the file is rewritten where it differs, and the test
// fails once to say so.
void expect_golden(const std::filesystem::path& file, const std::string& actual);

// The same for tables (cells separated by commas): numbers may differ by 1e-9 of their size, as on
// another machine or C library (serving.md 7).
void expect_golden_numbers(const std::filesystem::path& file, const std::string& actual);

// Equal but for numbers that differ by at most 1e-9 of their size.
bool equal_numbers(const std::string& a, const std::string& b);

}  // namespace moeplan::tests
