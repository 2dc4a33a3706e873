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

// Moves over valid JSON: each next() goes to the start of the next value, key or bracket.
class Locator {
 public:
  explicit Locator(const std::string& content) : content_(content) {}

  // Offset of the next token that is not white space, ',' or ':'.
  std::size_t next() { return advance(content_.find_first_not_of(" \t\r\n,:", offset_)); }
  Mark mark() const { return mark_; }

  // Each moves past the token that begins here; number() returns its text.
  void bracket() { advance(offset_ + 1); }
  void literal(std::size_t length) { advance(offset_ + length); }
  std::string number() {
    const std::size_t begin = offset_;
    advance(content_.find_first_not_of("+-.0123456789eE", offset_));
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
    const bool at_end = position > content_.size();
    const std::size_t length = at_end ? 0 : std::min(raw_length(token), end);
    Locator locator(content_);
    locator.advance(end - length);
    builder_.fail({.code = "E_SYNTAX",
                   .mark = locator.mark(),
                   .pointer = builder_.pointer(),
                   .what = "JSON syntax: " + reason(error.what()),
                   .got = at_end ? "the end of the file" : "'" + shown(word(end - length)) + "'",
                   .expected = expectation(error.what()),
                   .fix = hint(end - length)});
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

  // Bytes of a token in the file; nlohmann shows control characters as <U+000A>.
  static std::size_t raw_length(const std::string& token) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < token.size(); ++length) {
      i += token.compare(i, 3, "<U+") == 0 && i + 7 < token.size() && token[i + 7] == '>' ? 8 : 1;
    }
    return length;
  }

  // The unexpected word as it stands in the file.
  std::string_view word(std::size_t begin) const {
    const std::string_view rest = std::string_view(content_).substr(begin);
    const auto end = rest.find_first_of(" \t\r\n,:[]{}\"");
    return rest.substr(0, end == 0 ? 1 : end);
  }

  // From "[json...] parse error at line 1, column 4: syntax error while parsing value - REASON;
  // expected X" or "...; last read: 'Y'".
  static std::string reason(const std::string& text) {
    const auto dash = text.find(" - ");
    std::string out = dash == std::string::npos ? text : text.substr(dash + 3);
    out = out.substr(0, out.find("; expected "));
    return out.substr(0, out.find("; last read: "));
  }
  static std::string expectation(const std::string& text) {
    const auto begin = text.find("; expected ");
    return begin == std::string::npos ? "" : text.substr(begin + 11);
  }

  std::string hint(std::size_t begin) const {
    const std::string_view token = word(begin);
    const auto before =
        begin == 0 ? std::string::npos : content_.find_last_not_of(" \t\r\n", begin - 1);
    if ((token == "]" || token == "}") && before != std::string::npos && content_[before] == ',') {
      return fmt::format("remove the comma before '{}'", token);
    }
    if (token == "NaN" || token == "Infinity" || token == "-Infinity" || token == "nan" ||
        token == "inf" || token == "-inf") {
      return "NaN and Infinity are not JSON; write a finite number";
    }
    if (token.substr(0, 2) == "//" || token.substr(0, 2) == "/*" || token.substr(0, 1) == "#") {
      return "JSON has no comments";
    }
    if (token.substr(0, 1) == "'") {
      return "use double quotes";
    }
    if (token == "True" || token == "False" || token == "None") {
      return "write true, false or null";
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
