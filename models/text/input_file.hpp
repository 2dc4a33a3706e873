#pragma once
// Private to models/text: a file opened for reading, read from front to back.

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

namespace moeplan::text {

class InputFile {
 public:
  // Throws: InputError E_IO (no name, missing, directory, unreadable).
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  // Size of a regular file; nullopt for pipes and devices.
  std::optional<std::size_t> size() const { return size_; }
  // Up to `most` bytes; 0 at the end. Throws: InputError E_IO.
  std::size_t read(char* into, std::size_t most);

 private:
  std::string name_;
  int descriptor_ = -1;
  std::optional<std::size_t> size_;
};

}  // namespace moeplan::text
