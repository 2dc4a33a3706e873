#pragma once
// Private to calibrate/import: one row of a table by column name, with errors that name the line.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

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
  // bfloat16, bf16, float16, half, float, fp8, fp8_block, int8, w4a16_mxfp4, int4_wo, nvfp4.
  models::Precision precision(const std::string& column) const;
  double number(const std::string& column, const text::Range& range) const;
  bool empty(const std::string& column) const { return text(column).empty(); }
  // latency_ms or latency, both in milliseconds, to seconds.
  double seconds() const;
  // A duration > 0 in a unit of so many seconds.
  double seconds(const std::string& column, double unit) const {
    return number(column, text::kPositive) * unit;
  }
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
  // measured: columns that do not name the point (those that are there count); checked: those of
  // them that are compared; most: the largest ratio of two values of a point, 1 for none.
  DuplicateCheck(const text::CsvTable& table, const std::vector<std::string>& measured,
                 const std::vector<std::string>& checked, double most);
  // Throws: InputError E_DUPLICATE naming both lines.
  void check(const TableRow& row);

 private:
  const text::CsvTable* table_;
  std::vector<std::size_t> measured_;
  std::vector<std::size_t> checked_;
  double most_;
  std::map<std::string, std::size_t> seen_;  // the point -> its first row
};

}  // namespace moeplan::calibrate
