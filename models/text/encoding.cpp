#include "models/text/encoding.hpp"

#include <fmt/format.h>

#include "models/text/input_error.hpp"
#include "models/text/load.hpp"

namespace moeplan::text {
namespace {

unsigned char byte_at(std::string_view text, std::size_t i) {
  return static_cast<unsigned char>(text[i]);
}

// Line and column (in characters) of a byte offset into a piece of a file.
Mark mark_at(std::string_view text, std::size_t offset, const PieceStart& start) {
  Mark mark{start.line, 1};
  for (std::size_t i = 0; i < offset; ++i) {
    if (text[i] == '\n') {
      ++mark.line;
      mark.column = 1;
    } else if ((byte_at(text, i) & 0xC0) != 0x80) {
      ++mark.column;
    }
  }
  return mark;
}

[[noreturn]] void bad_encoding(const std::string& file, Mark mark, std::string what,
                               std::string got, std::string fix) {
  throw InputError({.code = "E_ENCODING",
                    .file = file,
                    .mark = mark,
                    .what = std::move(what),
                    .got = std::move(got),
                    .expected = "UTF-8 text without a byte order mark",
                    .fix = std::move(fix)});
}

// Length of the valid UTF-8 sequence at i, or 0.
std::size_t sequence_length(std::string_view text, std::size_t i) {
  const unsigned char lead = byte_at(text, i);
  if (lead < 0x80) {
    return 1;
  }
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || i + length > text.size()) {
    return 0;
  }
  // The second byte's range excludes overlong forms, surrogates and code points above U+10FFFF.
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
  low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : low;
  high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : high;
  for (std::size_t k = 1; k < length; ++k) {
    const unsigned char next = byte_at(text, i + k);
    if (next < low || next > high) {
      return 0;
    }
    low = 0x80;
    high = 0xBF;
  }
  return length;
}

}  // namespace

std::size_t first_invalid_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text, i);
    if (length == 0) {
      return i;
    }
    i += length;
  }
  return std::string_view::npos;
}

void check_encoding(const std::string& content, const std::string& file, const PieceStart& start) {
  if (content.size() > kMaxFileBytes) {
    throw InputError({.code = "E_LIMIT",
                      .file = file,
                      .what = "the file is too large",
                      .got = fmt::format("{} bytes", content.size()),
                      .expected = "at most 64 MiB"});
  }
  if (content.empty()) {
    bad_encoding(file, {}, "the file is empty", "0 bytes", "");
  }
  const std::string_view head = std::string_view(content).substr(0, start.offset == 0 ? 4 : 0);
  if (head.substr(0, 3) == "\xEF\xBB\xBF") {
    bad_encoding(file, {1, 1}, "the file begins with a byte order mark at offset 0", "EF BB BF",
                 "save it as UTF-8 without BOM");
  }
  if (head.substr(0, 2) == "\xFF\xFE" || head.substr(0, 2) == "\xFE\xFF") {
    bad_encoding(file, {1, 1}, "the file is UTF-16 or UTF-32 (byte order mark at offset 0)",
                 head[0] == '\xFF' ? "FF FE" : "FE FF", "save it as UTF-8");
  }
  const std::size_t nul = content.find('\0');
  if (nul != std::string::npos) {
    const bool utf16 = content.size() > 1 && (content[0] == '\0') != (content[1] == '\0');
    bad_encoding(file, mark_at(content, nul, start),
                 fmt::format("NUL byte at offset {}{}", start.offset + nul,
                             utf16 ? " (UTF-16 without a byte order mark?)" : ""),
                 "00", utf16 ? "save it as UTF-8" : "is this a binary file?");
  }
  const std::size_t bad = first_invalid_utf8(content);
  if (bad != std::string::npos) {
    bad_encoding(file, mark_at(content, bad, start),
                 fmt::format("invalid UTF-8 at offset {}", start.offset + bad),
                 fmt::format("{:02X}", byte_at(content, bad)), "save it as UTF-8");
  }
}

void check_controls(const std::string& content, const std::string& file, const PieceStart& start) {
  for (std::size_t i = 0; i < content.size(); ++i) {
    const unsigned char c = byte_at(content, i);
    const bool lone_return = c == '\r' && (i + 1 == content.size() || content[i + 1] != '\n');
    if (lone_return || c == 0x7F || (c < 0x20 && c != '\t' && c != '\n' && c != '\r')) {
      throw InputError({.code = "E_SYNTAX",
                        .file = file,
                        .mark = mark_at(content, i, start),
                        .what = lone_return ? "a carriage return without a line feed"
                                            : "a control character in the text",
                        .got = fmt::format("{:02X} at offset {}", c, start.offset + i),
                        .expected = "printable text with LF or CR LF at the ends of lines",
                        .fix = lone_return ? "convert the line ends to LF" : ""});
    }
  }
}

std::string shown(std::string_view text) {
  constexpr std::size_t kMost = 60;
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    if (out.size() >= kMost) {
      return out + "...";
    }
    const std::size_t length = sequence_length(text, i);
    if (length == 0 || byte_at(text, i) < 0x20 || byte_at(text, i) == 0x7F) {
      out += fmt::format("\\x{:02X}", byte_at(text, i));
      ++i;
    } else {
      out += text.substr(i, length);
      i += length;
    }
  }
  return out;
}

}  // namespace moeplan::text
