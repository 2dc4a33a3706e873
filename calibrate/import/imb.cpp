#include "calibrate/import/imb.hpp"

#include <fmt/format.h>

#include <map>

#include "calibrate/import/bench_text.hpp"

namespace moeplan::calibrate {
namespace {

using models::Collective;

constexpr std::string_view kSection = "# Benchmarking ";

struct Section {
  std::string name;
  std::optional<Collective> collective;  // nullopt: no law describes it
  std::optional<int> ranks;
  bool columns = false;
};

class ImbReader {
 public:
  ImbReader(const std::string& content, const std::string& file, const ImportOptions& options)
      : text_(content, file), options_(options), out_(text_.result("imb")) {}

  models::Measurements read() {
    for (const TextLine& line : text_.lines()) {
      if (line.cells.empty()) {
        continue;
      }
      if (line.cells.front() == "#bytes") {
        columns(line);
      } else if (line.is_comment()) {
        comment(line);
      } else if (line.is_row()) {
        row(line);
      } else {
        text_.message(line);
      }
    }
    if (out_.collectives.empty()) {
      text_.fail_file("E_VALUE", "no row of results that a law describes", "",
                      "sections Alltoall(v), Allgather(v), Allreduce, Reduce_scatter");
    }
    for (const auto& [name, rows] : other_) {
      out_.notes.push_back(fmt::format("{} rows of {} left out: no law describes it", rows, name));
    }
    text_.note_messages(out_);
    return std::move(out_);
  }

 private:
  void comment(const TextLine& line) {
    if (line.text.starts_with(kSection)) {
      section_ = {.name = line.cells.size() > 2 ? line.cells[2] : "",
                  .collective = {},
                  .ranks = {},
                  .columns = false};
      section_.collective = collective_named(section_.name);
      last_size_ = -1.0;
    } else if (line.cells.size() >= 4 && line.cells[1] == "#processes") {
      const auto ranks = static_cast<int>(text_.number(line, 3, "number of processes"));
      section_.ranks = ranks;
      if (!section_.collective) {
        return;
      }
      if (!options_.ranks && first_ranks_ && *first_ranks_ != ranks) {
        text_.fail(line, "E_VALUE",
                   fmt::format("two numbers of ranks in one file, {} and {}", *first_ranks_, ranks),
                   "one number of ranks", "--ranks N takes the sections of that number");
      }
      first_ranks_ = ranks;
    }
  }

  void columns(const TextLine& line) {
    section_.columns = true;
    if (section_.collective && (line.cells.size() != 5 || line.cells[2] != "t_min[usec]" ||
                                line.cells[3] != "t_max[usec]" || line.cells[4] != "t_avg[usec]")) {
      text_.fail(line, "E_UNIT", "unknown columns",
                 "#bytes #repetitions t_min[usec] t_max[usec] t_avg[usec]");
    }
  }

  void row(const TextLine& line) {
    if (!section_.collective) {
      ++other_[section_.name.empty() ? "no section" : section_.name];
      return;
    }
    if (!section_.columns) {
      text_.fail(line, "E_MISSING", "a row before its columns", "#bytes #repetitions ...");
    }
    if (section_.ranks && options_.ranks && *section_.ranks != *options_.ranks) {
      ++other_[fmt::format("{} on {} ranks", section_.name, *section_.ranks)];
      return;
    }
    const int ranks = ranks_of(text_, section_.ranks, options_);
    const double size = text_.number(line, 0, "#bytes");
    text_.number(line, 1, "#repetitions");
    const double least = text_.number(line, 2, "t_min");
    const double most = text_.number(line, 3, "t_max");
    const double average = text_.number(line, 4, "t_avg");
    if (line.cells.size() != 5) {
      text_.fail(line, "E_VALUE", fmt::format("{} cells in a row", line.cells.size()), "5");
    }
    if (size <= last_size_) {
      text_.fail(line, "E_VALUE", "sizes do not rise: two runs in one section?",
                 "one run in a section");
    }
    last_size_ = size;
    if (size == 0.0) {
      return;
    }
    if (most <= 0.0 || least > average || average > most) {
      text_.fail(line, "E_RANGE", "times are not in order", "0 < t_min <= t_avg <= t_max");
    }
    models::CollectiveSample sample;
    const bool v = section_.name.ends_with("v");
    sample.origin = {.kernel_source = v ? "imb_mpi_" + section_.name : "imb_mpi",
                     .precision = *section_.collective == Collective::all_reduce ||
                                          *section_.collective == Collective::reduce_scatter
                                      ? models::Precision::fp32
                                      : models::Precision::int8,
                     .line = line.number,
                     .seconds = most * 1e-6};
    sample.collective = *section_.collective;
    sample.ranks = ranks;
    sample.nodes = options_.nodes.value_or(1);
    sample.bytes = whole_bytes(sample.collective, size, ranks);
    out_.collectives.push_back(sample);
  }

  BenchText text_;
  const ImportOptions& options_;
  models::Measurements out_;
  Section section_;
  std::optional<int> first_ranks_;
  double last_size_ = -1.0;
  std::map<std::string, int> other_;
};

}  // namespace

bool is_imb(const std::string& content) { return content.find(kSection) != std::string::npos; }

models::Measurements parse_imb(const std::string& content, const std::string& file,
                               const ImportOptions& options) {
  return ImbReader(content, file, options).read();
}

}  // namespace moeplan::calibrate
