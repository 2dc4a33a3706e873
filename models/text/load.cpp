#include "models/text/load.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "models/text/encoding.hpp"

namespace moeplan::text {
namespace {

[[noreturn]] void io_error(const std::filesystem::path& path, const std::string& what,
                           const std::string& got, const std::string& fix = "") {
  throw InputError({.code = "E_IO", .file = path.string(), .what = what, .got = got, .fix = fix});
}

[[noreturn]] void too_large(const std::filesystem::path& path, const std::string& got) {
  throw InputError({.code = "E_LIMIT",
                    .file = path.string(),
                    .what = "the file is too large",
                    .got = got,
                    .expected = "at most 64 MiB"});
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) {
      ::close(fd_);
    }
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  if (path.empty()) {
    io_error(path, "the file name is empty", "''");
  }
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    io_error(path, "cannot open the file", std::strerror(errno));
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) {
    io_error(path, "cannot open the file", std::strerror(errno));
  }
  if (S_ISDIR(status.st_mode)) {
    io_error(path, "cannot read this as a file", std::strerror(EISDIR), "name a file in it");
  }
  std::string content;
  if (S_ISREG(status.st_mode) && status.st_size > 0) {
    const auto size = static_cast<std::size_t>(status.st_size);
    if (size > kMaxFileBytes) {
      too_large(path, std::to_string(size) + " bytes");
    }
    content.reserve(size + 1);
  }
  // To the end, or one step past the limit: the size of a pipe is not known before.
  char buffer[1 << 16];
  while (content.size() <= kMaxFileBytes) {
    const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      io_error(path, "cannot read the file", std::strerror(errno));
    }
    if (got == 0) {
      break;
    }
    content.append(buffer, static_cast<std::size_t>(got));
  }
  if (content.size() > kMaxFileBytes) {
    too_large(path, fmt::format("more than {} bytes", kMaxFileBytes));
  }
  check_encoding(content, path.string());
  return content;
}

Document load_yaml(const std::filesystem::path& path) {
  return parse_yaml(read_file(path), path.string());
}

Document load_json(const std::filesystem::path& path) {
  return parse_json(read_file(path), path.string());
}

}  // namespace moeplan::text
