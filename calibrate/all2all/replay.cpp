#include "calibrate/all2all/replay.hpp"

#include <fmt/format.h>

#include <set>
#include <tuple>

#include "models/text/csv.hpp"

namespace moeplan::calibrate {
namespace {

constexpr std::string_view kNameCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

[[noreturn]] void fail(const text::CsvTable& table, std::size_t row, const std::string& code,
                       const std::string& what, const std::string& got,
                       const std::string& expected) {
  throw InputError({.code = code,
                    .file = table.file(),
                    .mark = {table.line(row), 0},
                    .pointer = "",
                    .what = what,
                    .got = got,
                    .expected = expected});
}

}  // namespace

std::map<std::string, ByteMatrix> replayed_matrices(const std::string& content,
                                                    const std::string& file, int ranks) {
  const text::CsvTable table = text::CsvTable::parse(content, file);
  const std::size_t names = table.column("name");
  const std::size_t sources = table.column("source");
  const std::size_t destinations = table.column("destination");
  const std::size_t bytes = table.column("bytes");
  const text::Range rank{.low = 0.0, .high = ranks - 1.0};
  std::map<std::string, ByteMatrix> out;
  std::set<std::tuple<std::string, int, int>> seen;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string& name = table.cell(row, names);
    if (name.empty() || name.find_first_not_of(kNameCharacters) != std::string::npos) {
      fail(table, row, "E_VALUE", "a name that cannot stand in an id", "'" + name + "'",
           "letters, digits, _ . -");
    }
    const int source = static_cast<int>(table.count(row, sources, rank));
    const int destination = static_cast<int>(table.count(row, destinations, rank));
    if (!seen.emplace(name, source, destination).second) {
      fail(table, row, "E_DUPLICATE", "a pair of ranks that is there twice",
           fmt::format("{} {} -> {}", name, source, destination), "each pair once");
    }
    out.try_emplace(name, ranks).first->second.at(source, destination) =
        table.count(row, bytes, {.low = 0.0, .high = 2147483647.0});
  }
  return out;
}

}  // namespace moeplan::calibrate
