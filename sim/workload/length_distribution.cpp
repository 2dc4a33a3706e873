#include "sim/workload/length_distribution.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "models/units/require.hpp"
#include "sim/engine/random_stream.hpp"

namespace moeplan::sim {

namespace {

constexpr double kLeastShare = 1e-6;

// Upper tail of the standard normal; keeps its relative accuracy for large z.
double upper_tail(double z) { return 0.5 * std::erfc(z / std::numbers::sqrt2); }

struct LogNormal {
  double mu;
  double sigma;
  double z(double x) const { return (std::log(x) - mu) / sigma; }
  double cumulative(double x) const { return upper_tail(-z(x)); }
  double survival(double x) const { return upper_tail(z(x)); }
  double density(double x) const {
    const double at = z(x);
    return std::exp(-0.5 * at * at) / (x * sigma * std::sqrt(2.0 * std::numbers::pi));
  }
  // Integral of survival(x) over [a, b], by parts: b S(b) - a S(a) + integral of x density(x).
  double survival_integral(double a, double b) const {
    const double untruncated_mean = std::exp(mu + 0.5 * sigma * sigma);
    return b * survival(b) - a * survival(a) +
           untruncated_mean * (upper_tail(sigma - z(b)) - upper_tail(sigma - z(a)));
  }
};

// Probability of (low, high]. At least kLeastShare, of which rounding (2^-53) leaves 9 digits.
double window_share(const LogNormal& law, double low, double high) {
  return law.cumulative(high) - law.cumulative(low);
}

// Sum over whole n in [first, last) of survival(n + 1/2): term by term while the law bends within
// kSmooth tokens (its scale at x is sigma x), or where all terms are few; the rest is the midpoint
// rule read backwards, the integral with the first correction of Euler and Maclaurin,
//   sum = integral + [density(last) - density(from)] / 24,
// off by about 7/5760 density / kSmooth^2 at both ends, 1e-10 tokens.
double survival_sum(const LogNormal& law, double first, double last) {
  constexpr double kSmooth = 256.0;
  constexpr double kFew = 4096.0;
  constexpr double kOneByOne = 65536.0;  // at most
  const double bends = std::clamp(std::ceil(kSmooth / law.sigma), first, first + kOneByOne);
  const double from = last - first <= kFew ? last : std::min(last, bends);
  double sum = 0.0;
  for (double n = first; n < from; n += 1.0) {
    sum += law.survival(n + 0.5);
  }
  if (from < last) {
    sum += law.survival_integral(from, last) + (law.density(last) - law.density(from)) / 24.0;
  }
  return sum;
}

// min + sum over n in [min, max) of P(length > n), P(length > n) = [S(n + 1/2) - S(max + 1/2)] /
// within. Ten sigma from the median the sum has no digits left: S is 1 below, 0 above.
double truncated_mean(const LogNormal& law, double min, double max, double within) {
  const double certain = std::floor(std::exp(law.mu - 10.0 * law.sigma));
  const double impossible = std::ceil(std::exp(law.mu + 10.0 * law.sigma));
  const double first = std::clamp(certain, min, max);
  const double last = std::clamp(impossible, first, max);
  const double sum = (first - min) + survival_sum(law, first, last);
  return min + (sum - (max - min) * law.survival(max + 0.5)) / within;
}

constexpr std::uint64_t kMostScaled = std::uint64_t{1} << 31;

// floor(word count / 2^64), count at most 2^31: upper 64 bits of the product, from two 32-bit
// halves.
std::uint64_t scaled(std::uint64_t word, std::uint64_t count) {
  const std::uint64_t low = (word & 0xffffffffu) * count;
  const std::uint64_t high = (word >> 32) * count + (low >> 32);
  return high >> 32;
}

}  // namespace

std::int32_t FixedLength::sample(std::uint64_t) const { return tokens; }

std::optional<std::string> LogNormalLength::problem(double median, double sigma, std::int32_t min,
                                                    std::int32_t max) {
  if (!(median > 0.0 && median <= 1e9)) {
    return fmt::format("the median must be above 0 and at most 1e9 tokens, got {}", median);
  }
  if (!(sigma > 0.0 && sigma <= 10.0)) {
    return fmt::format("sigma must be above 0 and at most 10, got {}", sigma);
  }
  if (min < 1 || max < min) {
    return fmt::format("the limits must satisfy 1 <= min <= max, got min {} and max {}", min, max);
  }
  const double share = window_share({std::log(median), sigma}, min - 0.5, max + 0.5);
  if (!(share >= kLeastShare)) {
    return fmt::format(
        "only {:.2g} of the log-normal with median {} and sigma {} lies within {}..{} tokens; at "
        "least {} must",
        share, median, sigma, min, max, kLeastShare);
  }
  return std::nullopt;
}

LogNormalLength LogNormalLength::from_median(double median, double sigma, std::int32_t min,
                                             std::int32_t max) {
  require(!problem(median, sigma, min, max).has_value(), "invalid log-normal length parameters");
  return LogNormalLength(std::log(median), sigma, min, max);
}

LogNormalLength LogNormalLength::from_mean(double mean, double sigma, std::int32_t min,
                                           std::int32_t max) {
  return from_median(mean * std::exp(-0.5 * sigma * sigma), sigma, min, max);
}

LogNormalLength::LogNormalLength(double mu, double sigma, std::int32_t min, std::int32_t max)
    : mu_(mu), sigma_(sigma), min_(min), max_(max) {
  const LogNormal law{mu, sigma};
  start_ = law.cumulative(min - 0.5);
  within_ = window_share(law, min - 0.5, max + 0.5);
  mean_ = truncated_mean(law, min, max, within_);
}

std::int32_t LogNormalLength::sample(std::uint64_t word) const {
  // Rounding may reach 1, where the quantile is infinite.
  const double p = std::min(start_ + unit_interval(word) * within_, 1.0 - 0x1p-53);
  const double length = std::round(std::exp(mu_ + sigma_ * normal_quantile(p)));
  return static_cast<std::int32_t>(
      std::clamp(length, static_cast<double>(min_), static_cast<double>(max_)));
}

std::optional<std::string> UniformLength::problem(std::int32_t min, std::int32_t max) {
  if (min < 1 || max < min) {
    return fmt::format("the limits must satisfy 1 <= min <= max, got min {} and max {}", min, max);
  }
  return std::nullopt;
}

UniformLength::UniformLength(std::int32_t min, std::int32_t max) : min_(min), max_(max) {
  require(!problem(min, max).has_value(), "invalid uniform length limits");
}

std::int32_t UniformLength::sample(std::uint64_t word) const {
  const std::uint64_t count = static_cast<std::uint64_t>(max_ - min_) + 1;
  return static_cast<std::int32_t>(min_ + static_cast<std::int64_t>(scaled(word, count)));
}

EmpiricalLength::EmpiricalLength(std::vector<std::int32_t> lengths)
    : lengths_(std::make_shared<const std::vector<std::int32_t>>(std::move(lengths))) {
  require(!lengths_->empty() && lengths_->size() <= kMostScaled,
          "empirical lengths need 1 to 2^31 requests");
  std::int64_t sum = 0;
  for (const std::int32_t length : *lengths_) {
    require(length >= 1, "an empirical length has at least one token");
    sum += length;
    longest_ = std::max(longest_, length);
  }
  mean_ = static_cast<double>(sum) / static_cast<double>(lengths_->size());
}

std::int32_t EmpiricalLength::sample(std::uint64_t word) const {
  return (*lengths_)[scaled(word, lengths_->size())];
}

std::int32_t sample_length(const LengthDistribution& distribution, std::uint64_t word) {
  return std::visit([word](const auto& d) { return d.sample(word); }, distribution);
}

double mean_length(const LengthDistribution& distribution) {
  return std::visit([](const auto& d) { return d.mean(); }, distribution);
}

std::int32_t longest_length(const LengthDistribution& distribution) {
  return std::visit([](const auto& d) { return d.longest(); }, distribution);
}

}  // namespace moeplan::sim
