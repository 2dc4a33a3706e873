#include "calibrate/import/nccl_tests.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "calibrate/import/bench_text.hpp"
#include "calibrate/import/nccl_json.hpp"
#include "calibrate/import/nccl_row.hpp"

namespace moeplan::calibrate {
namespace {

constexpr double kPrinted = 0.006;  // GB/s: two decimals

struct Columns {
  std::size_t type = 0;
  std::size_t time = 0;
  std::size_t algbw = 0;
  std::size_t busbw = 0;
  std::size_t wrong = 0;
};

class NcclText {
 public:
  NcclText(const std::string& content, const std::string& file, const ImportOptions& options)
      : text_(content, file), options_(options), out_(text_.result("nccl-tests")) {}

  models::Measurements read() {
    for (const TextLine& line : text_.lines()) {
      if (line.is_comment()) {
        comment(line);
      }
    }
    if (!columns_) {
      text_.fail_file("E_MISSING", "no title of the columns", "", "# size count type ... time");
    }
    if (!checked_) {
      text_.fail_file("E_MISSING", "no line 'Out of bounds values': the run was cut off", "",
                      "# Out of bounds values : 0 OK");
    }
    run_.ranks = ranks_of(
        text_, ranks_.empty() ? std::nullopt : std::optional(static_cast<int>(ranks_.size())),
        options_);
    run_.nodes = hosts_.empty() ? options_.nodes.value_or(1) : static_cast<int>(hosts_.size());
    run_.collective = nccl_collective(text_.file(), operation_, options_);
    for (const TextLine& line : text_.lines()) {
      if (line.is_row()) {
        row(line);
      } else if (!line.cells.empty() && !line.is_comment()) {
        text_.message(line);
      }
    }
    if (out_.collectives.empty()) {
      text_.fail_file("E_VALUE", "no row of results", "", "rows below the title");
    }
    if (unchecked_ > 0) {
      out_.notes.push_back(fmt::format("{} rows whose results were not checked", unchecked_));
    }
    text_.note_messages(out_);
    return std::move(out_);
  }

 private:
  void comment(const TextLine& line) {
    const std::vector<std::string>& cells = line.cells;
    if (cells.size() > 9 && cells[1] == "Rank") {
      rank(line);
    } else if (cells.size() > 4 && cells[1] == "Collective" && cells[3] == "starting:") {
      if (!operation_.empty()) {
        text_.fail(line, "E_VALUE", "a second test: two runs in one file", "one run in a file");
      }
      operation_ = std::filesystem::path(cells[4]).filename().string();
    } else if (line.text.find("Out of bounds values") != std::string::npos) {
      if (checked_) {
        text_.fail(line, "E_VALUE", "a second end: two runs in one file", "one run in a file");
      }
      if (cells.back() != "OK" || cells[cells.size() - 2] != "0") {
        text_.fail(line, "E_VALUE", "wrong results: the run counts for nothing",
                   "# Out of bounds values : 0 OK");
      }
      checked_ = true;
    } else {
      title(line);
    }
  }

  // #  Rank  0 Group  0 Pid 6899 on HOST device  0 [0000:04:00] NVIDIA H100 80GB HBM3
  void rank(const TextLine& line) {
    const auto at = [&](const char* word) {
      return static_cast<std::size_t>(std::find(line.cells.begin(), line.cells.end(), word) -
                                      line.cells.begin());
    };
    if (!ranks_.insert(line.cells[2]).second) {
      text_.fail(line, "E_VALUE", "a rank listed twice: two runs in one file", "one run in a file");
    }
    const std::size_t on = at("on");
    if (on + 1 < line.cells.size()) {
      hosts_.insert(line.cells[on + 1]);
    }
    const std::size_t bracket = line.text.find("] ");
    if (bracket == std::string::npos) {
      return;
    }
    const std::string device = line.text.substr(bracket + 2);
    if (!out_.device.empty() && out_.device != device) {
      text_.fail(line, "E_VALUE", "two devices in one run", "'" + out_.device + "'");
    }
    out_.device = device;
  }

  void title(const TextLine& line) {
    std::vector<std::string> names(line.cells.begin() + 1, line.cells.end());
    if (line.cells.front().size() > 1) {  // "#size"
      names.insert(names.begin(), line.cells.front().substr(1));
    }
    const auto at = [&](const char* name) {
      return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    };
    if (names.empty() || names.front() != "size" || at("count") == names.size()) {
      return;
    }
    const Columns columns{.type = at("type"),
                          .time = at("time"),
                          .algbw = at("algbw"),
                          .busbw = at("busbw"),
                          .wrong = at("#wrong")};
    if (std::max({columns.type, columns.time, columns.algbw, columns.busbw, columns.wrong}) >=
        names.size()) {
      text_.fail(line, "E_MISSING", "unknown columns",
                 "size count type ... time algbw busbw #wrong");
    }
    columns_ = columns;
  }

  void row(const TextLine& line) {
    if (columns_->wrong >= line.cells.size()) {
      text_.fail(line, "E_VALUE", "the row ends before its #wrong",
                 fmt::format("at least {} cells", columns_->wrong + 1), "was the run cut off?");
    }
    const NcclRow row{.size = text_.number(line, 0, "size"),
                      .type = line.cells[columns_->type],
                      .time_us = text_.number(line, columns_->time, "time"),
                      .algbw = text_.number(line, columns_->algbw, "algbw"),
                      .busbw = text_.number(line, columns_->busbw, "busbw"),
                      .line = line.number};
    if (line.cells[columns_->wrong] == "N/A") {
      ++unchecked_;
    } else if (text_.number(line, columns_->wrong, "#wrong") > 0.0) {
      text_.fail(line, "E_VALUE", "wrong results: the run counts for nothing", "#wrong 0");
    }
    if (row.size == 0.0) {
      return;
    }
    if (row.size <= last_size_) {
      text_.fail(line, "E_VALUE", "sizes do not rise: two runs in one file?", "one run in a file");
    }
    last_size_ = row.size;
    const std::string wrong = disagreement(row, run_, kPrinted);
    if (!wrong.empty()) {
      text_.fail(line, "E_UNIT", wrong, "columns that agree",
                 "another operation, number of ranks or unit?");
    }
    const auto precision = nccl_precision(row.type);
    if (!precision) {
      ++out_.skipped["element type " + row.type];
      return;
    }
    out_.collectives.push_back(sample_of(row, run_, *precision));
  }

  BenchText text_;
  const ImportOptions& options_;
  models::Measurements out_;
  NcclRun run_;
  std::string operation_;
  std::set<std::string> ranks_;
  std::set<std::string> hosts_;
  std::optional<Columns> columns_;
  bool checked_ = false;
  double last_size_ = 0.0;
  int unchecked_ = 0;
};

}  // namespace

bool is_nccl_tests_text(const std::string& content) {
  return content.find("algbw") != std::string::npos && content.find("busbw") != std::string::npos &&
         content.find('#') != std::string::npos;
}

models::Measurements parse_nccl_tests(const std::string& content, const std::string& file,
                                      const ImportOptions& options) {
  return is_nccl_tests_json(content) ? parse_nccl_json(content, file, options)
                                     : NcclText(content, file, options).read();
}

}  // namespace moeplan::calibrate
