#include "models/text/csv_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "models/text/whole_number.hpp"

namespace moeplan::text {

CsvStream::CsvStream(LineReader& lines) : lines_(&lines), header_line_(lines.number()) {
  split_cells(lines.line(), lines.file(), header_line_, row_);
  columns_.assign(row_.cells.begin(), row_.cells.end());
  check_header(columns_, lines.file(), header_line_);
}

std::optional<std::size_t> CsvStream::find(std::string_view name) const {
  const auto found = std::find(columns_.begin(), columns_.end(), name);
  if (found == columns_.end()) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - columns_.begin());
}

std::size_t CsvStream::column(const std::string& name) const {
  if (const auto found = find(name)) {
    return *found;
  }
  missing_column(lines_->file(), header_line_, name, columns_);
}

bool CsvStream::next() {
  if (!lines_->next()) {
    return false;
  }
  if (lines_->line().empty() && lines_->only_empty_lines_follow()) {
    return false;
  }
  row_.clear();
  const std::size_t cells =
      lines_->line().empty() ? 0 : split_cells(lines_->line(), lines_->file(), line(), row_);
  if (cells != columns_.size()) {
    ragged_row(lines_->file(), line(), lines_->line(), cells, columns_.size());
  }
  return true;
}

std::int64_t CsvStream::count(std::size_t column, const Range& range) const {
  const std::string_view text = cell(column);
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool plain = error == std::errc{} && end == text.data() + text.size() && text.size() < 16;
  if (!plain) {
    using enum WholeNumber::State;
    const WholeNumber whole = parse_whole(text);
    if (whole.state == too_large) {
      fail(column, "E_OVERFLOW", fmt::format("-{0} to {0}", kMaxCount));
    }
    if (whole.state != ok) {
      fail(column, "E_TYPE", "a whole number " + range.text());
    }
    value = whole.value;
  }
  if (!range.contains(static_cast<double>(value))) {
    fail(column, "E_RANGE", "a whole number " + range.text());
  }
  return value;
}

void CsvStream::fail(std::size_t column, const std::string& code, const std::string& expected,
                     const std::string& fix) const {
  wrong_cell(lines_->file(), line(), columns_[column], cell(column), code, expected, fix);
}

}  // namespace moeplan::text
