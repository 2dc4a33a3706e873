// Loads of ranks: the expectations of Routing that depend on where experts are placed.

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "models/routing/draws.hpp"
#include "models/routing/few_pairs.hpp"
#include "models/routing/routing.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

constexpr double kExactPairs = 32.0;    // of all ranks, up to which the sum is conditioned on
constexpr double kDiscreteMean = 64.0;  // of the busiest rank, from which on normal is used
constexpr double kRounding = 1e-9;  // which side of a bound whole numbers take, whatever their sum

// 1 - (1 - q)^tokens; linear below one token, so that it never exceeds the pairs.
double active_probability(double q, double log_exclusion, double tokens) {
  return tokens < 1.0 ? tokens * q : -std::expm1(tokens * log_exclusion);
}

// The pairs of one rank as a random variable of known mean, variance and largest value.
struct Load {
  double mean = 0.0;
  double variance = 0.0;
  double most = 0.0;
};

// Binomial with the mean and variance of a load (success p = 1 - variance / mean, real number of
// trials n = mean / p; Poisson for p = 0), stepped through n = 0, 1, 2, ...
class Steps {
 public:
  explicit Steps(const Load& load) : most_(load.most) {
    p_ = load.mean > 0.0 ? std::max(0.0, 1.0 - load.variance / load.mean) : 0.0;
    poisson_ = p_ < 1e-9;
    mean_ = load.mean;
    trials_ = poisson_ ? 0.0 : load.mean / p_;
    const double log_none = poisson_ ? -mean_ : trials_ * std::log1p(-std::min(p_, 1.0 - 1e-9));
    probability_ = std::exp(log_none);
    cumulative_ = probability_;
  }
  double probability() const { return probability_; }
  // P(pairs <= n) of the current n.
  double at_most() const {
    return static_cast<double>(n_) >= most_ || done_ ? 1.0 : std::min(1.0, cumulative_);
  }
  void next() {
    const double n = static_cast<double>(n_);
    ++n_;
    if (done_) {
      probability_ = 0.0;
      return;
    }
    if (poisson_) {
      probability_ *= mean_ / (n + 1.0);
    } else {
      const double q = 1.0 - std::min(p_, 1.0 - 1e-9);
      probability_ *= std::max(0.0, trials_ - n) / (n + 1.0) * (1.0 - q) / q;
      done_ = trials_ - n <= 1.0 && trials_ - n > 0.0;  // the last value there is
    }
    cumulative_ += probability_;
  }

 private:
  double most_;
  double p_ = 0.0;
  bool poisson_ = false;
  double mean_ = 0.0;
  double trials_ = 0.0;
  double probability_ = 0.0;
  double cumulative_ = 0.0;
  std::int64_t n_ = 0;
  bool done_ = false;
};

// [ranks x total + 1], probabilities of 0 .. total pairs on every rank, taken by itself.
std::vector<double> pairs_of(const std::vector<Load>& loads, std::size_t total) {
  std::vector<double> pmf;
  for (const Load& load : loads) {
    Steps steps(load);
    for (std::size_t n = 0; n <= total; ++n, steps.next()) {
      pmf.push_back(static_cast<double>(n) <= load.most ? steps.probability() : 0.0);
    }
  }
  return pmf;
}

// The same for a single token: every expert is used or not, with its own probability.
// uniform: ranks of equally many experts are alike.
std::vector<double> pairs_of_one_token(const std::vector<double>& inclusion, int ranks,
                                       std::size_t total, bool uniform) {
  std::vector<double> pmf(static_cast<std::size_t>(ranks) * (total + 1), 0.0);
  ExpertRange before;
  for (int rank = 0; rank < ranks; ++rank) {
    double* p = &pmf[static_cast<std::size_t>(rank) * (total + 1)];
    const ExpertRange range =
        experts_of_rank(static_cast<std::int64_t>(inclusion.size()), ranks, rank);
    if (uniform && rank > 0 && range.end - range.begin == before.end - before.begin) {
      std::copy_n(p - (total + 1), total + 1, p);
      continue;
    }
    before = range;
    p[0] = 1.0;
    for (std::int64_t e = range.begin; e < range.end; ++e) {
      const double q = inclusion[static_cast<std::size_t>(e)];
      for (std::size_t n = total; n > 0; --n) {
        p[n] = p[n] * (1.0 - q) + p[n - 1] * q;
      }
      p[0] *= 1.0 - q;
    }
  }
  return pmf;
}

// Few pairs: ranks independent (pmf [ranks x total + 1]), given that their sum is `total`.
//   P(max <= n) = P(all <= n, sum = total) / P(sum = total), by convolution
double largest_of_few(const std::vector<double>& pmf, std::size_t total) {
  std::vector<double> sum(total + 1);
  const auto weight_of = [&](std::size_t most) {  // P(all <= most, sum = total)
    std::fill(sum.begin(), sum.end(), 0.0);
    sum[0] = 1.0;
    for (std::size_t r = 0; r < pmf.size() / (total + 1); ++r) {
      const double* p = &pmf[r * (total + 1)];
      // The ranks before have at most `most` pairs each, and with this one no more.
      for (std::size_t s = std::min(total, most * (r + 1)) + 1; s-- > 0;) {
        double mass = 0.0;
        for (std::size_t n = s - std::min(s, most * r); n <= std::min(most, s); ++n) {
          mass += p[n] * sum[s - n];
        }
        sum[s] = mass;
      }
    }
    return sum[total];
  };
  const double all = weight_of(total);
  require(all > 0.0, "the pairs of a few tokens fit on the ranks");
  double largest = 0.0;
  for (std::size_t n = 0; n < total; ++n) {
    const double above = 1.0 - weight_of(n) / all;
    largest += above;
    if (above < 1e-12) {
      break;
    }
  }
  return largest;
}

// Two ranks: one has what the other has not, so max = half + |half - one|; normal.
double largest_of_two(const Load& one, const Load& other) {
  const double variance = one.variance * other.variance / (one.variance + other.variance);
  const double half = 0.5 * (one.mean + other.mean);
  const double off = std::fabs(one.mean - half);
  if (!(variance > 0.0)) {
    return half + off;
  }
  const double deviation = std::sqrt(variance);
  const double z = off / deviation;
  return half + deviation * std::sqrt(2.0 / M_PI) * std::exp(-0.5 * z * z) +
         off * std::erf(z / std::sqrt(2.0));
}

// E[max] = sum over n of P(max > n); at least `floor` in every outcome.
double largest_discrete(const std::vector<Load>& loads, double copies, double floor) {
  std::vector<Steps> steps(loads.begin(), loads.end());
  double sum = 0.0;
  for (std::int64_t n = 0;; ++n) {
    double all = 1.0;
    for (Steps& s : steps) {
      all *= s.at_most();
      s.next();
    }
    const double above = 1.0 - (copies == 1.0 ? all : std::pow(all, copies));
    if (static_cast<double>(n) < floor) {
      sum += 1.0;
    } else if (above < 1e-12) {
      return sum;
    } else {
      sum += above;
    }
  }
}

// The same for large loads: normal with the skewness (1 - 2p) / deviation of the binomial
// (first Edgeworth term), integrated by the trapezoid rule over the range where P(max > x) moves.
double largest_normal(const std::vector<Load>& loads, double copies, double floor) {
  constexpr int kIntervals = 64;
  double low = floor;
  double high = floor;
  for (const Load& load : loads) {
    const double deviation = std::sqrt(load.variance);
    low = std::max(low, load.mean - 8.0 * deviation);
    high = std::max(high, load.mean + 8.0 * deviation);
  }
  if (high <= low) {
    return low;
  }
  const double width = (high - low) / kIntervals;
  double sum = 0.0;
  for (int i = 0; i <= kIntervals; ++i) {
    const double x = low + width * i;
    double all = 1.0;
    for (const Load& load : loads) {
      const double deviation = std::sqrt(load.variance);
      if (deviation <= 0.0) {
        all *= x >= load.mean ? 1.0 : 0.0;
        continue;
      }
      const double z = (x - load.mean) / deviation;
      if (std::fabs(z) > 9.0) {  // 0 or 1 to the last bit of what follows
        all *= z > 0.0 ? 1.0 : 0.0;
        continue;
      }
      const double skewness = (2.0 * load.variance / load.mean - 1.0) / deviation;
      const double density = std::exp(-0.5 * z * z) / std::sqrt(2.0 * M_PI);
      const double below =
          0.5 * std::erfc(-z / std::sqrt(2.0)) - skewness / 6.0 * (z * z - 1.0) * density;
      all *= std::clamp(below, 0.0, 1.0);
    }
    sum += (1.0 - (copies == 1.0 ? all : std::pow(all, copies))) *
           (i == 0 || i == kIntervals ? 0.5 : 1.0);
  }
  return low + sum * width;
}

// Factor on the variance of a rank's independent draws so that, given the sum of all ranks, it has
// the variance of the true pairs. Uniform routing: that is S/P (1 - 1/P) f with S = T k pairs and
// f = (E - k)/(E - 1), as a token's experts differ; N binomial trials over the ranks have
// (N - S)/(N - 1) in the place of f, hence N = (S - f)/(1 - f), and success S/N instead of k/E.
// One token: N = E, exact. top_k 1: N infinite, Poisson, exact.
double spread_given_sum(std::int64_t experts, std::int64_t top_k, double tokens) {
  const double e = static_cast<double>(experts);
  const double k = static_cast<double>(top_k);
  if (top_k == 1 || top_k == experts) {
    return e / (e - 1.0);
  }
  const double f = (e - k) / (e - 1.0);
  const double success = tokens * k * (1.0 - f) / (tokens * k - f);
  return (1.0 - success) / (1.0 - k / e);
}

}  // namespace

ExpertRange experts_of_rank(std::int64_t experts, int ranks, int rank) {
  require(ranks >= 1 && ranks <= experts, "at least one expert for every rank");
  require(rank >= 0 && rank < ranks, "a rank out of range");
  const std::int64_t base = experts / ranks;
  const std::int64_t extra = experts % ranks;
  const std::int64_t begin = rank * base + std::min<std::int64_t>(rank, extra);
  return {begin, begin + base + (rank < extra ? 1 : 0)};
}

double round_robin_active(std::int64_t local_experts, double pairs) {
  return std::min(static_cast<double>(local_experts), pairs);
}

double Routing::expected_active(double tokens) const {
  require(tokens >= 0.0, "a number of tokens is not negative");
  if (uniform_) {
    return static_cast<double>(experts()) *
           active_probability(inclusion_[0], log_exclusion_[0], tokens);
  }
  double sum = 0.0;
  for (std::size_t e = 0; e < inclusion_.size(); ++e) {
    sum += active_probability(inclusion_[e], log_exclusion_[e], tokens);
  }
  return sum;
}

RankLoad Routing::rank_load(double tokens, int ranks, int rank) const {
  require(tokens >= 0.0, "a number of tokens is not negative");
  const ExpertRange range = experts_of_rank(experts(), ranks, rank);
  RankLoad out;
  if (uniform_) {
    const auto local = static_cast<double>(range.end - range.begin);
    out.pairs = local * inclusion_[0] * tokens;
    out.active_experts = local * active_probability(inclusion_[0], log_exclusion_[0], tokens);
    return out;
  }
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    const auto e = static_cast<std::size_t>(i);
    out.pairs += tokens * inclusion_[e];
    out.active_experts += active_probability(inclusion_[e], log_exclusion_[e], tokens);
  }
  return out;
}

RankLoad Routing::largest_rank_load(double tokens, int ranks) const {
  require(tokens >= 0.0, "a number of tokens is not negative");
  if (ranks == 1) {
    return rank_load(tokens, 1, 0);
  }
  RankLoad out;
  double busiest = 0.0;
  for (int rank = 0; rank < ranks; ++rank) {
    const RankLoad load = rank_load(tokens, ranks, rank);
    out.active_experts = std::max(out.active_experts, load.active_experts);
    busiest = std::max(busiest, load.pairs);
  }
  const double whole = std::floor(tokens);
  if (whole < tokens) {  // between two whole numbers of tokens: on the line
    const double below = largest_pairs(whole, ranks);
    out.pairs = below + (tokens - whole) * (largest_pairs(whole + 1.0, ranks) - below);
  } else {
    out.pairs = largest_pairs(tokens, ranks);
  }
  out.pairs = std::clamp(out.pairs, busiest, std::max(busiest, tokens * effective_top_k_));
  return out;
}

// E[max over ranks of the pairs] for a whole number of tokens; see routing.hpp.
double Routing::largest_pairs(double tokens, int ranks) const {
  const std::int64_t count = experts();
  const double total = tokens * effective_top_k_;
  const bool few = total <= kExactPairs + kRounding &&
                   std::fabs(effective_top_k_ - static_cast<double>(top_k_)) < 1e-9;
  if (few) {
    if (const auto known = few_pairs_->find(std::llround(tokens), ranks)) {
      return *known;
    }
  }
  const double spread = few ? spread_given_sum(count, top_k_, tokens)
                            : static_cast<double>(count) / static_cast<double>(count - 1);
  std::vector<Load> loads;
  double busiest = 0.0;
  for (int rank = 0; rank < ranks; ++rank) {
    const ExpertRange range = experts_of_rank(count, ranks, rank);
    double pairs = 0.0;  // as rank_load, which also works out the active experts
    double variance = 0.0;
    for (std::int64_t e = range.begin; e < range.end; ++e) {
      const double q = inclusion_[static_cast<std::size_t>(e)];
      pairs += tokens * q;
      variance += q * (1.0 - q);
    }
    if (uniform_) {
      pairs = static_cast<double>(range.end - range.begin) * inclusion_[0] * tokens;
    }
    const auto most = static_cast<double>(std::min(top_k_, range.end - range.begin));
    loads.push_back({pairs, std::min(pairs, tokens * variance * spread), tokens * most});
    busiest = std::max(busiest, pairs);
  }
  const double share = total / static_cast<double>(ranks);
  if (few) {
    const auto pairs = static_cast<std::size_t>(std::llround(total));
    const double largest =
        largest_of_few(tokens == 1.0 ? pairs_of_one_token(inclusion_, ranks, pairs, uniform_)
                                     : pairs_of(loads, pairs),
                       pairs);
    few_pairs_->keep(std::llround(tokens), ranks, largest);
    return largest;
  }
  if (ranks == 2) {
    return largest_of_two(loads[0], loads[1]);
  }
  // Equal ranks are worked out once and raised to their number.
  const bool equal = uniform_ && count % ranks == 0;
  if (equal) {
    loads.resize(1);
  }
  const double copies = equal ? static_cast<double>(ranks) : 1.0;
  return busiest < kDiscreteMean - kRounding
             ? largest_discrete(loads, copies, std::ceil(share - kRounding))
             : largest_normal(loads, copies, share);
}

double Routing::expected_distinct_ranks(int ranks) const {
  if (uniform_) {
    double sum = 0.0;
    for (int rank = 0; rank < ranks; ++rank) {
      const ExpertRange range = experts_of_rank(experts(), ranks, rank);
      double none = 1.0;
      for (std::int64_t i = 0; i < top_k_; ++i) {
        none *= static_cast<double>(
                    std::max<std::int64_t>(0, experts() - (range.end - range.begin) - i)) /
                static_cast<double>(experts() - i);
      }
      sum += 1.0 - none;
    }
    return sum;
  }
  std::vector<std::int64_t> rank_of_expert(inclusion_.size());
  for (int rank = 0; rank < ranks; ++rank) {
    const ExpertRange range = experts_of_rank(experts(), ranks, rank);
    for (std::int64_t e = range.begin; e < range.end; ++e) {
      rank_of_expert[static_cast<std::size_t>(e)] = rank;
    }
  }
  std::vector<std::int64_t> rank_of(expert_of_.size());
  std::transform(expert_of_.begin(), expert_of_.end(), rank_of.begin(),
                 [&](std::int64_t e) { return rank_of_expert[static_cast<std::size_t>(e)]; });
  const std::vector<double> hit = hit_probabilities(weights_, rank_of, ranks, top_k_);
  return std::accumulate(hit.begin(), hit.end(), 0.0);
}

}  // namespace moeplan::models
