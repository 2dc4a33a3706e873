#include "calibrate/import/nccl_json.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <set>

#include "calibrate/import/bench_text.hpp"
#include "calibrate/import/nccl_row.hpp"
#include "calibrate/import/nccl_tests.hpp"
#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::calibrate {
namespace {

using text::Node;
using text::Reader;

constexpr double kWritten = 1e-3;  // GB/s: JSON has all digits, average times are rounded

const Node* child(const Node& node, std::initializer_list<const char*> keys) {
  const Node* at = &node;
  for (const char* key : keys) {
    at = at->kind == text::Kind::map ? at->find(key) : nullptr;
    if (at == nullptr) {
      return nullptr;
    }
  }
  return at;
}

std::string scalar(const Node* node) { return node == nullptr ? "" : node->scalar; }

// Processes x threads x GPUs of each: one device is listed for a process.
int ranks_in(const Node& root, int processes) {
  int ranks = processes;
  for (const char* key : {"nthreads", "ngpus"}) {
    const Node* each = child(root, {"config", key});
    if (each != nullptr) {
      ranks *= std::max(1, std::atoi(each->scalar.c_str()));
    }
  }
  return ranks;
}

}  // namespace

models::Collective nccl_collective(const std::string& file, const std::string& stated,
                                   const ImportOptions& options) {
  const auto wrong = [&](const char* code, const char* what, const std::string& got) {
    throw InputError({.code = code,
                      .file = file,
                      .mark = {},
                      .pointer = "",
                      .what = what,
                      .got = got,
                      .expected = "alltoall, all_reduce, all_gather or reduce_scatter",
                      .fix = "--collective NAME"});
  };
  if (!stated.empty()) {
    const auto found = collective_named(stated);
    if (!found) {
      wrong("E_VALUE", "no law describes this operation", "'" + stated + "'");
    }
    return *found;
  }
  if (!options.collective.empty()) {
    const auto found = collective_named(options.collective);
    if (!found) {
      wrong("E_VALUE", "unknown collective", "'" + options.collective + "'");
    }
    return *found;
  }
  const std::string name = std::filesystem::path(file).filename().string();
  for (const char* part : {"alltoall", "all_to_all", "all_reduce", "allreduce", "all_gather",
                           "allgather", "reduce_scatter", "reducescatter"}) {
    if (name.find(part) != std::string::npos) {
      return *collective_named(part);
    }
  }
  wrong("E_MISSING", "the output does not say which operation was timed", "'" + name + "'");
  return {};
}

bool is_nccl_tests_json(const std::string& content) {
  return content.find("\"results\"") != std::string::npos &&
         content.find("\"out_of_bounds\"") != std::string::npos;
}

models::Measurements parse_nccl_json(const std::string& content, const std::string& file,
                                     const ImportOptions& options) {
  const text::Document document = text::parse_json(content, file);
  const BenchText whole(content, file);
  models::Measurements out = whole.result("nccl-tests");
  text::Problems problems(document);
  Reader root(problems, document.root);
  const Node* bounds = child(document.root, {"out_of_bounds", "count"});
  if (bounds == nullptr || bounds->scalar != "0") {
    root.problem("out_of_bounds", "E_VALUE", "wrong results: the run counts for nothing",
                 "count 0");
  }
  std::set<std::string> hosts;
  int processes = 0;
  const Node* config = child(document.root, {"config"});
  const Node* devices = child(document.root, {"devices"});
  devices = devices == nullptr && config != nullptr ? child(*config, {"devices"}) : devices;
  if (devices != nullptr) {
    for (const Node& device : devices->items) {
      ++processes;
      hosts.insert(scalar(child(device, {"hostname"})));
      const std::string name = scalar(child(device, {"device_info"}));
      if (!out.device.empty() && out.device != name) {
        root.problem("devices", "E_VALUE", "two devices in one run", "'" + out.device + "'");
      }
      out.device = name;
    }
  }
  problems.throw_if_any();
  NcclRun run;
  run.ranks = ranks_of(
      whole, processes > 0 ? std::optional(ranks_in(document.root, processes)) : std::nullopt,
      options);
  run.nodes = hosts.empty() ? options.nodes.value_or(1) : static_cast<int>(hosts.size());
  const Node* arguments = child(document.root, {"args"});
  const bool named = arguments != nullptr && !arguments->items.empty();
  const std::string program =
      named ? std::filesystem::path(arguments->items.front().scalar).filename().string() : "";
  run.collective = nccl_collective(file, program, options);
  double last = 0.0;
  int unchecked = 0;
  for (Reader& result : root.sections("results")) {
    NcclRow row{.size = result.number("size", text::kNonNegative),
                .type = result.string("type"),
                .time_us = 0.0,
                .algbw = 0.0,
                .busbw = 0.0,
                .line = result.map().mark.line};
    Reader times = result.section("out_of_place");
    row.time_us = times.number("time", text::kPositive);
    row.algbw = times.number("alg_bw", text::kNonNegative);
    row.busbw = times.number("bus_bw", text::kNonNegative);
    const Node* wrong = times.node("nwrong");
    if (wrong != nullptr && wrong->kind == text::Kind::null) {
      ++unchecked;
    } else if (wrong != nullptr &&
               text::as_number(problems, *wrong, times.pointer_of("nwrong")).value_or(0.0) > 0.0) {
      times.problem("nwrong", "E_VALUE", "wrong results: the run counts for nothing", "0");
    }
    if (row.size == 0.0) {
      continue;
    }
    if (row.size <= last) {
      result.problem("size", "E_VALUE", "sizes do not rise: two runs in one file?");
    }
    last = row.size;
    const std::string mistake = row.time_us > 0.0 ? disagreement(row, run, kWritten) : "";
    if (!mistake.empty()) {
      times.problem("time", "E_UNIT", mistake, "numbers that agree",
                    "another operation, number of ranks or unit?");
    }
    const auto precision = nccl_precision(row.type);
    if (!precision) {
      ++out.skipped["element type " + row.type];
    } else {
      out.collectives.push_back(sample_of(row, run, *precision));
    }
  }
  problems.throw_if_any();
  if (out.collectives.empty()) {
    whole.fail_file("E_VALUE", "no results that a law describes", "", "rows in /results");
  }
  if (unchecked > 0) {
    out.notes.push_back(fmt::format("{} rows whose results were not checked", unchecked));
  }
  return out;
}

}  // namespace moeplan::calibrate
