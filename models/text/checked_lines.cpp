#include "models/text/checked_lines.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include "models/text/crc32.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"

namespace moeplan::text {
namespace {

constexpr std::string_view kBegin = R"({"record":)";
constexpr std::string_view kMiddle = R"(,"crc32":")";
constexpr std::string_view kEnd = R"("})";
constexpr std::size_t kCrcDigits = 8;

// The record's text, or nullopt where frame or CRC do not fit.
std::optional<std::string> record_text(const std::string& line) {
  const std::size_t tail = kMiddle.size() + kCrcDigits + kEnd.size();
  if (line.size() < kBegin.size() + tail || !line.starts_with(kBegin) || !line.ends_with(kEnd)) {
    return std::nullopt;
  }
  const std::string record = line.substr(kBegin.size(), line.size() - kBegin.size() - tail);
  const std::string rest = line.substr(kBegin.size() + record.size());
  if (rest != fmt::format("{}{:08x}{}", kMiddle, crc32(record), kEnd)) {
    return std::nullopt;
  }
  return record;
}

// Lines of a file of any size, a block at a time.
class Lines {
 public:
  explicit Lines(std::istream& file) : file_(file), block_(kBlock, '\0') {}

  // The next line, without its end; false at the end of the file. `whole`: a line end followed.
  bool next(std::string& line, bool& whole, bool& too_long) {
    line.clear();
    whole = false;
    for (;;) {
      if (at_ == end_ && !read()) {
        return !line.empty();
      }
      const char* begin = block_.data() + at_;
      const std::size_t there = end_ - at_;
      const auto* stop = static_cast<const char*>(std::memchr(begin, '\n', there));
      const std::size_t part = stop == nullptr ? there : static_cast<std::size_t>(stop - begin);
      if (line.size() + part > kMaxFileBytes) {
        too_long = true;
        return true;
      }
      line.append(begin, part);
      at_ += part;
      if (stop != nullptr) {
        ++at_;
        whole = true;
        return true;
      }
    }
  }

 private:
  static constexpr std::size_t kBlock = std::size_t{1} << 16;

  bool read() {
    file_.read(block_.data(), static_cast<std::streamsize>(kBlock));
    at_ = 0;
    end_ = static_cast<std::size_t>(file_.gcount());
    return end_ > 0;
  }

  std::istream& file_;
  std::string block_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
};

std::system_error failed(int error, const char* what, const std::filesystem::path& path) {
  return {error, std::generic_category(), fmt::format("cannot {} {}", what, path.string())};
}

}  // namespace

CheckedLinesEnd read_checked_lines(const std::filesystem::path& path, const std::string& what,
                                   const std::string& mend,
                                   const std::function<void(const std::string&, int)>& use) {
  std::ifstream file(path, std::ios::binary);
  if (!file || !std::filesystem::is_regular_file(path)) {
    throw InputError({.code = "E_IO",
                      .file = path.string(),
                      .what = "cannot read " + what,
                      .expected = "a file"});
  }
  CheckedLinesEnd end;
  std::string line;
  bool whole = false;
  bool too_long = false;
  Lines lines(file);
  while (lines.next(line, whole, too_long)) {
    if (too_long) {
      throw InputError({.code = "E_LIMIT",
                        .file = path.string(),
                        .mark = {end.lines + 1, 1},
                        .what = "a line is too long",
                        .expected = fmt::format("at most {} bytes", kMaxFileBytes)});
    }
    if (!whole) {
      end.torn = true;
      break;
    }
    const std::optional<std::string> record = record_text(line);
    if (!record) {
      throw InputError({.code = "E_CHECKSUM",
                        .file = path.string(),
                        .mark = {end.lines + 1, 1},
                        .what = "a line whose checksum does not fit",
                        .got = fmt::format("{} bytes from byte {}", line.size(), end.good_bytes),
                        .expected = "the line as it was written",
                        .fix = mend});
    }
    ++end.lines;
    use(*record, end.lines);
    end.good_bytes += static_cast<std::int64_t>(line.size()) + 1;
  }
  return end;
}

CheckedLines::CheckedLines(std::filesystem::path path, const std::string& what)
    : path_(std::move(path)) {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0) {
    throw failed(errno, "open", path_);
  }
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd_);
    throw InputError({.code = "E_VALUE",
                      .file = path_.string(),
                      .what = "another process writes " + what,
                      .expected = "one writer",
                      .fix = "wait for it, or name another file"});
  }
}

CheckedLines::~CheckedLines() { ::close(fd_); }

void CheckedLines::cut(std::int64_t good_bytes) {
  if (::ftruncate(fd_, good_bytes) != 0) {
    throw failed(errno, "truncate", path_);
  }
  good_bytes_ = good_bytes;
}

void CheckedLines::append(const Json& json, bool sync) {
  const std::string record = json.line();
  const std::string line =
      fmt::format("{}{}{}{:08x}{}\n", kBegin, record, kMiddle, crc32(record), kEnd);
  int error = 0;
  for (std::size_t done = 0; done < line.size() && error == 0;) {
    const ssize_t wrote = ::write(fd_, line.data() + done, line.size() - done);
    if (wrote >= 0) {
      done += static_cast<std::size_t>(wrote);
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  if (error == 0 && sync && ::fsync(fd_) != 0 && errno != EINVAL) {
    error = errno;
  }
  if (error != 0) {
    (void)!::ftruncate(fd_, good_bytes_);
    throw std::system_error(
        error, std::generic_category(),
        fmt::format("cannot append to {} ({} bytes)", path_.string(), line.size()));
  }
  good_bytes_ += static_cast<std::int64_t>(line.size());
}

void CheckedLines::sync() {
  if (::fsync(fd_) != 0 && errno != EINVAL) {  // EINVAL: a pipe or a device
    throw failed(errno, "sync", path_);
  }
}

}  // namespace moeplan::text
