#pragma once
// SweepJournal: the finished points of one process, in an append-only file of checked lines
// (models/text/checked_lines.hpp). The first record describes the sweep, every other is a row. A
// row is safe from the death of the process once appended, and from that of the machine within a
// second.

#include <chrono>
#include <filesystem>
#include <functional>

#include "models/text/checked_lines.hpp"
#include "sim/sweep/sweep_table.hpp"

namespace moeplan::sim {

// Calls use() for every whole row; a torn last line is left out. Throws: InputError as
// read_checked_lines, for a file without a description (E_SCHEMA), for rows that do not suit it,
// and what check(info) throws, which comes before the first row.
void read_sweep_journal(const std::filesystem::path& path,
                        const std::function<void(const SweepInfo&)>& check,
                        const std::function<void(const Row&)>& use);

class SweepJournal {
 public:
  // Begins the file, or goes on with one of the same sweep. Locked until destroyed.
  // Throws: InputError where it is of another sweep (says what differs), damaged, or written by
  // another process; std::system_error.
  SweepJournal(const std::filesystem::path& path, const SweepInfo& info);

  // Throws: std::system_error; the file is as before then.
  void append(const Row& row);
  void sync() { lines_.sync(); }

 private:
  text::CheckedLines lines_;
  std::chrono::steady_clock::time_point synced_;
};

// Throws: InputError E_VALUE naming the file and what differs, unless both are the same sweep.
void check_same_sweep(const SweepInfo& there, const SweepInfo& here,
                      const std::filesystem::path& file);

}  // namespace moeplan::sim
