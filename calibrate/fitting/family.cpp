#include "calibrate/fitting/family.hpp"

#include <algorithm>

#include "calibrate/fitting/resample.hpp"

namespace moeplan::calibrate {
namespace {

constexpr int kFewestGroups = 3;

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

std::vector<std::vector<double>> hold_out(const FitProblem& problem, const FitOutcome& all,
                                          const std::vector<int>& group_of, int groups) {
  std::vector<std::vector<double>> held_out;
  if (groups < kFewestGroups) {
    return held_out;
  }
  for (int group = 0; group < groups; ++group) {
    const FitProblem rest = without(problem, group_of, group);
    if (rest.seconds.size() < rest.parameters.size()) {
      return {};
    }
    // Leaving out one of many groups moves the minimum little: from there, and no other start.
    held_out.push_back(fit(rest, {.starts = groups > 20 ? 0 : 1,
                                  .converged = 1e-6,
                                  .warm = all.theta,
                                  .warm_determined = all.determined})
                           .theta);
  }
  return held_out;
}

FamilyFit fit_family(const FitProblem& problem, const std::vector<int>& shape_of, int shapes,
                     const std::vector<bool>& free) {
  FamilyFit result{.all = fit(problem, {.warm = {}, .warm_determined = free}), .held_out = {}};
  result.held_out = hold_out(problem, result.all, shape_of, shapes);
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
  law.ensemble = resample(problem, outcome);
  return law;
}

models::FitErrors errors_from(const FamilyReport& report) {
  const auto rounded = [](const std::optional<models::FitErrors::HeldOut>& errors) {
    return errors ? std::optional(models::FitErrors::HeldOut{six_digits(errors->median),
                                                             six_digits(errors->p90)})
                  : std::nullopt;
  };
  return {.points = report.errors.points,
          .shapes = report.shapes,
          .median_abs_error = six_digits(report.errors.median_abs),
          .p90_abs_error = six_digits(report.errors.p90_abs),
          .max_abs_error = six_digits(report.errors.max_abs),
          .bias = six_digits(report.errors.bias),
          .leave_one_shape_out = rounded(report.leave_one_shape_out),
          .leave_one_expert_count_out = rounded(report.leave_one_expert_count_out)};
}

void cover(std::map<std::string, models::Interval>& domain, const std::string& axis, double value) {
  const auto [found, fresh] = domain.emplace(axis, models::Interval{value, value});
  if (!fresh) {
    found->second.low = std::min(found->second.low, value);
    found->second.high = std::max(found->second.high, value);
  }
}

}  // namespace moeplan::calibrate
