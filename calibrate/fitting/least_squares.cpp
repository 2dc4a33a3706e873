#include "calibrate/fitting/least_squares.hpp"

#include <Eigen/Dense>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

constexpr double kFarthest = 9.2;        // |u - start|: a factor of 1e4
constexpr double kStep = 1e-6;           // of the forward differences, in u
constexpr int kScreening = 8;            // steps that every start makes
constexpr double kLargestSd = 1.0;       // of ln theta: 100 %
constexpr double kLeastVariance = 1e-4;  // of ln t: no duration is known better than to 1 %

// Uniform in (-1, 1) from a counter (splitmix64).
double signed_uniform(std::uint64_t counter) {
  std::uint64_t z = (counter + 1) * 0x9E3779B97F4A7C15ull;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  z ^= z >> 31;
  return (static_cast<double>(z >> 11) + 0.5) * 0x1.0p-52 - 1.0;
}

// The problem with some parameters held fixed.
class Reduced {
 public:
  Reduced(const FitProblem& problem, const std::vector<bool>& free) : problem_(problem) {
    for (std::size_t i = 0; i < problem.parameters.size(); ++i) {
      theta_.push_back(free[i] ? problem.parameters[i].start : problem.parameters[i].neutral);
      if (free[i]) {
        index_.push_back(i);
      }
    }
    log_measured_.reserve(problem.seconds.size());
    for (const double seconds : problem.seconds) {
      log_measured_.push_back(std::log(seconds));
    }
  }

  std::size_t size() const { return index_.size(); }
  std::size_t rows() const { return log_measured_.size(); }

  Eigen::VectorXd start() const {
    Eigen::VectorXd u(static_cast<Eigen::Index>(size()));
    for (std::size_t j = 0; j < size(); ++j) {
      u[static_cast<Eigen::Index>(j)] = std::log(problem_.parameters[index_[j]].start);
    }
    return u;
  }

  std::vector<double> theta(const Eigen::VectorXd& u) const {
    std::vector<double> theta = theta_;
    for (std::size_t j = 0; j < size(); ++j) {
      theta[index_[j]] = std::exp(u[static_cast<Eigen::Index>(j)]);
    }
    return theta;
  }

  Eigen::VectorXd residuals(const Eigen::VectorXd& u) const {
    const std::vector<double> values = theta(u);
    Eigen::VectorXd r(static_cast<Eigen::Index>(rows()));
    for (std::size_t i = 0; i < rows(); ++i) {
      const double seconds = problem_.law(values, i);
      require(seconds > 0.0, "a law must give a positive duration");
      r[static_cast<Eigen::Index>(i)] = std::log(seconds) - log_measured_[i];
    }
    return r;
  }

  // r: the residuals at u.
  Eigen::MatrixXd jacobian(const Eigen::VectorXd& u, const Eigen::VectorXd& r) const {
    Eigen::MatrixXd j(r.size(), u.size());
    for (Eigen::Index k = 0; k < u.size(); ++k) {
      Eigen::VectorXd up = u;
      up[k] += kStep;
      j.col(k) = (residuals(up) - r) / kStep;
    }
    return j;
  }

  std::size_t parameter(Eigen::Index free_index) const {
    return index_[static_cast<std::size_t>(free_index)];
  }

 private:
  const FitProblem& problem_;
  std::vector<double> theta_;
  std::vector<std::size_t> index_;
  std::vector<double> log_measured_;
};

double huber_cost(const Eigen::VectorXd& r, double k) {
  double sum = 0.0;
  for (Eigen::Index i = 0; i < r.size(); ++i) {
    const double a = std::abs(r[i]);
    sum += a <= k ? 0.5 * a * a : k * (a - 0.5 * k);
  }
  return sum;
}

Eigen::VectorXd huber_weights(const Eigen::VectorXd& r, double k) {
  Eigen::VectorXd w(r.size());
  for (Eigen::Index i = 0; i < r.size(); ++i) {
    const double a = std::abs(r[i]);
    w[i] = a <= k ? 1.0 : k / a;
  }
  return w;
}

struct Minimum {
  Eigen::VectorXd u;
  double cost = std::numeric_limits<double>::infinity();
};

Minimum descend(const Reduced& reduced, Eigen::VectorXd u, const FitOptions& options,
                int iterations) {
  const double huber = options.huber;
  const Eigen::VectorXd origin = reduced.start();
  Eigen::VectorXd r = reduced.residuals(u);
  double cost = huber_cost(r, huber);
  double lambda = 1e-3;
  for (int iteration = 0; iteration < iterations; ++iteration) {
    const Eigen::MatrixXd j = reduced.jacobian(u, r);
    const Eigen::VectorXd w = huber_weights(r, huber);
    const Eigen::MatrixXd normal = j.transpose() * w.asDiagonal() * j;
    const Eigen::VectorXd gradient = j.transpose() * w.cwiseProduct(r);
    bool better = false;
    double moved = 0.0;
    for (int tries = 0; tries < 12 && !better; ++tries) {
      Eigen::MatrixXd damped = normal;
      damped.diagonal() += lambda * (normal.diagonal().array() + 1e-9).matrix();
      const Eigen::VectorXd step = damped.ldlt().solve(gradient);
      Eigen::VectorXd next = u - step.cwiseMax(-1.0).cwiseMin(1.0);
      next = next.cwiseMax((origin.array() - kFarthest).matrix())
                 .cwiseMin((origin.array() + kFarthest).matrix());
      const Eigen::VectorXd next_r = reduced.residuals(next);
      const double next_cost = huber_cost(next_r, huber);
      if (next_cost < cost) {
        moved = std::max((next - u).cwiseAbs().maxCoeff(), (cost - next_cost) / cost);
        u = next;
        r = next_r;
        cost = next_cost;
        lambda = std::max(lambda * 0.2, 1e-12);
        better = true;
      } else {
        lambda *= 5.0;
      }
    }
    if (!better || moved < options.converged) {
      break;
    }
  }
  return {u, cost};
}

Minimum best_of(const Reduced& reduced, const FitOptions& options) {
  std::vector<Minimum> found;
  if (!options.warm.empty()) {
    Eigen::VectorXd u = reduced.start();
    for (Eigen::Index k = 0; k < u.size(); ++k) {
      u[k] = std::log(options.warm[reduced.parameter(k)]);
    }
    found.push_back(descend(reduced, u, options, kScreening));
  }
  for (int start = 0; start < options.starts; ++start) {
    Eigen::VectorXd u = reduced.start();
    for (Eigen::Index k = 0; start > 0 && k < u.size(); ++k) {
      u[k] += 0.7 * signed_uniform(options.seed * 1000003 + static_cast<std::uint64_t>(start) * 64 +
                                   static_cast<std::uint64_t>(reduced.parameter(k)));
    }
    found.push_back(descend(reduced, u, options, kScreening));
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Minimum& a, const Minimum& b) { return a.cost < b.cost; });
  Minimum best;
  for (std::size_t i = 0; i < std::min<std::size_t>(2, found.size()); ++i) {
    const Minimum end = descend(reduced, found[i].u, options, options.iterations);
    if (end.cost < best.cost * (1.0 - 1e-9)) {  // equal minima: the first one's
      best = end;
    }
  }
  return best;
}

// Covariance of u at the minimum: s^2 (J' W J)^-1, with tiny curvatures made finite.
Eigen::MatrixXd covariance_at(const Reduced& reduced, const Minimum& at, double huber) {
  const Eigen::VectorXd r = reduced.residuals(at.u);
  const Eigen::MatrixXd j = reduced.jacobian(at.u, r);
  const Eigen::VectorXd w = huber_weights(r, huber);
  Eigen::MatrixXd normal = j.transpose() * w.asDiagonal() * j;
  normal.diagonal().array() += 1e-9;
  const double freedom =
      std::max(1.0, static_cast<double>(r.size()) - static_cast<double>(at.u.size()));
  const double variance =
      std::max(kLeastVariance, w.cwiseProduct(r.cwiseProduct(r)).sum() / freedom);
  const Eigen::MatrixXd inverse =
      normal.ldlt().solve(Eigen::MatrixXd::Identity(normal.rows(), normal.cols()));
  return 0.5 * variance * (inverse + inverse.transpose());
}

}  // namespace

double six_digits(double value) {
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific, 5).ptr;
  double rounded = value;
  std::from_chars(buffer, end, rounded);
  return rounded;
}

FitOutcome fit(const FitProblem& problem, const FitOptions& options) {
  require(problem.seconds.size() >= problem.parameters.size(),
          "a fit needs at least as many rows as parameters");
  std::vector<bool> free(problem.parameters.size(), true);
  if (!options.warm_determined.empty()) {
    free = options.warm_determined;
  }
  for (;;) {
    const Reduced reduced(problem, free);
    const Minimum minimum = best_of(reduced, options);
    const Eigen::MatrixXd covariance = covariance_at(reduced, minimum, options.huber);
    const Eigen::VectorXd origin = reduced.start();
    Eigen::Index worst = -1;
    double worst_sd = kLargestSd;
    for (Eigen::Index k = 0; k < minimum.u.size(); ++k) {
      const bool ran_away = std::abs(minimum.u[k] - origin[k]) > kFarthest - 1e-6;
      const double sd = ran_away ? std::numeric_limits<double>::infinity()
                                 : std::sqrt(std::max(0.0, covariance(k, k)));
      if (sd > worst_sd) {
        worst = k;
        worst_sd = sd;
      }
    }
    if (worst >= 0) {
      free[reduced.parameter(worst)] = false;
      continue;
    }
    FitOutcome outcome{.theta = reduced.theta(minimum.u), .determined = free};
    for (std::size_t i = 0; i < outcome.theta.size(); ++i) {
      outcome.theta[i] = six_digits(outcome.theta[i]);
    }
    for (Eigen::Index i = 0; i < covariance.rows(); ++i) {
      std::vector<double> row;
      for (Eigen::Index k = 0; k < covariance.cols(); ++k) {
        row.push_back(six_digits(covariance(i, k)));
      }
      outcome.covariance.push_back(row);
    }
    outcome.cost = minimum.cost;
    return outcome;
  }
}

}  // namespace moeplan::calibrate
