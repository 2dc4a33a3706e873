#include "models/text/input_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "models/text/input_error.hpp"

namespace moeplan::text {
namespace {

[[noreturn]] void io_error(const std::string& file, const std::string& what, const std::string& got,
                           const std::string& fix = "") {
  throw InputError({.code = "E_IO", .file = file, .what = what, .got = got, .fix = fix});
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path) : name_(path.string()) {
  if (path.empty()) {
    io_error(name_, "the file name is empty", "''");
  }
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) {
    io_error(name_, "cannot open the file", std::strerror(errno));
  }
  struct stat status {};
  const int failed = ::fstat(descriptor_, &status) != 0 ? errno : 0;
  if (failed != 0 || S_ISDIR(status.st_mode)) {
    ::close(descriptor_);
    if (failed != 0) {
      io_error(name_, "cannot open the file", std::strerror(failed));
    }
    io_error(name_, "cannot read this as a file", std::strerror(EISDIR), "name a file in it");
  }
  if (S_ISREG(status.st_mode)) {
    size_ = static_cast<std::size_t>(status.st_size);
  }
}

InputFile::~InputFile() { ::close(descriptor_); }

std::size_t InputFile::read(char* into, std::size_t most) {
  for (;;) {
    const ssize_t got = ::read(descriptor_, into, most);
    if (got >= 0) {
      return static_cast<std::size_t>(got);
    }
    if (errno != EINTR) {
      io_error(name_, "cannot read the file", std::strerror(errno));
    }
  }
}

}  // namespace moeplan::text
