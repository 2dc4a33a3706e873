#pragma once
// Golden files: a stored output that must not change by accident.

#include <filesystem>
#include <string>

namespace moeplan::tests {

// Fails, with the first line that differs, unless the file holds exactly `actual`. With
// MOEPLAN_UPDATE_GOLDEN=1 in the environment the file is rewritten where it differs, and the test
// fails once to say so.
void expect_golden(const std::filesystem::path& file, const std::string& actual);

}  // namespace moeplan::tests
