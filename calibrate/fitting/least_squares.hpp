#pragma once
// Robust least squares of a law on the logarithm of durations. Parameters are positive and fitted
// as exp(u); the numbers found do not depend on anything but the input (fixed seeds, no threads).

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace moeplan::calibrate {

// A positive parameter of a law.
struct Parameter {
  std::string name;
  double start = 1.0;
  // What it becomes when the rows do not determine it: 0 switches its term off (the law must allow
  // that), a positive value is kept as it is.
  double neutral = 0.0;
};

struct FitProblem {
  std::vector<Parameter> parameters;
  std::vector<double> seconds;  // [rows], measured, > 0
  // Duration of row i by the law for the parameters theta [parameters]; > 0.
  std::function<double(std::span<const double> theta, std::size_t row)> law;
  // [rows][launches], s: what resample() draws from; empty, or empty rows: not told apart.
  std::vector<std::vector<double>> launches = {};
};

struct FitOptions {
  int starts = 8;           // the given one and seeded variations of it
  int iterations = 200;     // of the best start; the others are given up after a few
  double converged = 1e-9;  // largest step in ln theta and relative gain of the cost
  // [parameters], of a fit to more rows: a further start, and what was not determined there is
  // not tried again. Empty: none.
  std::vector<double> warm;
  std::vector<bool> warm_determined;
  double huber = 0.15;  // residuals in ln(t) beyond this weigh less
  std::uint64_t seed = 1;
};

struct FitOutcome {
  std::vector<double> theta;     // [parameters], 6 significant digits; neutral where not determined
  std::vector<bool> determined;  // [parameters]
  std::vector<std::vector<double>> covariance;  // of ln theta, determined ones only, in order
  double cost = 0.0;                            // sum of Huber losses at theta
};

// Levenberg-Marquardt with Huber weights, LDLT, forward differences in u. All starts make a few
// steps, the best two are finished, the better one wins. A parameter whose ln has a standard
// deviation above 1 (residuals below 1 % count as 1 %), or that runs 1e4 away from its start, is
// not determined: the worst one is set to its neutral value and the rest is fitted again.
// Throws: std::logic_error with fewer rows than parameters or a law that is not > 0.
FitOutcome fit(const FitProblem& problem, const FitOptions& options = {});

// theta rounded to 6 significant digits: what is stored is what is evaluated, on every compiler.
double six_digits(double value);

}  // namespace moeplan::calibrate
