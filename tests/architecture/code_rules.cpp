// The rules about code, text and the files beside it.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>

#include "tests/architecture/rules.hpp"
#include "tests/architecture/words.hpp"

namespace moeplan::architecture {

namespace {

constexpr std::size_t kMostLines = 400;
constexpr std::size_t kMostColumns = 100;
constexpr std::size_t kMostReadmeLines = 20;

// A program may print and exit; everything below it returns or throws.
bool is_program(const std::string& path) {
  return path.starts_with("app/") || path == "calibrate/main.cpp" ||
         path == "calibrate/all2all_command.cpp";
}

bool is_simulated_world(const std::string& path) {
  return path.starts_with("models/") ||
         (path.starts_with("sim/") && !path.starts_with("sim/sweep"));
}

// Calls `problem_of(line of code)` for each line; a non-empty answer is a violation.
template <class Check>
std::vector<Violation> check_lines(const SourceFile& file, Check problem_of) {
  std::vector<Violation> violations;
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    const std::string problem = problem_of(file.code[i]);
    if (!problem.empty()) {
      violations.push_back({file.path, static_cast<int>(i) + 1, problem});
    }
  }
  return violations;
}

template <std::size_t N>
std::string first_word(const std::string& code, const std::array<const char*, N>& words) {
  for (const char* word : words) {
    if (find_word(code, word)) {
      return word;
    }
  }
  return "";
}

template <std::size_t N>
std::string first_call(const std::string& code, const std::array<const char*, N>& words) {
  for (const char* word : words) {
    if (calls(code, word)) {
      return word;
    }
  }
  return "";
}

// The namespaces a file of the folder may open.
std::vector<std::string> namespaces_of(const std::string& path) {
  if (path.starts_with("models/units/")) {
    return {"moeplan"};
  }
  if (path.starts_with("models/text/")) {
    return {"moeplan::text", "moeplan"};
  }
  const std::string root = path.substr(0, path.find('/'));
  if (root == "app") {
    return {"moeplan", "moeplan::app"};
  }
  return {"moeplan::" + root};
}

// "moeplan::sim" of `namespace moeplan::sim {`; "" for unnamed ones and for lines without one.
std::string opened_namespace(const std::string& code) {
  const std::optional<std::size_t> at = find_word(code, "namespace");
  if (!at || find_word(code, "using") || code.find('{') == std::string::npos) {
    return "";
  }
  const std::size_t begin = code.find_first_not_of(' ', *at + 9);
  const std::size_t end = code.find_first_of(" {", begin);
  return code.substr(begin, end - begin);
}

}  // namespace

std::vector<Violation> check_output(const SourceFile& file) {
  static constexpr std::array<const char*, 7> kStreams = {
      "std::cout", "std::cerr", "std::clog", "std::cin", "stdout", "stderr", "iostream"};
  static constexpr std::array<const char*, 13> kCalls = {
      "printf", "puts",  "putchar",    "vprintf",    "fmt::print", "fmt::println",  "exit",
      "_exit",  "_Exit", "quick_exit", "std::abort", "abort",      "std::terminate"};
  if (is_program(file.path)) {
    return {};
  }
  return check_lines(file, [](const std::string& code) {
    const std::string stream = first_word(code, kStreams);
    if (!stream.empty()) {
      return fmt::format("{}: only programs print; return a value or throw", stream);
    }
    const std::string call = first_call(code, kCalls);
    return call.empty()
               ? std::string()
               : fmt::format("{}(): only programs print and exit; return a value or throw", call);
  });
}

std::vector<Violation> check_randomness(const SourceFile& file) {
  static constexpr std::array<const char*, 19> kWords = {"<random>",
                                                         "std::random_device",
                                                         "std::mt19937",
                                                         "std::mt19937_64",
                                                         "std::minstd_rand",
                                                         "std::default_random_engine",
                                                         "std::uniform_real_distribution",
                                                         "std::uniform_int_distribution",
                                                         "std::normal_distribution",
                                                         "std::lognormal_distribution",
                                                         "std::exponential_distribution",
                                                         "std::poisson_distribution",
                                                         "std::gamma_distribution",
                                                         "std::discrete_distribution",
                                                         "std::bernoulli_distribution",
                                                         "std::binomial_distribution",
                                                         "std::geometric_distribution",
                                                         "std::shuffle",
                                                         "std::sample"};
  static constexpr std::array<const char*, 4> kCalls = {"rand", "srand", "drand48", "lrand48"};
  if (!file.path.starts_with("models/") && !file.path.starts_with("sim/")) {
    return {};
  }
  return check_lines(file, [](const std::string& code) {
    std::string found = first_word(code, kWords);
    if (found.empty()) {
      found = first_call(code, kCalls);
    }
    return found.empty() ? std::string()
                         : fmt::format(
                               "{}: the only randomness is sim/engine/random_stream.hpp "
                               "(std:: distributions differ between libraries)",
                               found);
  });
}

std::vector<Violation> check_clocks(const SourceFile& file) {
  static constexpr std::array<const char*, 6> kWords = {"system_clock",          "steady_clock",
                                                        "high_resolution_clock", "gettimeofday",
                                                        "clock_gettime",         "localtime"};
  if (!is_simulated_world(file.path)) {
    return {};
  }
  return check_lines(file, [](const std::string& code) {
    std::string found = first_word(code, kWords);
    if (found.empty() && code.find("std::time(") != std::string::npos) {
      found = "std::time";
    }
    return found.empty()
               ? std::string()
               : fmt::format("{}: no wall clock here; time is SimTime, dates are input", found);
  });
}

std::vector<Violation> check_form(const SourceFile& file) {
  std::vector<Violation> violations;
  const auto add = [&](std::size_t index, std::string rule) {
    violations.push_back({file.path, static_cast<int>(index) + 1, std::move(rule)});
  };
  if (file.is_header()) {
    if (file.lines.empty() || file.lines[0] != "#pragma once") {
      add(0, "a header begins with #pragma once");
    }
    if (file.lines.size() < 2 || !file.lines[1].starts_with("//")) {
      add(1, "after #pragma once comes a comment: what the file is, what it does not do");
    }
  }
  const std::vector<std::string> allowed = namespaces_of(file.path);
  bool has_namespace = false;
  for (std::size_t i = 0; i < file.code.size(); ++i) {
    const std::string& code = file.code[i];
    if (file.is_header() && find_word(code, "using") && find_word(code, "namespace")) {
      add(i, "using namespace in a header");
    }
    const std::string name = opened_namespace(code);
    if (name.starts_with("moeplan")) {
      const bool fits = std::any_of(allowed.begin(), allowed.end(), [&](const std::string& a) {
        return name == a || name.starts_with(a + "::");
      });
      has_namespace = true;
      if (!fits) {
        add(i, fmt::format("namespace {} in a folder of {}", name, allowed[0]));
      }
    }
  }
  if (!has_namespace && !is_program(file.path)) {
    add(0, fmt::format("no namespace {}", allowed[0]));
  }
  return violations;
}

std::vector<Violation> check_text(const SourceFile& file) {
  std::vector<Violation> violations;
  if (file.lines.size() > kMostLines) {
    violations.push_back({file.path, static_cast<int>(kMostLines) + 1,
                          fmt::format("{} lines; a file has at most {}: split it by idea",
                                      file.lines.size(), kMostLines)});
  }
  const std::string name = file.path.substr(file.path.rfind('/') + 1);
  if (std::any_of(name.begin(), name.end(), [](char c) { return c >= 'A' && c <= 'Z'; }) ||
      name.find('-') != std::string::npos) {
    violations.push_back({file.path, 0, "file names are snake_case"});
  }
  for (std::size_t i = 0; i < file.lines.size(); ++i) {
    const std::string& line = file.lines[i];
    const auto odd =
        std::find_if(line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; });
    if (odd != line.end()) {
      violations.push_back(
          {file.path, static_cast<int>(i) + 1, "only printable ASCII: no tab, no other letters"});
    } else if (line.size() > kMostColumns) {
      violations.push_back(
          {file.path, static_cast<int>(i) + 1,
           fmt::format("{} columns; a line has at most {}", line.size(), kMostColumns)});
    }
  }
  return violations;
}

std::vector<Violation> check_readme(const std::filesystem::path& root, const std::string& folder) {
  const std::string path = folder + "/README.md";
  if (!std::filesystem::exists(root / path)) {
    return {{path, 0, "missing: purpose, the one type to know, allowed includes, how to extend"}};
  }
  const std::size_t count = split_lines(read_text(root / path)).size();
  if (count == 0 || count > kMostReadmeLines) {
    return {
        {path, 0, fmt::format("{} lines; a folder's README has 1 to {}", count, kMostReadmeLines)}};
  }
  return {};
}

std::vector<Violation> check_source_key(const std::string& path, const std::string& text) {
  if (path.starts_with("models/data/scenarios/")) {
    return {};  // a question, not a fact
  }
  bool has_source = path.ends_with(".json") && (text.find("\"source\":") != std::string::npos ||
                                                text.find("\"_source\":") != std::string::npos);
  std::vector<Violation> violations;
  const std::vector<std::string> lines = split_lines(text);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string& line = lines[i];
    const std::size_t key = std::min(line.find_first_not_of(" -"), line.size());
    // A curve that names its table has the table's sources.
    for (const char* source : {"source:", "sources:", "table:"}) {
      has_source = has_source || line.compare(key, std::string(source).size(), source) == 0;
    }
    if (line.find("{value:") != std::string::npos && line.find("source:") == std::string::npos) {
      violations.push_back({path, static_cast<int>(i) + 1, "a value without its source"});
    }
  }
  if (!has_source) {
    violations.push_back(
        {path, 0, "no `source`: document + page or URL + date, or measurement file + revision"});
  }
  return violations;
}

}  // namespace moeplan::architecture
