#include "sim/workload/trace_rows.hpp"

#include <array>
#include <charconv>

#include "models/text/csv_stream.hpp"
#include "models/text/json_lines.hpp"
#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

std::array<const char*, kTraceColumns> names_of(const TraceLayout& layout) {
  return {layout.arrival, layout.prompt,     layout.output,     layout.status,
          layout.hashes,  layout.multiplier, layout.not_counted};
}

std::size_t index_of(TraceColumn column) { return static_cast<std::size_t>(column); }

std::optional<std::uint64_t> parse_hash(std::string_view text) {
  std::uint64_t hash = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), hash);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(hash)
                                                                  : std::nullopt;
}

class CsvRows : public TraceRows {
 public:
  CsvRows(std::unique_ptr<text::LineReader> lines, std::optional<TraceFormat> wanted)
      : lines_(std::move(lines)),
        rows_(*lines_),
        layout_(layout_for(rows_.columns(), false, wanted, lines_->file(), lines_->number())) {
    const auto names = names_of(layout_);
    for (std::size_t i = 0; i < kTraceColumns; ++i) {
      columns_[i] = names[i] == nullptr ? std::nullopt : rows_.find(names[i]);
    }
  }

  const TraceLayout& layout() const override { return layout_; }
  bool next() override { return rows_.next(); }
  bool at_end() override { return lines_->only_empty_lines_follow(); }
  int line() const override { return rows_.line(); }
  bool has(TraceColumn column) const override { return columns_[index_of(column)].has_value(); }
  std::string_view text(TraceColumn column) const override { return rows_.cell(at(column)); }
  std::int64_t count(TraceColumn column, const text::Range& range) const override {
    return rows_.count(at(column), range);
  }
  void take_hashes(std::vector<std::uint64_t>& into) const override {
    std::string_view left = text(TraceColumn::hashes);
    while (!left.empty()) {
      const std::size_t end = std::min(left.find('|'), left.size());
      const auto hash = parse_hash(left.substr(0, end));
      if (!hash) {
        fail(TraceColumn::hashes, "E_TYPE", "whole numbers below 2^64, as in 11|22", "");
      }
      into.push_back(*hash);
      left.remove_prefix(std::min(end + 1, left.size()));
    }
  }
  void fail(TraceColumn column, const std::string& code, const std::string& expected,
            const std::string& fix) const override {
    rows_.fail(at(column), code, expected, fix);
  }

 private:
  std::size_t at(TraceColumn column) const {
    require(has(column), "this trace has no such column");
    return *columns_[index_of(column)];
  }

  std::unique_ptr<text::LineReader> lines_;
  text::CsvStream rows_;
  const TraceLayout& layout_;
  std::array<std::optional<std::size_t>, kTraceColumns> columns_{};
};

class JsonRows : public TraceRows {
 public:
  JsonRows(std::unique_ptr<text::LineReader> lines, std::optional<TraceFormat> wanted)
      : lines_(std::move(lines)), rows_(*lines_) {
    waiting_ = rows_.next();
    std::vector<std::string> keys;
    for (const text::Node::Entry& entry : rows_.row().entries) {
      keys.push_back(entry.key);
    }
    if (rows_.row().find("sub_requests") != nullptr) {
      throw InputError({.code = "E_VALUE",
                        .file = rows_.file(),
                        .mark = {rows_.line(), 0},
                        .pointer = "/sub_requests",
                        .what = "sessions whose requests wait for each other are not replayed",
                        .expected = "one request a line"});
    }
    layout_ = &layout_for(keys, true, wanted, rows_.file(), rows_.line());
    names_ = names_of(*layout_);
  }

  const TraceLayout& layout() const override { return *layout_; }
  bool next() override {
    if (!waiting_ && !rows_.next()) {
      return false;
    }
    waiting_ = false;
    for (const std::string& key : layout_->required()) {
      if (rows_.row().find(key) == nullptr) {
        throw InputError({.code = "E_MISSING",
                          .file = rows_.file(),
                          .mark = {rows_.line(), 0},
                          .pointer = "/" + key,
                          .what = "the key '" + key + "' is missing",
                          .expected = joined(layout_->required())});
      }
    }
    return true;
  }
  bool at_end() override { return lines_->only_empty_lines_follow(); }
  int line() const override { return rows_.line(); }
  bool has(TraceColumn column) const override {
    const char* name = names_[index_of(column)];
    return name != nullptr && rows_.row().find(name) != nullptr;
  }
  std::string_view text(TraceColumn column) const override {
    const text::Node& node = node_of(column);
    if (node.kind != text::Kind::number && node.kind != text::Kind::string) {
      fail(column, "E_TYPE", "a number", "");
    }
    return node.scalar;
  }
  std::int64_t count(TraceColumn column, const text::Range& range) const override {
    text::Problems problems(rows_.file());
    const auto value = text::as_count(problems, node_of(column), pointer_of(column), range);
    if (!value) {
      std::vector<Problem> list = problems.list();
      for (Problem& problem : list) {
        problem.mark.line = line();
      }
      throw InputError(std::move(list));
    }
    return *value;
  }
  void take_hashes(std::vector<std::uint64_t>& into) const override {
    const text::Node& node = node_of(TraceColumn::hashes);
    if (node.kind != text::Kind::sequence) {
      fail(TraceColumn::hashes, "E_TYPE", "a list of whole numbers", "");
    }
    for (const text::Node& item : node.items) {
      const auto hash = parse_hash(item.scalar);
      if (item.kind != text::Kind::number || !hash) {
        fail(TraceColumn::hashes, "E_TYPE", "a list of whole numbers below 2^64", "");
      }
      into.push_back(*hash);
    }
  }
  void fail(TraceColumn column, const std::string& code, const std::string& expected,
            const std::string& fix) const override {
    const text::Node& node = node_of(column);
    throw InputError({.code = code,
                      .file = rows_.file(),
                      .mark = {line(), node.mark.column},
                      .pointer = pointer_of(column),
                      .what = "wrong value",
                      .got = node.scalar.empty() ? text::kind_name(node.kind) : node.scalar,
                      .expected = expected,
                      .fix = fix});
  }

 private:
  std::string pointer_of(TraceColumn column) const {
    return std::string("/") + names_[index_of(column)];
  }
  const text::Node& node_of(TraceColumn column) const {
    require(has(column), "this trace row has no such key");
    return *rows_.row().find(names_[index_of(column)]);
  }

  std::unique_ptr<text::LineReader> lines_;
  text::JsonLines rows_;
  bool waiting_ = false;  // the first row is read, not yet handed out
  const TraceLayout* layout_ = nullptr;
  std::array<const char*, kTraceColumns> names_{};
};

}  // namespace

std::unique_ptr<TraceRows> TraceRows::open(const std::filesystem::path& path,
                                           std::optional<TraceFormat> wanted) {
  auto lines = std::make_unique<text::LineReader>(path);
  lines->next();
  if (lines->line().starts_with('{')) {
    return std::make_unique<JsonRows>(std::move(lines), wanted);
  }
  if (lines->line().empty()) {
    throw InputError({.code = "E_SYNTAX",
                      .file = path.string(),
                      .mark = {1, 0},
                      .what = "the first line is empty",
                      .expected = "the header of a CSV file, or a JSON object"});
  }
  return std::make_unique<CsvRows>(std::move(lines), wanted);
}

}  // namespace moeplan::sim
