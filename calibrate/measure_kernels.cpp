#include "calibrate/measure_kernels.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calibrate/measurement/budget.hpp"
#include "calibrate/measurement/fingerprint.hpp"
#include "calibrate/measurement/stop_signal.hpp"
#include "models/text/csv.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"

namespace moeplan::calibrate {
namespace {

models::Precision chosen_precision(const std::string& name, const KernelDevice& device) {
  if (name.empty()) {
    return device.precisions().front();
  }
  std::vector<std::string> known;
  for (const models::Precision precision : device.precisions()) {
    known.emplace_back(models::name_of(precision));
    if (name == known.back()) {
      return precision;
    }
  }
  throw InputError({.code = "E_VALUE",
                    .file = "",
                    .mark = {},
                    .pointer = "",
                    .what = "a precision that the kernels of this device have not",
                    .got = "'" + name + "'",
                    .expected = joined(known),
                    .fix = did_you_mean(name, known)});
}

// [experts] of the layer, from layer,expert,count rows.
std::vector<double> counts_of_layer(const std::string& path, int layer) {
  const text::CsvTable table = text::CsvTable::load(path);
  const std::size_t layers = table.column("layer");
  const std::size_t experts = table.column("expert");
  const std::size_t values = table.column("count");
  std::vector<double> counts;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto expert =
        static_cast<std::size_t>(table.count(row, experts, {.low = 0.0, .high = 65535.0}));
    if (table.count(row, layers) == layer) {
      counts.resize(std::max(counts.size(), expert + 1), 0.0);
      counts[expert] += table.number(row, values, text::kNonNegative);
    }
  }
  if (counts.empty()) {
    throw InputError({.code = "E_VALUE",
                      .file = path,
                      .mark = {},
                      .pointer = "",
                      .what = "no counts of the layer to replay",
                      .got = fmt::format("layer {}", layer),
                      .expected = "a layer of the file",
                      .fix = "another --counts-layer"});
  }
  return counts;
}

}  // namespace

PreparedSweep prepare(const KernelSweep& sweep) {
  PreparedSweep out;
  out.device = make_device(sweep.device, sweep.options);
  GridOptions options{.device = sweep.device,
                      .precision = chosen_precision(sweep.precision, *out.device),
                      .replayed = {}};
  JournalHeader& header = out.header;
  if (!sweep.counts_file.empty()) {
    options.replayed = counts_of_layer(sweep.counts_file, sweep.counts_layer);
    header.settings["replayed_sha256"] = text::sha256(text::read_file(sweep.counts_file));
    header.settings["replayed_layer"] = std::to_string(sweep.counts_layer);
  }
  out.grid = kernel_grid(options);
  const GridChoice choice =
      choose_points(out.grid.points, sweep.budget, sweep.launches * sweep.visits, sweep.seed);
  out.expected = choice.expected;
  header.what = fmt::format("kernels {} {}", sweep.device, models::name_of(options.precision));
  header.seed = sweep.seed;
  header.launches = sweep.launches;
  header.visits = sweep.visits;
  header.budget_s = sweep.budget.value();
  header.fingerprint = host_fingerprint();
  for (const auto& [key, value] : out.device->fingerprint()) {
    header.fingerprint[key] = value;
  }
  header.plan = choice.plan;
  return out;
}

int run_kernel_launch(const KernelSweep& sweep, int launch,
                      const std::function<void(const SweepProgress&)>& progress) {
  const PreparedSweep prepared = prepare(sweep);
  Journal journal(sweep.journal, prepared.header);
  const auto make = [&](const std::string& id) -> MadeCase {
    const auto found = prepared.grid.cases.find(id);
    if (found == prepared.grid.cases.end()) {
      return Skipped{"a point that this version does not know"};
    }
    return prepared.device->make(found->second);
  };
  const LaunchOptions options{
      .rule = device_rule(), .stop = [] { return stop_signal() != 0; }, .progress = progress};
  const LaunchEnd end = run_launch(journal, launch, make, options, steady_clock());
  return end == LaunchEnd::stopped ? 128 + stop_signal() : 0;
}

}  // namespace moeplan::calibrate
