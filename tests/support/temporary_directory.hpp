#pragma once
// A fresh directory that goes away with the object, whatever the test left in it.

#include <filesystem>
#include <string>

namespace moeplan::tests {

class TemporaryDirectory {
 public:
  // Throws: std::system_error when none can be made.
  TemporaryDirectory();
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  // Writes the bytes as they are, makes the folders on the way; returns the path.
  std::filesystem::path write(const std::string& name, const std::string& content) const;

 private:
  std::filesystem::path path_;
};

// All bytes of a file. Throws: std::runtime_error when it cannot be read.
std::string read_bytes(const std::filesystem::path& path);

}  // namespace moeplan::tests
