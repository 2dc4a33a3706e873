#pragma once
// Private to calibrate/import: what the readers of collective benchmarks' text outputs share.

#include <optional>
#include <string>
#include <vector>

#include "calibrate/import/measurements.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {

struct TextLine {
  int number = 0;  // 1-based
  std::string text;
  std::vector<std::string> cells;  // separated by white space
  bool is_comment() const { return !cells.empty() && cells.front().starts_with("#"); }
  // A row of results begins with a digit; anything else between them is somebody's message.
  bool is_row() const;
};

class BenchText {
 public:
  BenchText(const std::string& content, const std::string& file);

  const std::vector<TextLine>& lines() const { return lines_; }
  const std::string& file() const { return file_; }

  // Throws: InputError at the line, which is quoted.
  [[noreturn]] void fail(const TextLine& line, const std::string& code, const std::string& what,
                         const std::string& expected, const std::string& fix = "") const;
  // Throws: InputError for the whole file.
  [[noreturn]] void fail_file(const std::string& code, const std::string& what,
                              const std::string& got, const std::string& expected,
                              const std::string& fix = "") const;
  // Cell as a finite number >= 0. Throws: InputError E_TYPE, also for nan and ****; E_VALUE when
  // the row ends before it.
  double number(const TextLine& line, std::size_t cell, const char* name) const;

  // An empty result of this file.
  models::Measurements result(const std::string& source) const;
  // Counts a line that is neither comment nor row (mpirun's messages, say) for note_messages.
  void message(const TextLine& line);
  void note_messages(models::Measurements& out) const;

 private:
  std::string file_;
  std::string sha256_;
  std::vector<TextLine> lines_;
  int messages_ = 0;
  std::string first_message_;
};

// alltoall, all-to-all, Alltoallv, all_to_all_v, ... and the like for all_reduce, all_gather,
// reduce_scatter; nullopt for other operations.
std::optional<models::Collective> collective_named(const std::string& name);

// Ranks that the file states, the options, or both when they agree.
// Throws: InputError E_MISSING when neither says, E_VALUE when they differ.
int ranks_of(const BenchText& text, std::optional<int> stated, const ImportOptions& options);

// Bytes as CollectiveLatency counts them, from a size that MPI benchmarks print: per pair of ranks
// for all-to-all, of one rank's part for all-gather, of the whole vector for the other two.
double whole_bytes(models::Collective collective, double size, int ranks);

}  // namespace moeplan::calibrate
