#include "calibrate/fitting/resample.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "calibrate/fitting/statistics.hpp"

namespace moeplan::calibrate {
namespace {

// Whole numbers from a counter (splitmix64): the same on every machine.
class Counter {
 public:
  explicit Counter(std::uint64_t seed) : state_(seed * 0x2545F4914F6CDD1Dull) {}
  std::size_t below(std::size_t n) {
    std::uint64_t z = (state_ += 0x9E3779B97F4A7C15ull);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
    z ^= z >> 31;
    return static_cast<std::size_t>(z % n);  // n is tiny against 2^64
  }

 private:
  std::uint64_t state_;
};

double median_of(const std::vector<double>& launches, const std::vector<std::size_t>& drawn) {
  std::vector<double> values;
  for (const std::size_t launch : drawn) {
    values.push_back(launches[launch % launches.size()]);  // some rows lack a launch
  }
  return quantile(std::move(values), 0.5);
}

}  // namespace

std::vector<std::vector<double>> resample(const FitProblem& problem, const FitOutcome& outcome) {
  std::size_t launches = 0;
  for (const std::vector<double>& row : problem.launches) {
    launches = std::max(launches, row.size());
  }
  std::vector<std::vector<double>> members;
  if (launches < 2) {
    return members;
  }
  const std::size_t rows = problem.seconds.size();
  for (int member = 0; member < kMembers; ++member) {
    Counter draw(static_cast<std::uint64_t>(member) + 1);
    std::vector<std::size_t> drawn(launches);
    for (std::size_t& launch : drawn) {
      launch = draw.below(launches);
    }
    FitProblem sample{.parameters = problem.parameters, .seconds = {}, .law = {}};
    std::vector<std::size_t> of;
    for (std::size_t i = 0; i < rows; ++i) {
      const std::size_t row = draw.below(rows);
      of.push_back(row);
      sample.seconds.push_back(problem.launches[row].empty()
                                   ? problem.seconds[row]
                                   : median_of(problem.launches[row], drawn));
    }
    sample.law = [&problem, &of](std::span<const double> theta, std::size_t i) {
      return problem.law(theta, of[i]);
    };
    const FitOutcome refit = fit(sample, {.starts = 0,
                                          .converged = 1e-6,
                                          .warm = outcome.theta,
                                          .warm_determined = outcome.determined});
    std::vector<double> shifts;
    for (std::size_t i = 0; i < outcome.theta.size(); ++i) {
      if (outcome.determined[i]) {
        shifts.push_back(
            refit.determined[i] ? six_digits(std::log(refit.theta[i] / outcome.theta[i])) : 0.0);
      }
    }
    members.push_back(std::move(shifts));
  }
  return members;
}

}  // namespace moeplan::calibrate
