#include "tests/support/locations.hpp"

#include <cstdlib>

namespace moeplan::tests {

std::filesystem::path source_dir() { return MOEPLAN_SOURCE_DIR; }

std::filesystem::path data_dir() { return source_dir() / "models" / "data"; }

std::optional<std::filesystem::path> shared_dir() {
  const char* named = std::getenv("MOEPLAN_SHARED");
  const std::filesystem::path path = named != nullptr ? named : MOEPLAN_SHARED_DIR;
  std::error_code none;
  if (!std::filesystem::is_directory(path, none)) {
    return std::nullopt;
  }
  return path;
}

}  // namespace moeplan::tests
