#include "calibrate/all2all/launcher.hpp"

#include <fmt/format.h>

#include "models/text/input_error.hpp"

namespace moeplan::calibrate {
namespace {

constexpr std::string_view kOfShells = "|&;<>$`()";

[[noreturn]] void fail(const std::string& code, std::size_t place, std::string what,
                       std::string got, std::string expected) {
  throw InputError({.code = code,
                    .file = "",
                    .mark = {1, static_cast<int>(place) + 1},
                    .pointer = "--launcher",
                    .what = std::move(what),
                    .got = std::move(got),
                    .expected = std::move(expected)});
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

class Splitter {
 public:
  explicit Splitter(const std::string& text) : text_(text) {}

  std::vector<std::string> run() {
    for (; at_ < text_.size(); ++at_) {
      const char c = text_[at_];
      if (is_blank(c)) {
        finish();
      } else if (c == '\'' || c == '"') {
        quoted(c);
      } else if (c == '\\') {
        add(escaped("an escape of nothing", "\\ '\"\t"));
      } else if (kOfShells.find(c) != std::string_view::npos) {
        fail("E_VALUE", at_, "no shell reads the launcher", fmt::format("'{}'", c),
             fmt::format("a program and its arguments; '{}' in quotes where it is meant", c));
      } else {
        add(c);
      }
    }
    finish();
    if (arguments_.empty()) {
      fail("E_VALUE", 0, "no launcher", "", "such as 'mpirun -n 4'");
    }
    return std::move(arguments_);
  }

 private:
  void add(char c) {
    open_ = true;
    word_ += c;
  }
  void finish() {
    if (open_) {
      arguments_.push_back(word_);
    }
    word_.clear();
    open_ = false;
  }
  // The character after the backslash here, and past it.
  char escaped(const char* what, std::string_view allowed) {
    if (at_ + 1 == text_.size()) {
      fail("E_SYNTAX", at_, what, "the end", "a character after the backslash");
    }
    const char next = text_[++at_];
    if (allowed.find(next) == std::string_view::npos) {
      fail("E_SYNTAX", at_ - 1, "an unknown escape", fmt::format("\\{}", next),
           "a quote, a backslash or a blank");
    }
    return next;
  }
  void quoted(char quote) {
    const std::size_t begin = at_++;
    open_ = true;  // '' is an empty argument
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      const bool escape = quote == '"' && text_[at_] == '\\';
      add(escape ? escaped("an escape of nothing", "\\\"") : text_[at_]);
    }
    if (at_ == text_.size()) {
      fail("E_SYNTAX", begin, "a quote that is not closed", "", std::string(1, quote));
    }
  }

  const std::string& text_;
  std::size_t at_ = 0;
  std::vector<std::string> arguments_;
  std::string word_;
  bool open_ = false;
};

}  // namespace

std::vector<std::string> launcher_arguments(const std::string& text) {
  return Splitter(text).run();
}

}  // namespace moeplan::calibrate
