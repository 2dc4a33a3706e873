#pragma once
// How many tokens a prompt or an answer has: one random word in, one whole number out. A new
// distribution is one more alternative of LengthDistribution.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace moeplan::sim {

struct FixedLength {
  std::int32_t tokens;  // >= 1
  std::int32_t sample(std::uint64_t word) const;
  double mean() const { return static_cast<double>(tokens); }
  std::int32_t longest() const { return tokens; }
};

// The whole number nearest to exp(mu + sigma Z), Z standard normal, under the condition that it
// lies in [min, max]: what falls outside is drawn again (done by inversion, so one word is one
// length), and no weight piles up at the ends.
//   P(n) = [F(n + 1/2) - F(n - 1/2)] / [F(max + 1/2) - F(min - 1/2)],  F(x) = Phi((ln x -
//   mu)/sigma)
class LogNormalLength {
 public:
  // What is wrong with the parameters, in a sentence for the user; nullopt if they are valid:
  // median in (0, 1e9] tokens, sigma in (0, 10] (of the natural logarithm), 1 <= min <= max, and at
  // least 1e-6 of the untruncated distribution within [min, max].
  static std::optional<std::string> problem(double median, double sigma, std::int32_t min,
                                            std::int32_t max);
  // Throws: std::logic_error where problem() says something (check user input with it first).
  static LogNormalLength from_median(double median, double sigma, std::int32_t min,
                                     std::int32_t max);
  // mean: of the distribution before truncation; the same as from_median(mean exp(-sigma^2 / 2),
  // ...).
  static LogNormalLength from_mean(double mean, double sigma, std::int32_t min, std::int32_t max);

  double mu() const { return mu_; }
  double sigma() const { return sigma_; }
  std::int32_t min() const { return min_; }
  std::int32_t max() const { return max_; }

  std::int32_t sample(std::uint64_t word) const;
  // Mean of the truncated, rounded lengths: min + sum over n in [min, max) of P(length > n);
  // relative error below 1e-9. Computed once, at construction.
  double mean() const { return mean_; }
  std::int32_t longest() const { return max_; }

 private:
  LogNormalLength(double mu, double sigma, std::int32_t min, std::int32_t max);
  double mu_;
  double sigma_;
  std::int32_t min_;
  std::int32_t max_;
  double start_ = 0.0;   // F(min - 1/2)
  double within_ = 0.0;  // F(max + 1/2) - F(min - 1/2)
  double mean_ = 0.0;
};

// Every whole number of [min, max] equally likely, as benchmark clients draw lengths.
class UniformLength {
 public:
  // What is wrong with the limits, for the user; nullopt if 1 <= min <= max.
  static std::optional<std::string> problem(std::int32_t min, std::int32_t max);
  // Throws: std::logic_error where problem() says something.
  UniformLength(std::int32_t min, std::int32_t max);

  std::int32_t min() const { return min_; }
  std::int32_t max() const { return max_; }

  // min + floor(word (max - min + 1) / 2^64): no length's share of the words is off by more than
  // one word.
  std::int32_t sample(std::uint64_t word) const;
  double mean() const { return 0.5 * (static_cast<double>(min_) + static_cast<double>(max_)); }
  std::int32_t longest() const { return max_; }

 private:
  std::int32_t min_;
  std::int32_t max_;
};

// The lengths of recorded requests, each equally likely. Two of them made from the prompts and the
// outputs of the same requests give the pair of one request for one word: that is how the
// correlation between prompt and output is kept (RequestMix::joint_lengths).
class EmpiricalLength {
 public:
  // lengths: at least one, all >= 1; shared, never copied. Throws: std::logic_error otherwise.
  explicit EmpiricalLength(std::vector<std::int32_t> lengths);

  std::span<const std::int32_t> lengths() const { return *lengths_; }
  // lengths[floor(word n / 2^64)].
  std::int32_t sample(std::uint64_t word) const;
  double mean() const { return mean_; }
  std::int32_t longest() const { return longest_; }

 private:
  std::shared_ptr<const std::vector<std::int32_t>> lengths_;
  double mean_ = 0.0;
  std::int32_t longest_ = 0;
};

using LengthDistribution =
    std::variant<FixedLength, LogNormalLength, UniformLength, EmpiricalLength>;

std::int32_t sample_length(const LengthDistribution& distribution, std::uint64_t word);
double mean_length(const LengthDistribution& distribution);
std::int32_t longest_length(const LengthDistribution& distribution);

}  // namespace moeplan::sim
