#pragma once
// The built-in study as text, and changed in one place.

#include <stdexcept>
#include <string>

#include "sim/study/study.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {

inline std::string built_in_study() {
  return read_bytes(data_dir() / "scenarios" / "pretraining.yaml");
}

// The built-in study with the first occurrence of `what` replaced.
inline std::string study_with(const std::string& what, const std::string& by) {
  std::string text = built_in_study();
  const std::size_t at = text.find(what);
  if (at == std::string::npos) {
    throw std::runtime_error("the study has no '" + what + "'");
  }
  return text.replace(at, what.size(), by);
}

inline sim::PretrainingStudy study_of(const std::string& text) {
  const TemporaryDirectory folder;
  return sim::load_pretraining_study(folder.write("study.yaml", text));
}

}  // namespace moeplan::tests
