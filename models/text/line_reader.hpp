#pragma once
// LineReader: the lines of a text file, one after the other, for files that are too large to hold
// (traces). Checked as every file is (encoding.hpp), in pieces of about 1 MiB; no size limit.
//
//   LineReader lines(path);
//   while (lines.next()) use(lines.number(), lines.line());

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace moeplan::text {

class InputFile;

class LineReader {
 public:
  static constexpr std::size_t kLongestLine = std::size_t{1} << 20;

  // Throws: InputError as read_file, but for the size.
  explicit LineReader(const std::filesystem::path& path);
  ~LineReader();

  // Moves to the next line; false after the last. A line break at the end of the file begins no
  // further line. Throws: InputError E_ENCODING, E_SYNTAX (control characters), E_LIMIT (a line
  // longer than kLongestLine), E_IO.
  bool next();
  // The line without LF or CR LF; valid until next().
  std::string_view line() const { return line_; }
  int number() const { return number_; }  // 1-based
  const std::string& file() const { return name_; }
  // Only line breaks follow.
  bool only_empty_lines_follow();

 private:
  // Reads until whole lines are there; false at the end of the file.
  bool fill();

  std::string name_;
  std::unique_ptr<InputFile> file_;
  std::string piece_;     // whole lines, checked
  std::string rest_;      // read, behind the last line break
  std::size_t at_ = 0;    // in piece_
  std::size_t read_ = 0;  // bytes of all pieces before piece_
  bool ended_ = false;
  std::string_view line_;
  int number_ = 0;
};

}  // namespace moeplan::text
