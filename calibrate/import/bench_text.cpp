#include "calibrate/import/bench_text.hpp"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <sstream>

#include "models/text/load.hpp"

namespace moeplan::calibrate {

bool TextLine::is_row() const {
  return !cells.empty() && std::isdigit(static_cast<unsigned char>(cells.front().front())) != 0;
}

BenchText::BenchText(const std::string& content, const std::string& file)
    : file_(file), sha256_(text::sha256(content)) {
  std::istringstream stream(content);
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r') {
      line.pop_back();
    }
    TextLine next{.number = static_cast<int>(lines_.size()) + 1, .text = line, .cells = {}};
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      next.cells.push_back(word);
    }
    lines_.push_back(std::move(next));
  }
}

void BenchText::fail(const TextLine& line, const std::string& code, const std::string& what,
                     const std::string& expected, const std::string& fix) const {
  throw InputError({.code = code,
                    .file = file_,
                    .mark = {line.number, 0},
                    .pointer = "",
                    .what = what,
                    .got = "'" + line.text + "'",
                    .expected = expected,
                    .fix = fix});
}

void BenchText::fail_file(const std::string& code, const std::string& what, const std::string& got,
                          const std::string& expected, const std::string& fix) const {
  throw InputError({.code = code,
                    .file = file_,
                    .mark = {},
                    .pointer = "",
                    .what = what,
                    .got = got,
                    .expected = expected,
                    .fix = fix});
}

double BenchText::number(const TextLine& line, std::size_t cell, const char* name) const {
  if (cell >= line.cells.size()) {
    fail(line, "E_VALUE", fmt::format("the row ends before its {}", name),
         fmt::format("at least {} cells", cell + 1), "was the run cut off?");
  }
  const std::string& text = line.cells[cell];
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value) ||
      value < 0.0) {
    fail(line, "E_TYPE", fmt::format("{} '{}' is no number", name, text), "a finite number >= 0");
  }
  return value;
}

models::Measurements BenchText::result(const std::string& source) const {
  models::Measurements out;
  out.file = file_;
  out.name = std::filesystem::path(file_).filename().string();
  out.sha256 = sha256_;
  out.source = "imported: " + source;
  return out;
}

void BenchText::message(const TextLine& line) {
  first_message_ =
      messages_ == 0 ? fmt::format("line {}: {}", line.number, line.text) : first_message_;
  ++messages_;
}

void BenchText::note_messages(models::Measurements& out) const {
  if (messages_ > 0) {
    out.notes.push_back(fmt::format("{} lines that are no results were passed over; {}", messages_,
                                    first_message_));
  }
}

std::optional<models::Collective> collective_named(const std::string& name) {
  std::string plain;
  for (const char c : name) {
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  if (plain.ends_with("perf")) {
    plain.resize(plain.size() - 4);
  }
  using models::Collective;
  if (plain == "alltoall" || plain == "alltoallv") {
    return Collective::all_to_all;
  }
  if (plain == "allreduce") {
    return Collective::all_reduce;
  }
  if (plain == "allgather" || plain == "allgatherv") {
    return Collective::all_gather;
  }
  if (plain == "reducescatter") {
    return Collective::reduce_scatter;
  }
  return std::nullopt;
}

int ranks_of(const BenchText& text, std::optional<int> stated, const ImportOptions& options) {
  if (stated && options.ranks && *stated != *options.ranks) {
    text.fail_file("E_VALUE", "the file is of another number of ranks",
                   fmt::format("{} in the file", *stated),
                   fmt::format("the {} given", *options.ranks));
  }
  const std::optional<int> ranks = stated ? stated : options.ranks;
  if (!ranks) {
    text.fail_file("E_MISSING", "the output does not say how many ranks took part", "",
                   "the number of ranks",
                   fmt::format("--ranks N, or a file {}.yaml with 'ranks: N'",
                               std::filesystem::path(text.file()).filename().string()));
  }
  if (*ranks < 2) {
    text.fail_file("E_RANGE", "a collective of one rank moves nothing", fmt::format("{}", *ranks),
                   "at least 2 ranks");
  }
  return *ranks;
}

double whole_bytes(models::Collective collective, double size, int ranks) {
  const bool a_part =
      collective == models::Collective::all_to_all || collective == models::Collective::all_gather;
  return a_part ? size * ranks : size;
}

}  // namespace moeplan::calibrate
