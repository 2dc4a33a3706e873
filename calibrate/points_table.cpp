#include "calibrate/points_table.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "models/units/parse.hpp"

namespace moeplan::calibrate {

std::string points_table(const std::vector<CombinedPoint>& points) {
  std::string text = fmt::format("{:<58}{:>12}{:>9}{:>9}{:>7}  {}\n", "point", "median", "within",
                                 "between", "n", "");
  for (const CombinedPoint& point : points) {
    if (point.launches == 0) {
      text +=
          fmt::format("{:<58}{}: {}\n", point.id,
                      point_status_names()[static_cast<std::size_t>(point.status)], point.reason);
      continue;
    }
    text += fmt::format("{:<58}{:>12}{:>7.1f} %{:>7.1f} %{:>7}  {}{}\n", point.id,
                        to_text(seconds(point.median_s)), 100.0 * point.sd_within_log,
                        100.0 * point.sd_between_log, point.summary.n, fmt::join(point.flags, " "),
                        point.status == PointStatus::measured ? "" : " " + point.reason);
  }
  return text;
}

std::string progress_line(const SweepProgress& progress) {
  const double left = progress.left.value();
  const std::string time = left < 0.0     ? std::string("time left unknown")
                           : left < 100.0 ? fmt::format("{:.0f} s left", left)
                                          : fmt::format("{:.0f} min left", left / 60.0);
  return fmt::format("[{}/{}] {:.0f} %, {}: {}", progress.done, progress.all,
                     100.0 * static_cast<double>(progress.done) / static_cast<double>(progress.all),
                     time, progress.id);
}

}  // namespace moeplan::calibrate
