#include "calibrate/import/table_row.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeplan::calibrate {
namespace {

const std::map<std::string, models::Precision>& dtypes() {
  using models::Precision;
  static const std::map<std::string, Precision> names{
      {"bfloat16", Precision::bf16},       {"bf16", Precision::bf16},
      {"float16", Precision::fp16},        {"half", Precision::fp16},
      {"float", Precision::fp32},          {"fp8", Precision::fp8},
      {"fp8_block", Precision::fp8_block}, {"int8", Precision::int8},
      {"w4a16_mxfp4", Precision::mxfp4},   {"int4_wo", Precision::w4a16},
      {"nvfp4", Precision::nvfp4}};
  return names;
}

const char* latency_column(const text::CsvTable& table) {
  return table.has("latency_ms") ? "latency_ms" : "latency";
}

}  // namespace

std::string TableRow::text(const std::string& column) const {
  return table_->cell(row_, table_->column(column));
}

std::string TableRow::text_or(const std::string& column, const std::string& fallback) const {
  return table_->has(column) ? text(column) : fallback;
}

std::int64_t TableRow::count(const std::string& column, const text::Range& range) const {
  return table_->count(row_, table_->column(column), range);
}

models::Precision TableRow::precision(const std::string& column) const {
  const std::string name = text(column);
  const auto found = dtypes().find(name);
  if (found == dtypes().end()) {
    std::vector<std::string> known;
    for (const auto& [dtype, precision] : dtypes()) {
      known.push_back(dtype);
    }
    fail(column, "E_VALUE", fmt::format("unknown {} '{}'", column, name), joined(known));
  }
  return found->second;
}

double TableRow::number(const std::string& column, const text::Range& range) const {
  return table_->number(row_, table_->column(column), range);
}

double TableRow::seconds() const { return seconds(latency_column(*table_), 1e-3); }

models::SampleOrigin TableRow::origin(const std::string& dtype_column,
                                      const std::string& source) const {
  return {.kernel_source = source,
          .precision = precision(dtype_column),
          .line = line(),
          .seconds = seconds()};
}

double TableRow::microseconds(const std::string& column, const text::Range& range) const {
  return table_->number(row_, table_->column(column), range) * 1e-6;
}

void TableRow::fail(const std::string& column, const std::string& code, const std::string& what,
                    const std::string& expected) const {
  throw InputError({.code = code,
                    .file = table_->file(),
                    .mark = {line(), 0},
                    .pointer = "/" + column,
                    .what = what,
                    .got = "'" + text(column) + "'",
                    .expected = expected,
                    .fix = ""});
}

DuplicateCheck::DuplicateCheck(const text::CsvTable& table,
                               const std::vector<std::string>& measured,
                               const std::vector<std::string>& checked, double most)
    : table_(&table), most_(most) {
  const auto indices = [&table](const std::vector<std::string>& columns) {
    std::vector<std::size_t> found;
    for (const std::string& column : columns) {
      if (table.has(column)) {
        found.push_back(table.column(column));
      }
    }
    return found;
  };
  measured_ = indices(measured);
  checked_ = indices(checked);
}

void DuplicateCheck::check(const TableRow& row) {
  std::string key;
  for (std::size_t column = 0; column < table_->columns().size(); ++column) {
    if (std::find(measured_.begin(), measured_.end(), column) == measured_.end()) {
      key += table_->cell(row.index(), column) + "\n";
    }
  }
  const auto [found, fresh] = seen_.emplace(key, row.index());
  if (fresh) {
    return;
  }
  for (const std::size_t column : checked_) {
    if (table_->cell(row.index(), column).empty() || table_->cell(found->second, column).empty()) {
      continue;  // the importer says where a measured cell may be empty
    }
    const double here = table_->number(row.index(), column);
    const double there = table_->number(found->second, column);
    if (std::max(here, there) > most_ * std::min(here, there)) {
      row.fail(table_->columns()[column], "E_DUPLICATE",
               fmt::format("the same point as in line {} with another duration",
                           table_->line(found->second)),
               most_ > 1.0 ? fmt::format("within a factor of {}", most_) : "one run in a file");
    }
  }
}

}  // namespace moeplan::calibrate
