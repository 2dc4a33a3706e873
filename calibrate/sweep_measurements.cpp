#include "calibrate/sweep_measurements.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "calibrate/measurement/fingerprint.hpp"
#include "models/text/load.hpp"

namespace moeplan::calibrate {

models::Measurements sweep_measurements(const SweepFile& file, const AddRow& add) {
  models::Measurements out;
  out.file = file.path;
  out.name = std::filesystem::path(file.path).filename().string();
  out.sha256 = text::sha256(file.content);
  out.source = fmt::format("measured: moeplan-measure {}", git_version());
  out.device = file.device;
  std::map<std::string, int> flags;
  int line = 1;  // the header's
  for (const CombinedPoint& point : combine(file.journal)) {
    ++line;
    if (point.status != PointStatus::measured) {
      ++out.skipped[fmt::format(
          "{}: {}", point_status_names()[static_cast<std::size_t>(point.status)], point.reason)];
      continue;
    }
    for (const std::string& flag : point.flags) {
      ++flags[flag];
    }
    models::SampleOrigin origin{.line = line, .seconds = point.median_s};
    if (point.launches > 1) {
      origin.launch_seconds = point.launch_medians;
    }
    const std::string reason = add(point, std::move(origin), out);
    if (!reason.empty()) {
      ++out.skipped[reason];
    }
  }
  const JournalHeader& header = file.journal.header;
  out.notes.push_back(fmt::format("{} points, {} launches of {} visits, seed {}", out.rows(),
                                  header.launches, header.visits, header.seed));
  for (const auto& [flag, points] : flags) {
    out.notes.push_back(fmt::format("{} points are {}", points, flag));
  }
  for (const auto* about : {&header.fingerprint, &header.settings}) {
    out.fingerprint.insert(about->begin(), about->end());
    for (const auto& [key, value] : *about) {
      out.notes.push_back(fmt::format("{}: {}", key, value));
    }
  }
  return out;
}

}  // namespace moeplan::calibrate
