#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

#include "models/text/load.hpp"

namespace moeplan::text {
namespace {

[[noreturn]] void fail(int error, const std::string& what, const std::filesystem::path& path,
                       std::size_t bytes) {
  throw std::system_error(error, std::generic_category(),
                          fmt::format("cannot {} {} ({} bytes)", what, path.string(), bytes));
}

// Writes all bytes, syncs and closes; 0 or the errno of the first failure.
int fill(int fd, const std::string& content, bool sync) {
  int error = 0;
  for (std::size_t done = 0; done < content.size() && error == 0;) {
    const ssize_t wrote = ::write(fd, content.data() + done, content.size() - done);
    if (wrote >= 0) {
      done += static_cast<std::size_t>(wrote);
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (error == 0 && sync && ::fsync(fd) != 0) {
    error = errno;
  }
  if (::close(fd) != 0 && error == 0) {
    error = errno;
  }
  return error;
}

// Makes the rename itself durable. File systems that cannot sync a directory say EINVAL.
int sync_directory(const std::filesystem::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) {
    return errno;
  }
  const int error = ::fsync(fd) == 0 || errno == EINVAL ? 0 : errno;
  ::close(fd);
  return error;
}

}  // namespace

void write_file(const std::filesystem::path& path, const std::string& content) {
  static std::atomic<unsigned> counter{0};  // only makes temporary names unique
  // A symbolic link stays one: its target is replaced.
  std::error_code none;
  const bool link = std::filesystem::is_symlink(path, none);
  const std::filesystem::path target = link ? std::filesystem::weakly_canonical(path, none) : path;
  struct stat status {};
  const bool exists = ::stat(target.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) {
    fail(EISDIR, "write", path, content.size());
  }
  if (exists && !S_ISREG(status.st_mode)) {  // a device or a pipe is never renamed over
    const int fd = ::open(target.c_str(), O_WRONLY | O_CLOEXEC);
    const int error = fd < 0 ? errno : fill(fd, content, false);
    if (error != 0) {
      fail(error, "write", path, content.size());
    }
    return;
  }
  const std::string temporary =
      fmt::format("{}.tmp-{}-{}", target.string(), ::getpid(), counter.fetch_add(1));
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) {
    fail(errno, "create a file beside", path, content.size());
  }
  if (exists) {  // keep the permissions; where that is not allowed, the new file's stay
    (void)!::fchmod(fd, status.st_mode & 07777);
  }
  int error = fill(fd, content, true);
  if (error == 0 && ::rename(temporary.c_str(), target.c_str()) != 0) {
    error = errno;
  }
  if (error != 0) {
    ::unlink(temporary.c_str());
    fail(error, "write", path, content.size());
  }
  const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";
  error = sync_directory(folder);
  if (error != 0) {
    fail(error, "sync the directory of", path, content.size());
  }
}

}  // namespace moeplan::text
