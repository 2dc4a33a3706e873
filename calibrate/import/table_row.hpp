#pragma once
// Private to calibrate/import: one row of a table by column name, with errors that name the line.

#include <cstdint>
#include <map>
#include <string>

#include "models/latency/kernel_sample.hpp"
#include "models/text/csv.hpp"

namespace moeplan::calibrate {

class TableRow {
 public:
  TableRow(const text::CsvTable& table, std::size_t row) : table_(&table), row_(row) {}

  bool has(const std::string& column) const { return table_->has(column); }
  std::string text(const std::string& column) const;
  std::string text_or(const std::string& column, const std::string& fallback) const;
  std::int64_t count(const std::string& column, const text::Range& range) const;
  // bfloat16, float16, half, float, fp8, fp8_block, int8, w4a16_mxfp4, int4_wo, nvfp4.
  models::Precision precision(const std::string& column) const;
  // latency_ms or latency, both in milliseconds, to seconds.
  double seconds() const;
  // A column of microseconds, to seconds. Throws: InputError E_RANGE outside the range.
  double microseconds(const std::string& column, const text::Range& range) const;
  models::SampleOrigin origin(const std::string& dtype_column, const std::string& source) const;
  std::size_t index() const { return row_; }
  int line() const { return table_->line(row_); }

  // Throws: InputError at this row.
  [[noreturn]] void fail(const std::string& column, const std::string& code,
                         const std::string& what, const std::string& expected) const;

 private:
  const text::CsvTable* table_;
  std::size_t row_;
};

// Equal rows with different durations are two runs in one file: nobody knows which one counts.
class DuplicateCheck {
 public:
  // measured: the columns that hold results, not shapes.
  DuplicateCheck(const text::CsvTable& table, const std::vector<std::string>& measured);
  // Throws: InputError E_DUPLICATE naming both lines.
  void check(const TableRow& row);

 private:
  struct Seen {
    int line;
    std::string results;
  };
  const text::CsvTable* table_;
  std::vector<bool> measured_;  // [columns]
  std::map<std::string, Seen> seen_;
};

}  // namespace moeplan::calibrate
