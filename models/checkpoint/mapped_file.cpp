#include "models/checkpoint/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <system_error>
#include <utility>

#include "models/text/input_error.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

[[noreturn]] void unreadable(const std::filesystem::path& path, const std::string& what) {
  throw InputError(Problem{.code = "E_IO", .file = path.string(), .what = what});
}

[[noreturn]] void unwritable(const std::filesystem::path& path, int error, const char* verb) {
  throw std::system_error(error, std::generic_category(),
                          fmt::format("cannot {} {}", verb, path.string()));
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) {
    unreadable(path, std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(descriptor);
    unreadable(path, "is not a regular file");
  }
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ > 0) {
    void* mapped = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
    if (mapped == MAP_FAILED) {
      const int error = errno;
      ::close(descriptor);
      unreadable(path, std::strerror(error));
    }
    data_ = static_cast<const std::byte*>(mapped);
  }
  ::close(descriptor);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile::~MappedFile() {
  if (data_ != nullptr) {
    ::munmap(const_cast<std::byte*>(data_), size_);
  }
}

void MappedFile::release(std::span<const std::byte> bytes) const {
  // Whole pages inside only: the neighbours may be in use.
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(bytes.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()) / page * page;
  if (end > begin) {
    (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
}

OutputFile::OutputFile(const std::filesystem::path& path, std::size_t size)
    : path_(path), size_(size) {
  descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    unwritable(path, errno, "create");
  }
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
    const int error = errno;
    ::close(descriptor_);
    descriptor_ = -1;
    unwritable(path, error, "size");
  }
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

OutputFile::~OutputFile() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

void OutputFile::write(std::size_t offset, std::span<const std::byte> bytes) const {
  require(offset <= size_ && bytes.size() <= size_ - offset, "a write stays inside its file");
  while (!bytes.empty()) {
    const ssize_t done =
        ::pwrite(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done <= 0) {
      unwritable(path_, done < 0 ? errno : EIO, "write");
    }
    bytes = bytes.subspan(static_cast<std::size_t>(done));
    offset += static_cast<std::size_t>(done);
  }
}

void OutputFile::sync() const {
  if (::fsync(descriptor_) != 0) {
    unwritable(path_, errno, "sync");
  }
}

}  // namespace moeplan::models
