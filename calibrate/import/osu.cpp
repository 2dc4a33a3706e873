#include "calibrate/import/osu.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calibrate/import/bench_text.hpp"

namespace moeplan::calibrate {
namespace {

using models::Collective;

constexpr std::string_view kTitle = "# OSU ";

struct Test {
  const char* part;  // of the title
  Collective collective;
  const char* source;  // after "osu_mpi"
};

// Longer names first: "All-to-Allv" holds "All-to-All".
constexpr Test kTests[] = {{"All-to-Allv", Collective::all_to_all, "_alltoallv"},
                           {"All-to-All", Collective::all_to_all, ""},
                           {"Allgatherv", Collective::all_gather, "_allgatherv"},
                           {"Allgather", Collective::all_gather, ""},
                           {"Allreduce", Collective::all_reduce, ""},
                           {"Reduce_scatter", Collective::reduce_scatter, ""}};

// Columns are separated by two blanks or more; their names hold single ones.
std::vector<std::string> column_names(const std::string& line) {
  std::vector<std::string> names;
  std::string name;
  const std::string text = line.substr(1) + "  ";
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == ' ' && (text[i + 1] == ' ' || name.empty())) {
      if (!name.empty()) {
        names.push_back(name);
        name.clear();
      }
    } else {
      name += text[i];
    }
  }
  return names;
}

struct Header {
  const Test* test = nullptr;
  std::string source;
  std::optional<std::size_t> average;
  std::optional<std::size_t> largest;
  std::size_t columns = 0;
  std::optional<models::Precision> precision;
};

void read_title(const BenchText& text, const TextLine& line, Header& header) {
  if (header.test != nullptr) {
    text.fail(line, "E_VALUE", "a second title: two runs in one file",
              "one run in a file; whether they had the same ranks is not said");
  }
  const auto test = std::find_if(std::begin(kTests), std::end(kTests), [&](const Test& candidate) {
    return line.text.find(candidate.part) != std::string::npos;
  });
  if (test == std::end(kTests)) {
    text.fail(line, "E_VALUE", "no law describes this test",
              "All-to-All, All-to-Allv, Allgather, Allgatherv, Allreduce, Reduce_scatter");
  }
  header.test = test;
  const bool cuda = line.text.find("CUDA") != std::string::npos;
  const bool nccl = line.text.find("NCCL") != std::string::npos;
  header.source = std::string(nccl ? "osu_nccl" : cuda ? "osu_mpi_cuda" : "osu_mpi") + test->source;
}

void read_columns(const BenchText& text, const TextLine& line, Header& header) {
  const std::vector<std::string> names = column_names(line.text);
  header.columns = names.size();
  for (std::size_t i = 0; i < names.size(); ++i) {
    header.average = names[i].starts_with("Avg") ? i : header.average;
    header.largest = names[i].starts_with("Max") ? i : header.largest;
    if (names[i].find("Lat") != std::string::npos && names[i].find("(us)") == std::string::npos) {
      text.fail(line, "E_UNIT", fmt::format("unit of '{}'", names[i]), "(us)");
    }
  }
  if (!header.average) {
    text.fail(line, "E_MISSING", "no average latency among the columns", "Avg Latency(us)");
  }
}

void read_datatype(const BenchText& text, const TextLine& line, Header& header) {
  const auto is = [&](const char* name) { return line.text.find(name) != std::string::npos; };
  if (is("MPI_CHAR")) {
    header.precision = models::Precision::int8;
  } else if (is("MPI_FLOAT") || is("MPI_INT")) {
    header.precision = models::Precision::fp32;
  } else {
    text.fail(line, "E_VALUE", "unknown datatype", "MPI_CHAR, MPI_FLOAT, MPI_INT");
  }
}

models::Precision precision_of(const Header& header) {
  const bool sums = header.test->collective == Collective::all_reduce ||
                    header.test->collective == Collective::reduce_scatter;
  return header.precision.value_or(sums ? models::Precision::fp32 : models::Precision::int8);
}

}  // namespace

bool is_osu(const std::string& content) {
  return content.substr(0, 4096).find(kTitle) != std::string::npos;
}

models::Measurements parse_osu(const std::string& content, const std::string& file,
                               const ImportOptions& options) {
  BenchText text(content, file);
  models::Measurements out = text.result("osu");
  Header header;
  double last_size = 0.0;
  for (const TextLine& line : text.lines()) {
    if (line.cells.empty()) {
      continue;
    }
    if (line.text.starts_with(kTitle)) {
      read_title(text, line, header);
    } else if (line.text.starts_with("# Size")) {
      read_columns(text, line, header);
    } else if (line.text.starts_with("# Datatype")) {
      read_datatype(text, line, header);
    } else if (!line.is_comment() && !line.is_row()) {
      text.message(line);
    } else if (line.is_row()) {
      if (header.test == nullptr || !header.average) {
        text.fail(line, "E_MISSING", "a row before the title and its columns", "# Size ...");
      }
      if (line.cells.size() != header.columns) {
        text.fail(line, "E_VALUE", fmt::format("{} cells in a row", line.cells.size()),
                  fmt::format("{} as in the title", header.columns), "was the run cut off?");
      }
      const double size = text.number(line, 0, "size");
      const double average = text.number(line, *header.average, "average");
      const double us = header.largest ? text.number(line, *header.largest, "maximum") : average;
      if (us <= 0.0 || us < average) {
        text.fail(line, "E_RANGE", "a latency of zero, or a maximum below the average",
                  "0 < average <= maximum");
      }
      if (size <= last_size) {
        text.fail(line, "E_VALUE", "sizes do not rise: two runs in one file?", "one run in a file");
      }
      last_size = size;
      const int ranks = ranks_of(text, std::nullopt, options);
      models::CollectiveSample sample;
      sample.origin = {.kernel_source = header.source,
                       .precision = precision_of(header),
                       .line = line.number,
                       .seconds = us * 1e-6};
      sample.collective = header.test->collective;
      sample.ranks = ranks;
      sample.nodes = options.nodes.value_or(1);
      sample.bytes = whole_bytes(sample.collective, size, ranks);
      out.collectives.push_back(sample);
    }
  }
  if (out.collectives.empty()) {
    text.fail_file("E_VALUE", "no row of results", "", "sizes and latencies below the title");
  }
  if (!header.largest) {
    out.notes.push_back("average over ranks: the output has no maximum (run with -f)");
  }
  text.note_messages(out);
  return out;
}

}  // namespace moeplan::calibrate
