#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

bool updating() {
  const char* value = std::getenv("MOEPLAN_UPDATE_GOLDEN");
  return value != nullptr && std::string(value) == "1";
}

std::string first_difference(const std::string& stored, const std::string& actual) {
  std::istringstream old_lines(stored);
  std::istringstream new_lines(actual);
  std::string old_line;
  std::string new_line;
  for (int number = 1;; ++number) {
    const bool old_there = static_cast<bool>(std::getline(old_lines, old_line));
    const bool new_there = static_cast<bool>(std::getline(new_lines, new_line));
    if (!old_there && !new_there) {
      return "they differ in the final line break";
    }
    if (old_there != new_there || old_line != new_line) {
      return "line " + std::to_string(number) +
             "\n  stored: " + (old_there ? old_line : "(end of file)") +
             "\n  actual: " + (new_there ? new_line : "(end of file)");
    }
  }
}

std::vector<std::string> tokens(const std::string& text) {
  std::vector<std::string> result(1);
  for (const char c : text) {
    if (c == ',' || c == '\n') {
      result.emplace_back();
    } else {
      result.back() += c;
    }
  }
  return result;
}

}  // namespace

// Equal but for numbers that differ by at most 1e-9 of their size.
bool equal_numbers(const std::string& a, const std::string& b) {
  const std::vector<std::string> x = tokens(a);
  const std::vector<std::string> y = tokens(b);
  if (x.size() != y.size()) {
    return false;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto u = parse_number(x[i]);
    const auto v = parse_number(y[i]);
    const bool close = u && v && std::abs(*u - *v) <= 1e-9 * std::max(std::abs(*u), std::abs(*v));
    if (x[i] != y[i] && !close) {
      return false;
    }
  }
  return true;
}

void expect_golden_numbers(const std::filesystem::path& file, const std::string& actual) {
  if (!updating() && std::filesystem::exists(file) && equal_numbers(read_bytes(file), actual)) {
    return;
  }
  expect_golden(file, actual);
}

void expect_golden(const std::filesystem::path& file, const std::string& actual) {
  const bool there = std::filesystem::exists(file);
  const std::string stored = there ? read_bytes(file) : "";
  if (there && stored == actual) {
    return;
  }
  if (updating()) {
    text::write_file(file, actual);
    ADD_FAILURE() << "golden file rewritten: " << file.string()
                  << " (read the diff, then run again without MOEPLAN_UPDATE_GOLDEN)";
    return;
  }
  ADD_FAILURE() << (there ? "differs from " : "there is no ") << file.string() << "\n"
                << first_difference(stored, actual)
                << "\nMOEPLAN_UPDATE_GOLDEN=1 rewrites it; say why in CHANGELOG.md";
}

}  // namespace moeplan::tests
