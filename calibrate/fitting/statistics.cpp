#include "calibrate/fitting/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include "models/units/require.hpp"

namespace moeplan::calibrate {

double quantile(std::vector<double> values, double fraction) {
  require(!values.empty(), "a quantile of nothing");
  std::sort(values.begin(), values.end());
  const double at = fraction * static_cast<double>(values.size() - 1);
  const std::size_t below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (at - static_cast<double>(below)) * (values[above] - values[below]);
}

ErrorSummary summarize(const std::vector<double>& predicted, const std::vector<double>& measured) {
  require(predicted.size() == measured.size() && !measured.empty(),
          "predictions and measurements come in pairs");
  std::vector<double> relative;
  std::vector<double> absolute;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    require(measured[i] > 0.0, "a measured duration is positive");
    relative.push_back(predicted[i] / measured[i] - 1.0);
    absolute.push_back(std::abs(relative.back()));
  }
  return {.points = static_cast<std::int64_t>(measured.size()),
          .median_abs = quantile(absolute, 0.5),
          .p90_abs = quantile(absolute, 0.9),
          .max_abs = quantile(absolute, 1.0),
          .bias = quantile(relative, 0.5)};
}

double log_sd(const std::vector<double>& predicted, const std::vector<double>& measured) {
  std::vector<double> logs;
  for (std::size_t i = 0; i < measured.size(); ++i) {
    logs.push_back(std::abs(std::log(predicted[i] / measured[i])));
  }
  return std::max({0.02, quantile(logs, 0.5) / 0.674, quantile(logs, 0.9) / 1.645});
}

std::optional<Coverage> held_out_coverage(const std::vector<double>& predicted,
                                          const std::vector<double>& measured,
                                          const std::vector<int>& group_of) {
  require(predicted.size() == measured.size() && group_of.size() == measured.size(),
          "every row has a prediction and a group");
  const std::set<int> groups(group_of.begin(), group_of.end());
  if (groups.size() < 3) {
    return std::nullopt;
  }
  Coverage coverage;
  for (const int group : groups) {
    std::vector<double> others;
    std::vector<double> others_measured;
    for (std::size_t i = 0; i < measured.size(); ++i) {
      if (group_of[i] != group) {
        others.push_back(predicted[i]);
        others_measured.push_back(measured[i]);
      }
    }
    const double reach = 1.645 * log_sd(others, others_measured);
    for (std::size_t i = 0; i < measured.size(); ++i) {
      if (group_of[i] == group) {
        ++coverage.points;
        coverage.covered += std::abs(std::log(predicted[i] / measured[i])) <= reach ? 1 : 0;
      }
    }
  }
  return coverage;
}

}  // namespace moeplan::calibrate
