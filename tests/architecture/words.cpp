#include "tests/architecture/words.hpp"

#include <cctype>

namespace moeplan::architecture {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

}  // namespace

std::optional<std::size_t> find_word(std::string_view code, std::string_view word,
                                     std::size_t from) {
  for (std::size_t at = code.find(word, from); at != std::string_view::npos;
       at = code.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || !is_word(code[at - 1])) && (end == code.size() || !is_word(code[end]))) {
      return at;
    }
  }
  return std::nullopt;
}

bool calls(std::string_view code, std::string_view word) {
  for (std::optional<std::size_t> at = find_word(code, word); at;
       at = find_word(code, word, *at + 1)) {
    const std::size_t next = code.find_first_not_of(' ', *at + word.size());
    const bool member = *at > 0 && (code[*at - 1] == '.' || code[*at - 1] == '>');
    if (next != std::string_view::npos && code[next] == '(' && !member) {
      return true;
    }
  }
  return false;
}

std::string included_name(const std::string& line, const std::string& code) {
  const std::size_t hash = code.find_first_not_of(' ');
  if (hash == std::string::npos || code[hash] != '#' || !find_word(code, "include")) {
    return "";
  }
  const std::size_t open = line.find_first_of("<\"", hash);
  const std::size_t close = line.find_first_of(">\"", open + 1);
  if (open == std::string::npos || close == std::string::npos) {
    return "";
  }
  return line.substr(open, close - open);
}

}  // namespace moeplan::architecture
