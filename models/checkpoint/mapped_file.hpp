#pragma once
// MappedFile: a file's bytes as memory, read when touched; and OutputFile, a file of a known size
// that is filled in any order.

#include <cstddef>
#include <filesystem>
#include <span>

namespace moeplan::models {

class MappedFile {
 public:
  // Throws: InputError E_IO (missing, directory, unreadable).
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  // Lets the system take back the pages of these bytes; they are read again when touched.
  void release(std::span<const std::byte> bytes) const;

 private:
  const std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

class OutputFile {
 public:
  // A new file of this size. Throws: std::system_error naming the path.
  OutputFile(const std::filesystem::path& path, std::size_t size);
  ~OutputFile();
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;

  // Throws: std::system_error naming the path; std::logic_error beyond the end.
  void write(std::size_t offset, std::span<const std::byte> bytes) const;
  // To the disk. Throws: std::system_error.
  void sync() const;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::size_t size_ = 0;
};

}  // namespace moeplan::models
