#include "tests/speed/layer_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <stdexcept>
#include <vector>

#include "calibrate/fitting/fit_profile.hpp"
#include "calibrate/import/own_format.hpp"
#include "calibrate/layer/layer_closure.hpp"
#include "calibrate/measurement/combined_point.hpp"
#include "calibrate/measurement/journal.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"
#include "tests/calibrate/all2all/ranks.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::speed {
namespace {

constexpr int kRanks = 2;

void measure(std::vector<std::string> command, const tests::TemporaryDirectory& directory) {
  const std::string out = (directory / "out.txt").string();
  if (tests::run_into(command, out) != 0) {
    throw std::runtime_error(fmt::format("{} failed: {}", command.at(1), tests::read_bytes(out)));
  }
}

double quantile(std::vector<double> values, double fraction) {
  std::sort(values.begin(), values.end());
  return values.at(static_cast<std::size_t>(fraction * static_cast<double>(values.size() - 1)));
}

}  // namespace

LayerFigures layer_figures(const std::string& program) {
  const auto begin = std::chrono::steady_clock::now();
  const tests::TemporaryDirectory directory;
  const auto path = [&](const char* name) { return (directory / name).string(); };
  // As the layer's ranks compute: one thread each, and all of them at once.
  measure({program,
           "kernels",
           "--threads",
           "1",
           "--companions",
           std::to_string(kRanks - 1),
           "--budget",
           "4 min",
           "--launches",
           "3",
           "--visits",
           "1",
           "--journal",
           path("kernels"),
           "-o",
           path("kernels.json"),
           "--hardware-file",
           path("cpu-bench.yaml"),
           "--power",
           "100 W"},
          directory);
  measure({program, "all2all", "--launcher", tests::launcher(kRanks), "--launches", "3", "--visits",
           "1", "--budget", "40 s", "--kinds", "all2allv", "--patterns", "uniform", "--journal",
           path("net"), "-o", path("net.json")},
          directory);
  const models::Gpu cpu = models::load_gpu(path("cpu-bench.yaml"));
  std::vector<models::Measurements> files;
  for (const char* name : {"kernels.json", "net.json"}) {
    files.push_back(calibrate::parse_own_format(text::read_file(path(name)), name));
  }
  const calibrate::FittedProfile fitted = calibrate::fit_profile(files, cpu);
  const models::CostLaws laws =
      models::make_cost_laws(cpu, models::load_fabric(cpu.fabric), nullptr, &fitted.profile,
                             {.weights = models::Precision::fp32,
                              .experts = models::Precision::fp32,
                              .plain = models::Precision::fp32});
  LayerFigures out;
  out.fitting_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  out.rows = families_table(fitted.families);

  measure({program, "all2all", "--launcher", tests::launcher(kRanks), "--launches", "5", "--visits",
           "1", "--budget", "20 min", "--kinds", "layer", "--visit-time", "1 s", "--journal",
           path("layers")},
          directory);
  const calibrate::JournalContents journal = calibrate::read_journal(path("layers"));
  std::map<std::string, calibrate::LayerShape> shapes;
  for (const calibrate::LayerShape& shape : calibrate::closure_layers()) {
    shapes.emplace(shape.id(kRanks), shape);
  }
  std::vector<double> errors;
  std::map<std::string, double> medians;
  for (const calibrate::CombinedPoint& point : calibrate::combine(journal)) {
    if (point.status != calibrate::PointStatus::measured) {
      throw std::runtime_error(point.id + " was not measured: " + point.reason);
    }
    const calibrate::LayerEstimate parts =
        calibrate::estimate_layer(shapes.at(point.id), kRanks, laws);
    const double predicted = parts.total().value();
    errors.push_back(std::abs(predicted / point.median_s - 1.0));
    medians.emplace(point.id, point.median_s);
    out.rows += fmt::format(
        "{:<40} measured {:9.1f} us, predicted {:9.1f} us ({:+6.1f} %): router {:.1f}, dispatch "
        "{:.1f}, experts {:.1f}, regroup {:.1f}, combine {:.1f}{}\n",
        point.id, 1e6 * point.median_s, 1e6 * predicted, 100.0 * (predicted / point.median_s - 1.0),
        1e6 * parts.router.value(), 1e6 * parts.dispatch.value(), 1e6 * parts.experts.value(),
        1e6 * parts.regroup.value(), 1e6 * parts.combine.value(),
        parts.extrapolated ? " (outside a law's range)" : "");
  }
  std::vector<double> repeats;
  for (const calibrate::PointRecord& record : journal.records) {
    const double launch = calibrate::summarize(record.outcome.samples).p50;
    repeats.push_back(std::abs(launch / medians.at(record.id) - 1.0));
  }
  out.median_error = quantile(errors, 0.5);
  out.p90_error = quantile(errors, 0.9);
  out.repeat_error = quantile(repeats, 0.5);
  return out;
}

}  // namespace moeplan::speed
