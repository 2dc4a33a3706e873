#pragma once
// Where tests find files: the repository, its data, and ../shared, which may be absent.

#include <filesystem>
#include <optional>

namespace moeplan::tests {

// The root of the repository.
std::filesystem::path source_dir();

// models/data of the repository.
std::filesystem::path data_dir();

// ../shared, or the directory named by the environment variable MOEPLAN_SHARED; nullopt when it is
// not there: the test skips with a reason.
//   const auto shared = shared_dir();
//   if (!shared) GTEST_SKIP() << kNoShared;
std::optional<std::filesystem::path> shared_dir();

inline constexpr const char* kNoShared = "../shared is not here (set MOEPLAN_SHARED)";

}  // namespace moeplan::tests
