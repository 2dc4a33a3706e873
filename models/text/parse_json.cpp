// JSON through nlohmann's event interface. The parser does not tell where a value begins, so the
// Locator walks over the same text, token by token, and gives every value and key its place.

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "models/text/encoding.hpp"
#include "models/text/load.hpp"
#include "models/text/tree_builder.hpp"

namespace moeplan::text {
namespace {

using Exception = nlohmann::detail::exception;

constexpr auto kNone = std::string::npos;
constexpr std::string_view kPunctuation = ",:[]{}";

// Moves over valid JSON: each next() goes to the start of the next value, key or bracket.
class Locator {
 public:
  explicit Locator(const std::string& content) : content_(content) {}

  // Offset of the next token that is not white space, ',' or ':'.
  std::size_t next() { return advance(content_.find_first_not_of(" \t\r\n,:", offset_)); }
  Mark mark() const { return mark_; }
  std::size_t offset() const { return offset_; }

  // Each moves past the token that begins here; number() returns its text.
  void bracket() { advance(offset_ + 1); }
  void literal(std::size_t length) { advance(offset_ + length); }
  std::string number() {
    const std::size_t begin = offset_;
    const std::size_t digit = begin + (content_[begin] == '-' ? 1 : 0);
    const std::size_t end = content_.find_first_not_of("+-.0123456789eE", begin);
    // A number ends after a leading zero; "012" is two numbers, which is an error.
    const bool zero = content_.compare(digit, 1, "0") == 0 && digit + 1 < content_.size() &&
                      content_.find_first_of("0123456789", digit + 1) == digit + 1;
    advance(zero ? digit + 1 : end);
    return content_.substr(begin, offset_ - begin);
  }
  void string() {
    std::size_t i = offset_ + 1;
    while (i < content_.size() && content_[i] != '"') {
      i += content_[i] == '\\' ? 2 : 1;
    }
    advance(i + 1);
  }
  std::size_t advance(std::size_t target) {
    target = std::min(target, content_.size());
    for (; offset_ < target; ++offset_) {
      const auto c = static_cast<unsigned char>(content_[offset_]);
      if (c == '\n') {
        ++mark_.line;
        mark_.column = 1;
      } else if ((c & 0xC0) != 0x80) {
        ++mark_.column;
      }
    }
    return offset_;
  }

 private:
  const std::string& content_;
  std::size_t offset_ = 0;
  Mark mark_{1, 1};
};

// Handed to nlohmann's sax_parse; the function names are its contract.
class Handler {
 public:
  Handler(const std::string& content, const std::string& file)
      : content_(content), locator_(content), builder_(file) {}

  bool null() { return literal(Kind::null, "null"); }
  bool boolean(bool value) { return literal(Kind::boolean, value ? "true" : "false"); }
  bool number_integer(std::int64_t) { return number(); }
  bool number_unsigned(std::uint64_t) { return number(); }
  bool number_float(double, const std::string&) { return number(); }
  bool string(std::string& value) {
    locator_.next();
    const Mark mark = locator_.mark();
    locator_.string();
    builder_.scalar(Kind::string, std::move(value), mark);
    return true;
  }
  bool binary(std::vector<std::uint8_t>&) { return false; }  // never in JSON text
  bool start_object(std::size_t) { return open(Kind::map); }
  bool start_array(std::size_t) { return open(Kind::sequence); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool key(std::string& name) {
    locator_.next();
    const Mark mark = locator_.mark();
    locator_.string();
    builder_.key(std::move(name), mark);
    return true;
  }

  // position: characters read so far, the last token included.
  bool parse_error(std::size_t position, const std::string& token, const Exception& error) {
    const std::size_t end = std::min(position, content_.size());
    if (error.id == 406) {
      locator_.next();
      builder_.fail({.code = "E_RANGE",
                     .mark = locator_.mark(),
                     .pointer = builder_.pointer(),
                     .what = "the number is not finite",
                     .got = shown(token),
                     .expected = "a number of size below 1.8e308"});
    }
    Token bad = unexpected(end);
    // "nul}" fails at the bracket; what is wrong is the word before it.
    if (!bad.previous.empty() && std::string_view(error.what()).find(" invalid ") != kNone &&
        bad.begin < content_.size() && kPunctuation.find(content_[bad.begin]) != kNone) {
      bad = {bad.begin - bad.previous.size(), bad.previous, {}};
    }
    const bool at_end = bad.begin >= content_.size();
    locator_.advance(bad.begin);
    builder_.fail({.code = "E_SYNTAX",
                   .mark = locator_.mark(),
                   .pointer = builder_.pointer(),
                   .what = "JSON syntax: " + part(error.what(), " - "),
                   .got = at_end ? "the end of the file" : "'" + shown(bad.text) + "'",
                   .expected = part(error.what(), "; expected "),
                   .fix = hint(bad)});
  }

  Document finish() { return builder_.finish(); }

 private:
  bool literal(Kind kind, const char* text) {
    locator_.next();
    const Mark mark = locator_.mark();
    locator_.literal(std::string_view(text).size());
    builder_.scalar(kind, text, mark);
    return true;
  }
  bool number() {
    locator_.next();
    const Mark mark = locator_.mark();
    builder_.scalar(Kind::number, locator_.number(), mark);
    return true;
  }
  bool open(Kind kind) {
    locator_.next();
    builder_.open(kind, locator_.mark());
    locator_.bracket();
    return true;
  }
  bool close() {
    locator_.next();
    locator_.bracket();
    builder_.close();
    return true;
  }

  struct Token {
    std::size_t begin = 0;
    std::string_view text;
    std::string_view previous;  // the token right before, without white space between
  };

  // The token behind the last good one that reaches to `end`, the last character that was read.
  // nlohmann's own text of the last token reaches back too far.
  Token unexpected(std::size_t end) const {
    Token token{locator_.offset(), {}, {}};
    do {
      token.previous = token.text;
      const std::size_t after = token.begin + token.text.size();
      token.begin = content_.find_first_not_of(" \t\r\n", after);
      if (token.begin == kNone) {
        return {content_.size(), {}, {}};
      }
      if (token.begin != after) {
        token.previous = {};
      }
      std::size_t stop = token.begin + 1;
      if (content_[token.begin] == '"') {  // wrong inside: shown as far as it was read
        stop = std::max(stop, end);
      } else if (kPunctuation.find(content_[token.begin]) == kNone) {
        stop = std::min(content_.find_first_of(" \t\r\n,:[]{}\"", token.begin), content_.size());
      }
      token.text = std::string_view(content_).substr(token.begin, stop - token.begin);
    } while (token.begin + token.text.size() < end);
    return token;
  }

  // A part of nlohmann's message "... - REASON; expected EXPECTED" or "...; last read: '...'",
  // up to the next semicolon.
  static std::string part(const std::string& message, const std::string& from) {
    const auto begin = message.find(from);
    if (begin == kNone) {
      return "";
    }
    const std::string rest = message.substr(begin + from.size());
    return rest.substr(0, std::min(rest.find("; expected "), rest.find("; last read: ")));
  }

  std::string hint(const Token& bad) const {
    const auto before =
        bad.begin == 0 ? kNone : content_.find_last_not_of(" \t\r\n", bad.begin - 1);
    if ((bad.text == "]" || bad.text == "}") && before != kNone && content_[before] == ',') {
      return fmt::format("remove the comma before '{}'", bad.text);
    }
    if (bad.text == "NaN" || bad.text == "Infinity" || bad.text == "-Infinity" ||
        bad.text == "nan" || bad.text == "inf" || bad.text == "-inf") {
      return "NaN and Infinity are not JSON; write a finite number";
    }
    if (bad.text.substr(0, 2) == "//" || bad.text.substr(0, 2) == "/*" ||
        bad.text.substr(0, 1) == "#") {
      return "JSON has no comments";
    }
    if (bad.text.substr(0, 1) == "'") {
      return "use double quotes";
    }
    if (bad.text == "True" || bad.text == "False" || bad.text == "None") {
      return "write true, false or null";
    }
    if (bad.begin > 0 && content_[bad.begin - 1] == '0' &&
        bad.text.find_first_of("0123456789xXob") == 0) {
      return "write a decimal number without leading zeros";
    }
    return "";
  }

  const std::string& content_;
  Locator locator_;
  TreeBuilder builder_;
};

}  // namespace

Document parse_json(const std::string& content, const std::string& file) {
  check_encoding(content, file);
  Handler handler(content, file);
  nlohmann::json::sax_parse(content, &handler);
  return handler.finish();
}

}  // namespace moeplan::text
