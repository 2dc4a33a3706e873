#pragma once
// A data directory of a test's own: MOEPLAN_DATA points to it while the object lives.

#include <cstdlib>
#include <optional>
#include <string>

#include "tests/support/temporary_directory.hpp"

namespace moeplan::models::tests {

class DataOverride {
 public:
  DataOverride() {
    if (const char* value = std::getenv("MOEPLAN_DATA")) {
      before_ = value;
    }
    setenv("MOEPLAN_DATA", directory_.path().c_str(), 1);
  }
  ~DataOverride() {
    if (before_) {
      setenv("MOEPLAN_DATA", before_->c_str(), 1);
    } else {
      unsetenv("MOEPLAN_DATA");
    }
  }
  DataOverride(const DataOverride&) = delete;
  DataOverride& operator=(const DataOverride&) = delete;

  // "gpus/x.yaml" -> its path.
  std::string write(const std::string& name, const std::string& content) const {
    return directory_.write(name, content).string();
  }

 private:
  moeplan::tests::TemporaryDirectory directory_;
  std::optional<std::string> before_;
};

// The text with the first occurrence of `what` replaced; fails loudly when it is not there.
inline std::string with(std::string text, const std::string& what, const std::string& by) {
  return text.replace(text.find(what), what.size(), by);  // throws std::out_of_range if absent
}

}  // namespace moeplan::models::tests
