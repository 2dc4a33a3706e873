#include "calibrate/fitting/simple_family.hpp"

#include <algorithm>

namespace moeplan::calibrate {

FittedFamily fit_simple(const SimpleRows& rows, const std::string& kernel,
                        const models::SampleOrigin& origin, const std::string& dtype) {
  std::vector<std::size_t> used;
  FitProblem problem{.parameters = rows.parameters, .seconds = {}, .law = {}};
  std::vector<int> shape_of;
  for (std::size_t i = 0; i < rows.seconds.size(); ++i) {
    if (rows.left_out.empty() || !rows.left_out[i]) {
      used.push_back(i);
      problem.seconds.push_back(rows.seconds[i]);
      shape_of.push_back(rows.shape_of[i]);
    }
  }
  problem.law = [&rows, used](std::span<const double> theta, std::size_t i) {
    return rows.law(theta, used[i]);
  };
  const FamilyFit found = fit_family(problem, shape_of, rows.shapes);

  FittedFamily family;
  family.law = law_from(problem, found.all);
  std::vector<double> predicted;
  std::vector<double> held_out;
  for (std::size_t i = 0; i < rows.seconds.size(); ++i) {
    predicted.push_back(rows.law(found.all.theta, i));
    if (!found.held_out.empty()) {
      held_out.push_back(rows.law(found.held_out[static_cast<std::size_t>(rows.shape_of[i])], i));
    }
  }
  FamilyReport report{.kernel = kernel,
                      .kernel_source = origin.kernel_source,
                      .dtype = dtype,
                      .distribution = "",
                      .shapes = rows.shapes,
                      .errors = summarize(predicted, rows.seconds)};
  if (!held_out.empty()) {
    const ErrorSummary errors = summarize(held_out, rows.seconds);
    report.leave_one_shape_out = {errors.median_abs, errors.p90_abs};
    report.held_out_coverage = held_out_coverage(held_out, rows.seconds, rows.shape_of);
  }
  family.law.info.kernel = kernel;
  family.law.info.kernel_source = origin.kernel_source;
  family.law.info.dtype = dtype;
  const std::vector<double>& unseen = held_out.empty() ? predicted : held_out;
  double band = log_sd(unseen, rows.seconds);
  if (rows.band_of_fitted) {
    std::vector<double> of_fitted;
    for (const std::size_t i : used) {
      of_fitted.push_back(unseen[i]);
    }
    band = log_sd(of_fitted, problem.seconds);
  }
  family.law.info.discrepancy_sd_log =
      six_digits(held_out.empty() ? std::max(band, kUnseenBand) : band);
  family.law.errors = errors_from(report);
  family.reports.push_back(report);
  return family;
}

}  // namespace moeplan::calibrate
