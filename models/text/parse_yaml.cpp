// YAML through yaml-cpp's event interface. yaml-cpp 0.7 accepts more than we do: duplicate keys,
// anchors, tags, several documents; this file says no to them, with the place.

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cctype>
#include <istream>
#include <streambuf>

#include "models/text/encoding.hpp"
#include "models/text/load.hpp"
#include "models/text/tree_builder.hpp"
#include "models/text/yaml_scalar.hpp"

namespace moeplan::text {
namespace {

// Reads the string in place: a stringstream would copy up to 64 MiB.
class View : public std::streambuf {
 public:
  explicit View(const std::string& text) {
    char* begin = const_cast<char*>(text.data());  // only ever read
    setg(begin, begin, begin + text.size());
  }
};

class Handler : public YAML::EventHandler {
 public:
  Handler(const std::string& content, const std::string& file)
      : content_(content),
        ascii_(std::all_of(content.begin(), content.end(),
                           [](char c) { return static_cast<unsigned char>(c) < 0x80; })),
        builder_(file) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      refuse(place(mark), "a second document (or text after the end of the first)",
             "write one document per file");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    const Mark at = start(mark);
    if (builder_.wants_key()) {
      builder_.problem({.code = "E_SYNTAX",
                        .mark = at,
                        .pointer = builder_.pointer(),
                        .what = "null as a key",
                        .expected = "text as a key",
                        .fix = "quote it"});
      builder_.key("null", at);
      return;
    }
    builder_.scalar(Kind::null, "null", at);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(place(mark), "an alias (*name)", "write the value out");
  }

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    refuse(place(mark), fmt::format("an anchor (&{})", shown(name)), "write the value out");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    const Mark at = start(mark);
    const bool plain = tag == "?";
    check_quotes(mark, at);
    if ((!plain && tag != "!") || char_at(mark) == '!') {
      refuse_tag(at, tag);
    }
    if (builder_.wants_key()) {
      if (plain && value == "<<") {
        refuse(at, "a merge key (<<)", "write the keys out");
      }
      builder_.key(value, at);
      return;
    }
    builder_.scalar(plain ? plain_kind(value) : Kind::string, value, at);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    open(Kind::sequence, mark, tag);
  }
  void OnSequenceEnd() override { builder_.close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    open(Kind::map, mark, tag);
  }
  void OnMapEnd() override { builder_.close(); }

  int documents() const { return documents_; }
  Document finish() { return builder_.finish(); }

  [[noreturn]] void syntax_error(const YAML::ParserException& error) {
    const Mark at = place(error.mark);
    if (tab_before(line_start(error.mark), content_.size())) {
      tab_error(at);
    }
    if (error.msg == "the referenced anchor is not defined" || char_at(error.mark) == '*') {
      refuse(at, "an alias (*name)", "write the value out, or quote the text");
    }
    std::string fix;
    if (error.msg.find("flow not found") != std::string::npos) {
      const Mark begin = builder_.innermost();
      fix = fmt::format("close the bracket of {}:{}", begin.line, begin.column);
    } else if (error.msg == "illegal map value") {
      fix = "quote text that contains ': ', or check the indentation";
    }
    builder_.fail({.code = "E_SYNTAX",
                   .mark = at,
                   .pointer = builder_.pointer(),
                   .what = "YAML syntax: " + error.msg,
                   .got = line_start(error.mark) >= content_.size()
                              ? "the end of the file"
                              : "'" + shown(line_text(error.mark)) + "'",
                   .fix = fix});
  }

  [[noreturn]] void empty() {
    builder_.fail({.code = "E_SYNTAX",
                   .mark = {1, 1},
                   .what = "the file holds no value",
                   .got = "only comments or white space",
                   .expected = "a YAML document"});
  }

 private:
  void open(Kind kind, const YAML::Mark& mark, const std::string& tag) {
    const Mark at = start(mark);
    if ((!tag.empty() && tag != "?") || char_at(mark) == '!') {
      refuse_tag(at, tag);
    }
    if (builder_.wants_key()) {
      refuse(at, fmt::format("{} as a key", kind_name(kind)), "use text as a key");
    }
    builder_.open(kind, at);
  }

  // The position of a node, after the check that tabs do not indent it.
  Mark start(const YAML::Mark& mark) {
    const Mark at = place(mark);
    if (mark.pos >= 0 && tab_before(line_start(mark), static_cast<std::size_t>(mark.pos))) {
      tab_error(at);
    }
    return at;
  }

  // yaml-cpp 0.7 takes a quoted scalar that is still open at the end of the file.
  void check_quotes(const YAML::Mark& mark, Mark at) {
    const char quote = char_at(mark);
    if (quote != '"' && quote != '\'') {
      return;
    }
    const char* stops = quote == '"' ? "\"\\" : "'";
    auto i = content_.find_first_of(stops, static_cast<std::size_t>(mark.pos) + 1);
    while (i < content_.size() &&
           (content_[i] == '\\' || (quote == '\'' && content_.compare(i, 2, "''") == 0))) {
      i = content_.find_first_of(stops, i + 2);
    }
    if (i >= content_.size()) {
      builder_.fail({.code = "E_SYNTAX",
                     .mark = at,
                     .pointer = builder_.pointer(),
                     .what = "this quote is never closed",
                     .got = "the end of the file",
                     .expected = fmt::format("a closing {}", quote)});
    }
  }

  std::size_t line_start(const YAML::Mark& mark) const {
    return mark.pos < mark.column
               ? content_.size()
               : std::min(content_.size(), static_cast<std::size_t>(mark.pos - mark.column));
  }

  // The line begins with white space up to `end` (or up to its text) that contains a tab.
  bool tab_before(std::size_t line, std::size_t end) const {
    const std::size_t text = std::min(content_.find_first_not_of(" \t", line), content_.size());
    if (end < content_.size() && text < end) {
      return false;
    }
    const std::size_t tab = content_.find('\t', line);
    return tab < std::min(text, end);
  }

  std::string_view line_text(const YAML::Mark& mark) const {
    const std::size_t begin = line_start(mark);
    const std::size_t end = std::min(content_.find('\n', begin), content_.size());
    return std::string_view(content_).substr(begin, end - begin);
  }

  char char_at(const YAML::Mark& mark) const {
    return mark.pos >= 0 && static_cast<std::size_t>(mark.pos) < content_.size()
               ? content_[static_cast<std::size_t>(mark.pos)]
               : '\0';
  }

  // yaml-cpp counts bytes from 0, we count characters from 1. Events come in file order, so the
  // count goes on from the last one on the same line.
  Mark place(const YAML::Mark& mark) {
    if (mark.line < 0) {
      return {};
    }
    if (ascii_) {
      return {mark.line + 1, mark.column + 1};
    }
    const std::size_t begin = line_start(mark);
    const std::size_t end = std::min(content_.size(), static_cast<std::size_t>(mark.pos));
    if (begin != counted_line_ || end < counted_to_) {
      counted_line_ = begin;
      counted_to_ = begin;
      characters_ = 0;
    }
    for (; counted_to_ < end; ++counted_to_) {
      characters_ += (static_cast<unsigned char>(content_[counted_to_]) & 0xC0) != 0x80 ? 1 : 0;
    }
    return {mark.line + 1, characters_ + 1};
  }

  [[noreturn]] void refuse(Mark mark, const std::string& feature, const std::string& fix) {
    builder_.fail({.code = "E_SYNTAX",
                   .mark = mark,
                   .pointer = builder_.pointer(),
                   .what = "this YAML feature is not accepted here",
                   .got = feature,
                   .fix = fix});
  }
  [[noreturn]] void refuse_tag(Mark mark, const std::string& tag) {
    refuse(mark, fmt::format("an explicit tag ({})", shown(tag)), "remove the tag");
  }
  [[noreturn]] void tab_error(Mark mark) {
    builder_.fail({.code = "E_SYNTAX",
                   .mark = mark,
                   .pointer = builder_.pointer(),
                   .what = "a tab in the indentation",
                   .expected = "spaces",
                   .fix = "replace each tab by two spaces"});
  }

  const std::string& content_;
  const bool ascii_;
  TreeBuilder builder_;
  int documents_ = 0;
  std::size_t counted_line_ = 0;
  std::size_t counted_to_ = 0;
  int characters_ = 0;
};

// yaml-cpp's scanner looks ahead to the end of a bracket before it hands out the first event, so
// that a flood of brackets or of values inside them would fill the memory before the builder's
// limits can act. This scan is rough (it knows quotes and comments, not block scalars), hence the
// wide margin: depth 1000; the exact depth is checked by the builder.
void check_flood(const std::string& content, const std::string& file) {
  constexpr std::size_t kRoughDepth = 1000;
  std::size_t depth = 0;
  std::size_t values = 0;
  char quote = '\0';
  char last = '\n';   // the last character that is no white space; '\n' at the start of a line
  bool space = true;  // right after white space
  Mark mark{1, 0};
  for (std::size_t i = 0; i < content.size(); ++i) {
    const char c = content[i];
    ++mark.column;
    if (c == '\n') {
      ++mark.line;
      mark.column = 0;
    }
    if (quote != '\0') {
      if (c == '\\' && quote == '"' && i + 1 < content.size() && content[i + 1] != '\n') {
        ++i;
        ++mark.column;
      } else if (c == quote) {
        quote = '\0';
        last = c;
        space = false;
      }
      continue;
    }
    // A value begins here: after white space outside of brackets, anywhere inside.
    const bool starts =
        (depth > 0 || space) && (last == '\n' || last == ':' || last == '-' ||
                                 (depth > 0 && (last == '[' || last == '{' || last == ',')));
    char kept = c;  // what counts as `last`; a bracket inside of plain text is text
    if (c == '#' && space) {
      while (i + 1 < content.size() && content[i + 1] != '\n') {
        ++i;
        ++mark.column;
      }
    } else if ((c == '"' || c == '\'') && starts) {
      quote = c;
    } else if (c == '[' || c == '{') {
      depth += starts ? 1 : 0;
      kept = starts ? c : 'x';
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    } else if (c == ',' && depth > 0) {
      ++values;
    }
    if (depth > kRoughDepth || values > kMaxValues) {
      throw InputError({.code = "E_LIMIT",
                        .file = file,
                        .mark = mark,
                        .what = depth > kRoughDepth ? "maps and sequences are nested too deep"
                                                    : "the file holds too many values",
                        .expected = fmt::format(
                            "at most {}", depth > kRoughDepth ? static_cast<std::size_t>(kMaxDepth)
                                                              : kMaxValues)});
    }
    space = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!space || c == '\n') {
      last = kept;
    }
  }
}

}  // namespace

Document parse_yaml(const std::string& content, const std::string& file) {
  check_encoding(content, file);
  check_controls(content, file);
  check_flood(content, file);
  View view(content);
  std::istream stream(&view);
  Handler handler(content, file);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(handler)) {
    }
  } catch (const YAML::ParserException& error) {
    handler.syntax_error(error);
  }
  if (handler.documents() == 0) {
    handler.empty();
  }
  return handler.finish();
}

}  // namespace moeplan::text
