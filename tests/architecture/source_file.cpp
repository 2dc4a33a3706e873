// Reading sources, and blanking comments and literals with a scanner of the C++ lexer's states.
#include "tests/architecture/source_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace moeplan::architecture {

namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The position after the literal that begins with the quote at `begin`.
std::size_t end_of_literal(const std::string& text, std::size_t begin) {
  const char quote = text[begin];
  std::size_t at = begin + 1;
  while (at < text.size() && text[at] != quote && text[at] != '\n') {
    at += text[at] == '\\' ? 2 : 1;
  }
  return std::min(at + 1, text.size());
}

// The position after the raw literal whose quote is at `begin`: R"tag( ... )tag".
std::size_t end_of_raw_literal(const std::string& text, std::size_t begin) {
  const std::size_t open = text.find('(', begin);
  if (open == std::string::npos) {
    return text.size();
  }
  const std::string close = ")" + text.substr(begin + 1, open - begin - 1) + "\"";
  const std::size_t end = text.find(close, open);
  return end == std::string::npos ? text.size() : end + close.size();
}

void blank(std::string& text, std::size_t begin, std::size_t end) {
  for (std::size_t at = begin; at < end; ++at) {
    if (text[at] != '\n') {
      text[at] = ' ';
    }
  }
}

// Same length and line ends; the quotes stay, what is between them goes.
std::string without_comments_and_literals(const std::string& text) {
  std::string code = text;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t next = at + 1;
    if (text.compare(at, 2, "//") == 0) {
      next = std::min(text.find('\n', at), text.size());
      blank(code, at, next);
    } else if (text.compare(at, 2, "/*") == 0) {
      const std::size_t close = text.find("*/", at + 2);
      next = close == std::string::npos ? text.size() : close + 2;
      blank(code, at, next);
    } else if (text[at] == '"') {
      const bool raw = at > 0 && text[at - 1] == 'R' && (at < 2 || !is_word(text[at - 2]));
      next = raw ? end_of_raw_literal(text, at) : end_of_literal(text, at);
      blank(code, at + 1, next - 1);
    } else if (text[at] == '\'' && (at == 0 || !is_word(text[at - 1]))) {  // not 1'000
      next = end_of_literal(text, at);
      blank(code, at + 1, next - 1);
    }
    at = next;
  }
  return code;
}

}  // namespace

bool SourceFile::is_header() const { return path.ends_with(".hpp") || path.ends_with(".cuh"); }

std::string SourceFile::folder() const {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

std::string Violation::text() const { return fmt::format("{}:{}: {}", path, line, rule); }

std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

SourceFile make_source_file(std::string path, const std::string& text) {
  return {std::move(path), split_lines(text), split_lines(without_comments_and_literals(text))};
}

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file || !text) {
    throw std::runtime_error("cannot read " + path.string());
  }
  return text.str();
}

std::vector<SourceFile> read_source_files(const std::filesystem::path& root,
                                          const std::vector<std::string>& folders) {
  const std::set<std::string> endings = {".cpp", ".hpp", ".cu", ".cuh"};
  std::vector<SourceFile> files;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
      if (entry.is_regular_file() && endings.count(entry.path().extension().string()) > 0) {
        files.push_back(make_source_file(entry.path().lexically_relative(root).generic_string(),
                                         read_text(entry.path())));
      }
    }
  }
  std::sort(files.begin(), files.end(),
            [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
  return files;
}

}  // namespace moeplan::architecture
