#pragma once
// CheckedLines: an append-only file of JSON lines that outlives its writer,
//   {"record":{...},"crc32":"0123abcd"}
// with the CRC of the record's text. A killed writer leaves at most one unfinished line behind.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "models/text/json.hpp"

namespace moeplan::text {

struct CheckedLinesEnd {
  int lines = 0;                // whole ones
  std::int64_t good_bytes = 0;  // of them
  bool torn = false;            // an unfinished line follows
};

// Calls use(record's text, line) for every line, in file order. what: "the journal"; mend: what a
// user does about a damaged line; both for messages.
// Throws: InputError E_IO; E_CHECKSUM for a whole line whose frame or CRC does not fit, with the
// line and the offset of its first byte; E_LIMIT for a line of more than 64 MiB; what `use` throws.
CheckedLinesEnd read_checked_lines(const std::filesystem::path& path, const std::string& what,
                                   const std::string& mend,
                                   const std::function<void(const std::string&, int)>& use);

class CheckedLines {
 public:
  // Opens the file for appending, makes it where there is none, and locks it until destroyed; the
  // system releases the lock when the process dies.
  // Throws: InputError E_VALUE where another process has it; std::system_error naming the path.
  CheckedLines(std::filesystem::path path, const std::string& what);
  ~CheckedLines();
  CheckedLines(const CheckedLines&) = delete;
  CheckedLines& operator=(const CheckedLines&) = delete;

  // To be called once, before the first append: appending goes on behind `good_bytes` (of
  // read_checked_lines), and what follows is cut off.
  void cut(std::int64_t good_bytes);
  // All or nothing: on a full disk the file is cut back to its last whole line. A line survives
  // this process once written, and the machine once synced.
  // Throws: std::system_error with path and bytes.
  void append(const Json& record, bool sync = true);
  void sync();

 private:
  std::filesystem::path path_;
  int fd_ = -1;
  std::int64_t good_bytes_ = 0;
};

}  // namespace moeplan::text
