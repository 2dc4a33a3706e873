#pragma once
// Private to models/text: what every reader checks before it parses, and how input is quoted.

#include <cstddef>
#include <string>
#include <string_view>

namespace moeplan::text {

// Where a piece of a file that is read in pieces begins.
struct PieceStart {
  std::size_t offset = 0;  // bytes before it
  int line = 1;            // its first line's number
};

// Throws: InputError E_LIMIT above kMaxFileBytes; E_ENCODING when empty, with a byte order mark or
// a NUL byte, in UTF-16/32, or not valid UTF-8; with the offset of the first bad byte.
void check_encoding(const std::string& content, const std::string& file,
                    const PieceStart& start = {});

// Throws: InputError E_SYNTAX for control characters other than tab and line ends (LF or CR LF):
// yaml-cpp would take them, and a lone CR, as text.
void check_controls(const std::string& content, const std::string& file,
                    const PieceStart& start = {});

// Offset of the first byte that is not part of valid UTF-8 (no surrogates, no overlong forms,
// nothing above U+10FFFF), or npos.
std::size_t first_invalid_utf8(std::string_view text);

// Input text for a message: at most 60 bytes, control characters as \xNN, cut with "...".
std::string shown(std::string_view text);

}  // namespace moeplan::text
