#include "models/accuracy/accuracy_curve.hpp"

#include <algorithm>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

// Slopes of the monotone cubic of Fritsch and Carlson (SIAM J. Numer. Anal. 17, 1980), with the
// weighted harmonic mean of Fritsch and Butland (1984) inside and its one-sided ends.
std::vector<double> monotone_slopes(const std::vector<double>& x, const std::vector<double>& y) {
  const std::size_t n = x.size();
  std::vector<double> slopes(n, 0.0);
  if (n < 2) {
    return slopes;
  }
  std::vector<double> h(n - 1);
  std::vector<double> secant(n - 1);
  for (std::size_t i = 0; i + 1 < n; ++i) {
    h[i] = x[i + 1] - x[i];
    secant[i] = (y[i + 1] - y[i]) / h[i];
  }
  if (n == 2) {
    slopes[0] = slopes[1] = secant[0];
    return slopes;
  }
  for (std::size_t i = 1; i + 1 < n; ++i) {
    if (secant[i - 1] * secant[i] > 0.0) {
      const double a = 2.0 * h[i] + h[i - 1];
      const double b = h[i] + 2.0 * h[i - 1];
      slopes[i] = (a + b) / (a / secant[i - 1] + b / secant[i]);
    }
  }
  const auto end = [](double h0, double h1, double s0, double s1) {
    double slope = ((2.0 * h0 + h1) * s0 - h0 * s1) / (h0 + h1);
    if (slope * s0 <= 0.0) {
      slope = 0.0;
    } else if (s0 * s1 <= 0.0 && std::fabs(slope) > 3.0 * std::fabs(s0)) {
      slope = 3.0 * s0;
    }
    return slope;
  };
  slopes[0] = end(h[0], h[1], secant[0], secant[1]);
  slopes[n - 1] = end(h[n - 2], h[n - 3], secant[n - 2], secant[n - 3]);
  return slopes;
}

AccuracyEstimate with_band(double value, const std::optional<double>& standard_error,
                           double confidence) {
  AccuracyEstimate out;
  out.value = value;
  out.has_band = standard_error.has_value();
  const double half = out.has_band ? two_sided_quantile(confidence) * *standard_error : 0.0;
  out.low = value - half;
  out.high = value + half;
  return out;
}

}  // namespace

double binomial_standard_error(double p, std::int64_t n) {
  require(p >= 0.0 && p <= 1.0 && n > 0, "a binomial error needs 0 <= p <= 1 and n > 0");
  return std::sqrt(p * (1.0 - p) / static_cast<double>(n));
}

double two_sided_quantile(double confidence) {
  require(confidence > 0.0 && confidence < 1.0, "a confidence is between 0 and 1");
  // erf(z / sqrt 2) = confidence by bisection: exact to the last bits, and not on a hot path.
  double low = 0.0;
  double high = 40.0;
  for (int i = 0; i < 80; ++i) {
    const double middle = 0.5 * (low + high);
    (std::erf(middle / std::sqrt(2.0)) < confidence ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

AccuracyCurve::AccuracyCurve(AccuracyDescription description, std::vector<AccuracyPoint> points)
    : description_(std::move(description)), points_(std::move(points)) {
  require(!points_.empty(), "an accuracy curve has points");
  std::sort(points_.begin(), points_.end(), [](const AccuracyPoint& a, const AccuracyPoint& b) {
    return a.experts_kept < b.experts_kept;
  });
  std::vector<double> x;
  std::vector<double> y;
  for (const AccuracyPoint& point : points_) {
    require(point.value >= 0.0 && point.value <= 1.0, "an accuracy is a fraction");
    const auto kept = static_cast<double>(point.experts_kept);
    require(x.empty() || kept > x.back(), "one accuracy for every number of experts kept");
    x.push_back(kept);
    y.push_back(point.value);
  }
  slopes_ = monotone_slopes(x, y);
}

const AccuracyPoint* AccuracyCurve::unpruned() const {
  for (const AccuracyPoint& point : points_) {
    if (point.experts_kept == description_.pretrained_experts) {
      return &point;
    }
  }
  return nullptr;
}

// Cubic Hermite between the points i and i + 1; t in 0..1.
double AccuracyCurve::interpolate(std::size_t i, double t) const {
  const double h = static_cast<double>(points_[i + 1].experts_kept - points_[i].experts_kept);
  const double t2 = t * t;
  const double t3 = t2 * t;
  return (2.0 * t3 - 3.0 * t2 + 1.0) * points_[i].value + (t3 - 2.0 * t2 + t) * h * slopes_[i] +
         (3.0 * t2 - 2.0 * t3) * points_[i + 1].value + (t3 - t2) * h * slopes_[i + 1];
}

std::optional<AccuracyEstimate> AccuracyCurve::at(std::int64_t kept, double confidence) const {
  if (kept < smallest() || kept > largest()) {
    return std::nullopt;
  }
  const auto above = std::lower_bound(
      points_.begin(), points_.end(), kept,
      [](const AccuracyPoint& point, std::int64_t k) { return point.experts_kept < k; });
  if (above->experts_kept == kept) {
    AccuracyEstimate out = with_band(above->value, above->standard_error, confidence);
    out.measured = true;
    out.samples = above->samples;
    return out;
  }
  const auto below = above - 1;
  const double t = static_cast<double>(kept - below->experts_kept) /
                   static_cast<double>(above->experts_kept - below->experts_kept);
  std::optional<double> error;
  if (below->standard_error && above->standard_error) {
    error = std::max(*below->standard_error, *above->standard_error);
  }
  const auto index = static_cast<std::size_t>(below - points_.begin());
  AccuracyEstimate out = with_band(interpolate(index, t), error, confidence);
  out.samples = std::min(below->samples, above->samples);
  return out;
}

std::optional<AccuracyEstimate> AccuracyCurve::change(std::int64_t kept, double confidence) const {
  const AccuracyPoint* reference = unpruned();
  const std::optional<AccuracyEstimate> there = at(kept, confidence);
  if (reference == nullptr || !there) {
    return std::nullopt;
  }
  if (kept == description_.pretrained_experts) {
    AccuracyEstimate same;
    same.measured = true;
    same.has_band = true;
    same.samples = reference->samples;
    return same;
  }
  std::optional<double> error;
  if (there->has_band && reference->standard_error) {
    const double own = 0.5 * (there->high - there->low) / two_sided_quantile(confidence);
    error = std::hypot(own, *reference->standard_error);
  }
  AccuracyEstimate out = with_band(there->value - reference->value, error, confidence);
  out.measured = there->measured;
  out.samples = std::min(there->samples, reference->samples);
  return out;
}

bool AccuracyCurve::distinguishable(std::int64_t kept, double confidence) const {
  const std::optional<AccuracyEstimate> difference = change(kept, confidence);
  return difference && difference->has_band && (difference->high < 0.0 || difference->low > 0.0);
}

}  // namespace moeplan::models
