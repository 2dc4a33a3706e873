#include "models/latency/draw_profile.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace moeplan::models {
namespace {

using Matrix = std::vector<std::vector<double>>;

// Lower triangle L with L L' = a, for a positive semidefinite a as a profile's reader has checked
// it: what rounding leaves of a pivot that should be zero counts as zero.
Matrix lower_root(const Matrix& a) {
  constexpr double kRounding = 1e-5;  // of the entry: they are stored with six digits
  const std::size_t n = a.size();
  Matrix root(n, std::vector<double>(n, 0.0));
  for (std::size_t j = 0; j < n; ++j) {
    double pivot = a[j][j];
    for (std::size_t k = 0; k < j; ++k) {
      pivot -= root[j][k] * root[j][k];
    }
    if (pivot <= kRounding * a[j][j]) {
      continue;
    }
    root[j][j] = std::sqrt(pivot);
    for (std::size_t i = j + 1; i < n; ++i) {
      double entry = a[i][j];
      for (std::size_t k = 0; k < j; ++k) {
        entry -= root[i][k] * root[j][k];
      }
      root[i][j] = entry / root[j][j];
    }
  }
  return root;
}

void take_member(double z, FittedLaw& law) {
  if (z == 0.0) {
    return;
  }
  const double phi = 0.5 * std::erfc(-z / std::sqrt(2.0));
  const auto members = static_cast<double>(law.ensemble.size());
  const auto member = static_cast<std::size_t>(std::min(members * phi, members - 1.0));
  for (std::size_t i = 0; i < law.covariance_of.size(); ++i) {
    law.theta[law.covariance_of[i]] *= std::exp(law.ensemble[member][i]);
  }
}

}  // namespace

Profile draw_profile(const Profile& profile, const NormalScores& scores) {
  Profile drawn = profile;
  for (std::size_t law = 0; law < drawn.laws.size(); ++law) {
    FittedLaw& fitted = drawn.laws[law];
    if (!fitted.ensemble.empty()) {
      take_member(scores(law, 0), fitted);
      continue;
    }
    const Matrix root = lower_root(fitted.covariance);
    std::vector<double> z;
    for (std::size_t i = 0; i < root.size(); ++i) {
      z.push_back(scores(law, i));
      double shift = 0.0;
      for (std::size_t k = 0; k <= i; ++k) {
        shift += root[i][k] * z[k];
      }
      fitted.theta[fitted.covariance_of[i]] *= std::exp(shift);
    }
  }
  return drawn;
}

}  // namespace moeplan::models
