#include "sim/report/text_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

std::string escaped(const std::string& cell) {
  std::string out;
  for (const char c : cell) {
    if (c == '|') {
      out += '\\';
    }
    out += c;
  }
  return out;
}

}  // namespace

void TextTable::add(std::vector<std::string> row) {
  require(row.size() == header_.size(), "a table row has as many cells as the header");
  rows_.push_back(std::move(row));
}

std::string TextTable::aligned() const {
  std::vector<std::size_t> width;
  for (std::size_t c = 0; c < header_.size(); ++c) {
    width.push_back(header_[c].size());
    for (const auto& row : rows_) {
      width[c] = std::max(width[c], row[c].size());
    }
  }
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text;
    for (std::size_t c = 0; c < cells.size(); ++c) {
      text += c == 0 ? fmt::format("{:<{}}", cells[c], width[c])
                     : fmt::format("  {:>{}}", cells[c], width[c]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + "\n";
  };
  line(header_);
  for (const auto& row : rows_) {
    line(row);
  }
  return out;
}

std::string TextTable::markdown() const {
  std::string out;
  const auto line = [&](const std::vector<std::string>& cells) {
    out += "|";
    for (const std::string& cell : cells) {
      out += " " + escaped(cell) + " |";
    }
    out += "\n";
  };
  line(header_);
  out += "|";
  for (std::size_t c = 0; c < header_.size(); ++c) {
    out += c == 0 ? "---|" : "---:|";
  }
  out += "\n";
  for (const auto& row : rows_) {
    line(row);
  }
  return out;
}

}  // namespace moeplan::sim
