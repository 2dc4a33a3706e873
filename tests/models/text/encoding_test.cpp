// tests.md C3 rows 4 to 6: what is no UTF-8 text is named, with the offset.

#include "models/text/encoding.hpp"

#include <gtest/gtest.h>

#include "models/text/csv.hpp"
#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::text {
namespace {

using tests::expect_input_error;

// All three readers refuse it alike.
template <class... Parts>
void expect_encoding_error(const std::string& content, const Parts&... parts) {
  expect_input_error([&] { parse_yaml(content, "f"); }, "E_ENCODING", parts...);
  expect_input_error([&] { parse_json(content, "f"); }, "E_ENCODING", parts...);
  expect_input_error([&] { CsvTable::parse(content, "f"); }, "E_ENCODING", parts...);
}

TEST(Encoding, EmptyFile) { expect_encoding_error("", "f: the file is empty"); }

TEST(Encoding, ByteOrderMarks) {
  expect_encoding_error("\xEF\xBB\xBFname: x\n", "byte order mark at offset 0", "EF BB BF");
  expect_encoding_error(std::string("\xFF\xFEn\0", 4), "UTF-16", "offset 0", "FF FE");
  expect_encoding_error(std::string("\xFE\xFF\0n", 4), "UTF-16", "offset 0", "FE FF");
}

TEST(Encoding, Utf16WithoutMark) {
  expect_encoding_error(std::string("n\0a\0", 4), "NUL byte at offset 1", "UTF-16");
}

TEST(Encoding, NulByteWithItsPlace) {
  // "ab\nc" is before it: offset 4, line 2, column 2.
  expect_encoding_error(std::string("ab\nc\0d\n", 7), "f:2:2", "NUL byte at offset 4");
}

TEST(Encoding, InvalidUtf8WithItsPlace) {
  // The two bytes of u-umlaut are one column: offset 3 + 2 = 5, column 5.
  expect_encoding_error("a: \xC3\xBC\xFF\n", "f:1:5", "invalid UTF-8 at offset 5", "FF");
}

TEST(Encoding, ControlCharacters) {
  // yaml-cpp 0.7 itself reads "1\r" as text here, not as the number 1.
  for (const auto& parse : std::vector<std::function<void(const std::string&)>>{
           [](const std::string& text) { parse_yaml(text, "f"); },
           [](const std::string& text) { CsvTable::parse(text, "f"); }}) {
    expect_input_error([&] { parse("a: 1\rb: 2\r"); }, "E_SYNTAX", "f:1:5",
                       "carriage return without a line feed", "0D at offset 4");
    expect_input_error([&] { parse("a: 1\r\nb: \x1B[31m\n"); }, "E_SYNTAX", "f:2:4",
                       "control character", "1B at offset 9");
    expect_input_error([&] { parse("a\x7F: 1\n"); }, "E_SYNTAX", "f:1:2", "7F");
  }
}

TEST(FirstInvalidUtf8, AcceptsAllValidForms) {
  // The smallest and the largest of each length, and both sides of the surrogates.
  for (const char* text :
       {"", "a\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(first_invalid_utf8(text), std::string_view::npos);
  }
}

TEST(FirstInvalidUtf8, RefusesTheRest) {
  for (const char* text : {
           "\x80",              // continuation without lead
           "\xC0\xAF",          // overlong '/'
           "\xC1\xBF",          // overlong
           "\xE0\x9F\xBF",      // overlong
           "\xF0\x8F\xBF\xBF",  // overlong
           "\xED\xA0\x80",      // surrogate U+D800
           "\xF4\x90\x80\x80",  // U+110000
           "\xF5\x80\x80\x80",  // no such lead
           "\xC3",              // cut off
           "\xE2\x82",          // cut off
           "\xC3(",             // no continuation
       }) {
    EXPECT_EQ(first_invalid_utf8(std::string("ab") + text), 2u);
  }
}

TEST(Shown, CutsAndEscapes) {
  EXPECT_EQ(shown("plain"), "plain");
  EXPECT_EQ(shown("a\tb\x1B[31m"), "a\\x09b\\x1B[31m");
  EXPECT_EQ(shown(std::string(1000, 'x')), std::string(60, 'x') + "...");
  EXPECT_EQ(shown("\xC3\xBC"), "\xC3\xBC");
}

}  // namespace
}  // namespace moeplan::text
