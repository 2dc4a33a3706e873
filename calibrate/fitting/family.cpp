#include "calibrate/fitting/family.hpp"

#include <algorithm>

namespace moeplan::calibrate {
namespace {

constexpr int kFewestShapes = 3;

FitProblem without(const FitProblem& problem, const std::vector<int>& shape_of, int shape) {
  FitProblem rest{.parameters = problem.parameters, .seconds = {}, .law = {}};
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < problem.seconds.size(); ++i) {
    if (shape_of[i] != shape) {
      rest.seconds.push_back(problem.seconds[i]);
      rows.push_back(i);
    }
  }
  rest.law = [law = problem.law, rows](std::span<const double> theta, std::size_t i) {
    return law(theta, rows[i]);
  };
  return rest;
}

}  // namespace

FamilyFit fit_family(const FitProblem& problem, const std::vector<int>& shape_of, int shapes) {
  FamilyFit result{.all = fit(problem), .held_out = {}};
  if (shapes < kFewestShapes) {
    return result;
  }
  for (int shape = 0; shape < shapes; ++shape) {
    const FitProblem rest = without(problem, shape_of, shape);
    // Leaving out one of many shapes moves the minimum little: from there, and no other start.
    result.held_out.push_back(fit(rest, {.starts = shapes > 20 ? 0 : 1,
                                         .converged = 1e-6,
                                         .warm = result.all.theta,
                                         .warm_determined = result.all.determined})
                                  .theta);
  }
  return result;
}

models::FittedLaw law_from(const FitProblem& problem, const FitOutcome& outcome) {
  models::FittedLaw law;
  for (std::size_t i = 0; i < problem.parameters.size(); ++i) {
    if (outcome.theta[i] > 0.0) {
      law.theta[problem.parameters[i].name] = outcome.theta[i];
    }
    if (outcome.determined[i]) {
      law.covariance_of.push_back(problem.parameters[i].name);
    }
  }
  law.covariance = outcome.covariance;
  return law;
}

models::FitErrors errors_from(const FamilyReport& report) {
  return {.points = report.errors.points,
          .shapes = report.shapes,
          .median_abs_error = six_digits(report.errors.median_abs),
          .p90_abs_error = six_digits(report.errors.p90_abs),
          .max_abs_error = six_digits(report.errors.max_abs),
          .bias = six_digits(report.errors.bias),
          .leave_one_shape_out = report.leave_one_shape_out
                                     ? std::optional(models::FitErrors::HeldOut{
                                           six_digits(report.leave_one_shape_out->median),
                                           six_digits(report.leave_one_shape_out->p90)})
                                     : std::nullopt};
}

void cover(std::map<std::string, models::Interval>& domain, const std::string& axis, double value) {
  const auto [found, fresh] = domain.emplace(axis, models::Interval{value, value});
  if (!fresh) {
    found->second.low = std::min(found->second.low, value);
    found->second.high = std::max(found->second.high, value);
  }
}

}  // namespace moeplan::calibrate
