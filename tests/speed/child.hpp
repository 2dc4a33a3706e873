#pragma once
// Programs run as child processes, with what they took; and folders for their files.

#include <filesystem>
#include <string>
#include <vector>

namespace moeplan::speed {

struct Run {
  double seconds = 0.0;
  double peak_mb = 0.0;  // 1e6 bytes
};

// Runs the command with its output thrown away, or in the file `output`.
// Throws: std::runtime_error unless it exits with 0.
Run run(const std::vector<std::string>& command, const std::string& output = "/dev/null");

// A folder that is removed when the program ends, also by an exception.
class ScratchFolder {
 public:
  // Throws: std::runtime_error.
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  std::string path() const { return path_.string(); }
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace moeplan::speed
