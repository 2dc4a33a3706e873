#include "sim/workload/length_distribution.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <stdexcept>
#include <vector>

#include "sim/engine/random_stream.hpp"

namespace moeplan::sim {
namespace {

constexpr std::uint64_t kLastWord = ~std::uint64_t{0};

struct Parameters {
  double median;
  double sigma;
  std::int32_t min;
  std::int32_t max;
};

LogNormalLength make(const Parameters& p) {
  return LogNormalLength::from_median(p.median, p.sigma, p.min, p.max);
}

// P(n) straight from its definition, n in [min, max], in long double; each difference is taken in
// the tail where it keeps its digits.
std::vector<long double> probabilities(const Parameters& p) {
  const auto interval = [&](long double low, long double high) {
    const long double scale = p.sigma * std::sqrt(2.0L);
    const long double a = (std::log(low) - std::log(static_cast<long double>(p.median))) / scale;
    const long double b = (std::log(high) - std::log(static_cast<long double>(p.median))) / scale;
    return a > 0 ? (std::erfc(a) - std::erfc(b)) / 2 : (std::erfc(-b) - std::erfc(-a)) / 2;
  };
  const long double within = interval(p.min - 0.5L, p.max + 0.5L);
  std::vector<long double> share;
  for (std::int64_t n = p.min; n <= p.max; ++n) {
    share.push_back(
        interval(static_cast<long double>(n) - 0.5L, static_cast<long double>(n) + 0.5L) / within);
  }
  return share;
}

const Parameters kCases[] = {
    {760.0, 0.985, 2, 14050},      // a chat prompt
    {151.0, 0.859, 7, 1000},       // a chat answer, 1.4 % of the tail cut
    {6227.0, 1.2, 891, 126195},    // long context: beyond the 2^16 terms summed one by one
    {200.0, 1.4, 1, 200000},       //
    {200000.0, 0.5, 1, 500000},    // most of the window far beyond 2^16
    {200000.0, 0.001, 1, 400000},  // narrow: everything certain below, impossible above
    {3.0, 3.0, 1, 200000},         // wide: rounding and both cuts matter
    {0.05, 2.0, 1, 100},           // only the upper tail is within
    {1000.0, 0.3, 1, 400},         // only the lower tail
    {1000.0, 1.0, 1000, 1000},     // a window of one
    {1000.0, 0.3, 3975, 9000},     // 2e-6 of the upper tail: nearly refused
    {1000.0, 0.3, 1, 252},         // and of the lower
};

TEST(LogNormalLength, MeanIsThatOfItsProbabilities) {
  for (const Parameters& p : kCases) {
    long double mean = 0.0L;
    long double total = 0.0L;
    long double n = p.min;
    for (const long double share : probabilities(p)) {
      mean += n * share;
      total += share;
      n += 1.0L;
    }
    ASSERT_NEAR(static_cast<double>(total), 1.0, 1e-12);
    EXPECT_NEAR(make(p).mean() / static_cast<double>(mean), 1.0, 1e-9)
        << p.median << " " << p.sigma << " " << p.min << " " << p.max;
  }
}

// The untruncated mean is exp(mu + sigma^2 / 2); a window of practically everything, at lengths
// where whole tokens are fine enough (rounding keeps the mean of a smooth density), comes back to
// it.
TEST(LogNormalLength, FromMeanKeepsTheMeanWhereNothingIsCut) {
  EXPECT_NEAR(LogNormalLength::from_mean(5000.0, 0.4, 1, 2'000'000'000).mean(), 5000.0, 1e-5);
  const LogNormalLength cut = LogNormalLength::from_mean(5000.0, 0.4, 1, 5000);
  EXPECT_NEAR(std::exp(cut.mu() + 0.08), 5000.0, 1e-9);
  EXPECT_LT(cut.mean(), 4500.0);
}

// The share of words that give n is P(n): the distribution function of the samples, read at evenly
// spaced words, steps over (k + 1/2) / 4096 where the sum of P does.
TEST(LogNormalLength, SamplesAreTheInverseOfTheDistributionFunction) {
  constexpr std::uint64_t kWords = 4096;
  for (const Parameters& p : kCases) {
    const LogNormalLength length = make(p);
    const std::vector<long double> share = probabilities(p);
    long double below = 0.0L;
    std::size_t cell = 0;
    std::int32_t previous = p.min;
    for (std::uint64_t k = 0; k < kWords; ++k) {
      const double u = (static_cast<double>(k) + 0.5) / kWords;
      const auto word = static_cast<std::uint64_t>(u * 0x1p64);
      while (cell + 1 < share.size() && below + share[cell] < u) {
        below += share[cell++];
      }
      const std::int32_t sample = length.sample(word);
      ASSERT_GE(sample, previous);  // increasing in the word
      previous = sample;
      const std::int32_t expected = p.min + static_cast<std::int32_t>(cell);
      if (sample != expected) {  // only where u stands on the step itself
        const long double step = sample > expected ? below + share[cell] : below;
        ASSERT_NEAR(static_cast<double>(step), u, 1e-9) << sample << " for " << expected;
        ASSERT_EQ(std::abs(sample - expected), 1);
      }
    }
  }
}

TEST(LogNormalLength, SamplesStayWithinTheWindowForEveryWord) {
  for (const Parameters& p : kCases) {
    const LogNormalLength length = make(p);
    RandomStream random(1, "words");
    for (int i = 0; i < 2000; ++i) {
      const std::int32_t sample = length.sample(random.next());
      ASSERT_GE(sample, p.min);
      ASSERT_LE(sample, p.max);
    }
    EXPECT_GE(length.sample(0), p.min);
    EXPECT_LE(length.sample(kLastWord), p.max);
  }
  // Nothing piles up at a cut: of {1000, 0.3, 1, 400}, P(400) is about 3 % of the window, where
  // clamping of the untruncated law would put more than 99.8 %.
  EXPECT_EQ(make({1000.0, 0.3, 1, 400}).sample(kLastWord), 400);
  EXPECT_LT(make({1000.0, 0.3, 1, 400}).sample(kLastWord / 2), 400);
}

// The mean of a million samples lies within 3 standard errors of mean().
TEST(LogNormalLength, SampleMeanIsTheMean) {
  for (const Parameters& p : kCases) {
    const LogNormalLength length = make(p);
    RandomStream random(2, "lengths");
    constexpr double kDraws = 1e6;
    double sum = 0.0;
    double squares = 0.0;
    for (int i = 0; i < static_cast<int>(kDraws); ++i) {
      const double deviation = length.sample(random.next()) - length.mean();
      sum += deviation;
      squares += deviation * deviation;
    }
    const double standard_error = std::sqrt(squares / kDraws / kDraws);
    EXPECT_LE(std::fabs(sum / kDraws), 3.0 * standard_error) << p.median << " " << p.sigma;
  }
}

TEST(LogNormalLength, SaysWhatIsWrong) {
  EXPECT_EQ(LogNormalLength::problem(100.0, 1.0, 1, 1000), std::nullopt);
  const Parameters wrong[] = {
      {0.0, 1.0, 1, 10},   {-5.0, 1.0, 1, 10},   {std::nan(""), 1.0, 1, 10}, {INFINITY, 1.0, 1, 10},
      {100.0, 0.0, 1, 10}, {100.0, -1.0, 1, 10}, {100.0, 11.0, 1, 10},       {100.0, NAN, 1, 10},
      {100.0, 1.0, 0, 10}, {100.0, 1.0, 20, 10}, {100.0, 0.1, 5000, 9000},   {100.0, 0.1, 1, 5},
      {1e6, 0.1, 1, 10},
  };
  for (const Parameters& p : wrong) {
    EXPECT_TRUE(LogNormalLength::problem(p.median, p.sigma, p.min, p.max).has_value());
    EXPECT_THROW(make(p), std::logic_error);
  }
  EXPECT_NE(LogNormalLength::problem(100.0, 1.0, 20, 10)->find("min 20 and max 10"),
            std::string::npos);
}

// 5 lengths, 8..12: the k-th fifth of the words gives 8 + k. floor(2^64 / 5) = 3689348814741910323,
// and 2^64 = 5 x that + 1: the first length owns one word more, so the borders are at
// 1 + k 3689348814741910323.
TEST(UniformLength, EveryLengthOwnsAnEqualShareOfTheWords) {
  const UniformLength length(8, 12);
  constexpr std::uint64_t kFifth = 3689348814741910323u;
  EXPECT_EQ(length.sample(0), 8);
  EXPECT_EQ(length.sample(kLastWord), 12);
  for (std::uint64_t k = 1; k <= 4; ++k) {
    const auto expected = static_cast<std::int32_t>(8 + k);
    EXPECT_EQ(length.sample(k * kFifth), expected - 1) << k;
    EXPECT_EQ(length.sample(k * kFifth + 1), expected) << k;
  }
  EXPECT_EQ(length.mean(), 10.0);
  EXPECT_EQ(length.longest(), 12);
}

TEST(UniformLength, OneLengthAndTheWidestWindow) {
  EXPECT_EQ(UniformLength(7, 7).sample(0), 7);
  EXPECT_EQ(UniformLength(7, 7).sample(kLastWord), 7);
  constexpr std::int32_t kMost = std::numeric_limits<std::int32_t>::max();
  const UniformLength all(1, kMost);
  EXPECT_EQ(all.sample(0), 1);
  EXPECT_EQ(all.sample(kLastWord), kMost);
  EXPECT_EQ(all.mean(), 1073741824.0);  // (1 + 2^31 - 1) / 2
}

TEST(UniformLength, SaysWhatIsWrong) {
  EXPECT_EQ(UniformLength::problem(1, 1), std::nullopt);
  EXPECT_NE(UniformLength::problem(20, 10)->find("min 20 and max 10"), std::string::npos);
  EXPECT_TRUE(UniformLength::problem(0, 10).has_value());
  EXPECT_THROW(UniformLength(0, 10), std::logic_error);
  EXPECT_THROW(UniformLength(20, 10), std::logic_error);
}

TEST(LengthDistribution, FixedIsFixed) {
  const LengthDistribution fixed = FixedLength{128};
  EXPECT_EQ(sample_length(fixed, 0), 128);
  EXPECT_EQ(sample_length(fixed, kLastWord), 128);
  EXPECT_EQ(mean_length(fixed), 128.0);
  EXPECT_EQ(longest_length(fixed), 128);
}

TEST(LengthDistribution, VariantAnswersForItsAlternative) {
  const LogNormalLength law = make({151.0, 0.859, 7, 1000});
  const LengthDistribution length = law;
  EXPECT_EQ(sample_length(length, kLastWord / 3), law.sample(kLastWord / 3));
  EXPECT_EQ(mean_length(length), law.mean());
  EXPECT_EQ(longest_length(length), 1000);
}

}  // namespace
}  // namespace moeplan::sim
