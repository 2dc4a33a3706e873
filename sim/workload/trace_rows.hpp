#pragma once
// TraceRows: the rows of a trace file by meaning, whether CSV or JSON lines. Streamed: one row is
// held at a time.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/text/reader.hpp"
#include "sim/workload/trace_layout.hpp"

namespace moeplan::sim {

enum class TraceColumn { arrival, prompt, output, status, hashes, multiplier, not_counted };
inline constexpr std::size_t kTraceColumns = 7;

class TraceRows {
 public:
  // Opens the file and finds its layout. Throws: InputError as LineReader and layout_for.
  static std::unique_ptr<TraceRows> open(const std::filesystem::path& path,
                                         std::optional<TraceFormat> wanted);
  virtual ~TraceRows() = default;

  virtual const TraceLayout& layout() const = 0;
  // Moves to the next row; false after the last. Throws: InputError for rows that do not parse.
  virtual bool next() = 0;
  virtual bool at_end() = 0;  // no row follows
  virtual int line() const = 0;
  // The row has this column.
  virtual bool has(TraceColumn column) const = 0;
  // As written (JSON strings unescaped); the column must be there.
  virtual std::string_view text(TraceColumn column) const = 0;
  // Throws: InputError E_TYPE, E_OVERFLOW, E_RANGE with line and column.
  virtual std::int64_t count(TraceColumn column, const text::Range& range) const = 0;
  // Appends the block hashes of the row. Throws: InputError E_TYPE.
  virtual void take_hashes(std::vector<std::uint64_t>& into) const = 0;
  [[noreturn]] virtual void fail(TraceColumn column, const std::string& code,
                                 const std::string& expected, const std::string& fix) const = 0;
};

}  // namespace moeplan::sim
