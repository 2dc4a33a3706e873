#include "models/routing/draws.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

// Eight-point Gauss-Legendre rule on [-1, 1]. Source: Abramowitz and Stegun, table 25.4.
constexpr std::array<double, 4> kNodes = {0.183434642495649805, 0.525532409916328986,
                                          0.796666477413626740, 0.960289856497536232};
constexpr std::array<double, 4> kNodeWeights = {0.362683783378361983, 0.313706645877887287,
                                                0.222381034453374471, 0.101228536290376259};
constexpr double kPanel = 0.5;  // width in log t

// Columns ordered by group: those of group g are [begin[g], begin[g + 1]).
struct Grouped {
  std::vector<double> weights;      // positive ones only
  std::vector<std::size_t> begin;   // [groups + 1]
  std::vector<double> group_total;  // [groups]
  double total = 0.0;
};

Grouped grouped(const std::vector<double>& weights, const std::vector<std::int64_t>& group_of,
                std::size_t groups) {
  Grouped out;
  out.begin.assign(groups + 1, 0);
  out.group_total.assign(groups, 0.0);
  std::vector<std::size_t> order;
  for (std::size_t c = 0; c < weights.size(); ++c) {
    require(weights[c] >= 0.0 && std::isfinite(weights[c]), "router weights are finite and >= 0");
    if (weights[c] > 0.0) {
      order.push_back(c);
    }
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return group_of[a] < group_of[b]; });
  for (const std::size_t c : order) {
    const auto g = static_cast<std::size_t>(group_of[c]);
    out.weights.push_back(weights[c]);
    ++out.begin[g + 1];
    out.group_total[g] += weights[c];
    out.total += weights[c];
  }
  std::partial_sum(out.begin.begin(), out.begin.end(), out.begin.begin());
  return out;
}

// Adds one Bernoulli(p) to a count distribution over 0 .. k - 1; what reaches k is left out.
void add_ring(double* counts, std::size_t k, double p) {
  for (std::size_t a = k - 1; a > 0; --a) {
    counts[a] = counts[a] * (1.0 - p) + counts[a - 1] * p;
  }
  counts[0] *= 1.0 - p;
}

// P(fewer than k rings outside group g by time t), for every g.
class RingCounts {
 public:
  RingCounts(const Grouped& columns, std::size_t k)
      : columns_(columns),
        k_(k),
        groups_(columns.group_total.size()),
        before_((groups_ + 1) * k),
        after_(k),
        below_(groups_) {}

  const std::vector<double>& below_k(double t) {
    std::fill(before_.begin(), before_.end(), 0.0);
    before_[0] = 1.0;
    for (std::size_t g = 0; g < groups_; ++g) {
      std::copy_n(&before_[g * k_], k_, &before_[(g + 1) * k_]);
      add_group(g, t, &before_[(g + 1) * k_]);
    }
    std::fill(after_.begin(), after_.end(), 0.0);
    after_[0] = 1.0;
    for (std::size_t g = groups_; g-- > 0;) {
      double sum = 0.0;
      double cumulative = 0.0;
      for (std::size_t b = 0; b < k_; ++b) {
        cumulative += after_[b];
        sum += cumulative * before_[g * k_ + (k_ - 1 - b)];
      }
      below_[g] = sum;
      add_group(g, t, after_.data());
    }
    return below_;
  }

 private:
  void add_group(std::size_t g, double t, double* counts) const {
    for (std::size_t c = columns_.begin[g]; c < columns_.begin[g + 1]; ++c) {
      add_ring(counts, k_, -std::expm1(-columns_.weights[c] * t));
    }
  }
  const Grouped& columns_;
  std::size_t k_;
  std::size_t groups_;
  std::vector<double> before_;  // [groups + 1 x k], counts of the groups before g
  std::vector<double> after_;   // [k], counts of the groups behind g
  std::vector<double> below_;   // [groups]
};

}  // namespace

std::vector<double> hit_probabilities(const std::vector<double>& weights,
                                      const std::vector<std::int64_t>& group_of,
                                      std::int64_t groups, std::int64_t top_k) {
  require(weights.size() == group_of.size() && groups > 0, "one group for every router column");
  const auto group_count = static_cast<std::size_t>(groups);
  const auto k = static_cast<std::size_t>(top_k);
  const Grouped columns = grouped(weights, group_of, group_count);
  const std::size_t positive = columns.weights.size();
  require(top_k >= 1 && positive >= k, "top_k exceeds the columns that can be drawn");

  std::vector<double> hit(group_count, 0.0);
  if (k == 1) {
    for (std::size_t g = 0; g < group_count; ++g) {
      hit[g] = columns.group_total[g] / columns.total;
    }
    return hit;
  }
  // Too few columns outside: the group is always hit. Those of no weight never are.
  std::vector<std::size_t> open;
  for (std::size_t g = 0; g < group_count; ++g) {
    const std::size_t inside = columns.begin[g + 1] - columns.begin[g];
    if (inside > 0 && positive - inside < k) {
      hit[g] = 1.0;
    } else if (inside > 0) {
      open.push_back(g);
    }
  }
  if (open.empty()) {
    return hit;
  }
  // Before t0 no group can have been preceded by k rings: P(k rings) <= (total t0)^k / k! = 1e-16.
  const double kd = static_cast<double>(k);
  double x = (std::log(1e-16) + std::lgamma(kd + 1.0)) / kd - std::log(columns.total);
  for (const std::size_t g : open) {
    hit[g] = -std::expm1(-columns.group_total[g] * std::exp(x));
  }
  RingCounts rings(columns, k);
  for (double rest = 1.0; rest > 1e-14; x += kPanel) {
    for (std::size_t i = 0; i < 2 * kNodes.size(); ++i) {
      const double node = i < kNodes.size() ? -kNodes[i] : kNodes[i - kNodes.size()];
      const double t = std::exp(x + 0.5 * kPanel * (1.0 + node));
      const double dx = 0.5 * kPanel * kNodeWeights[i % kNodes.size()];
      const std::vector<double>& below = rings.below_k(t);
      for (const std::size_t g : open) {
        const double rate = columns.group_total[g] * t;
        hit[g] += dx * rate * std::exp(-rate) * below[g];
      }
    }
    // What is still to come of a group's probability is at most e^(-W t) P(fewer than k rings).
    const double end = std::exp(x + kPanel);
    const std::vector<double>& below = rings.below_k(end);
    rest = 0.0;
    for (const std::size_t g : open) {
      rest = std::max(rest, std::exp(-columns.group_total[g] * end) * below[g]);
    }
  }
  for (double& p : hit) {
    p = std::min(p, 1.0);
  }
  return hit;
}

std::vector<double> weights_for(const std::vector<double>& inclusion, std::int64_t top_k) {
  constexpr double kCap = 1.0 - 1e-6;
  constexpr double kCappedError = 1e-5;  // a capped probability leaves the others too much to share
  constexpr int kMaxIterations = 500;
  if (static_cast<std::int64_t>(inclusion.size()) == top_k) {
    return std::vector<double>(inclusion.size(), 1.0);
  }
  if (top_k == 1) {
    return inclusion;
  }
  std::vector<std::int64_t> own(inclusion.size());
  std::iota(own.begin(), own.end(), std::int64_t{0});
  // Start: every column rings by the same time with its own probability (Rosen 1997).
  std::vector<double> weights(inclusion.size());
  for (std::size_t e = 0; e < weights.size(); ++e) {
    weights[e] = -std::log1p(-std::min(inclusion[e], kCap));
  }
  const bool capped = *std::max_element(inclusion.begin(), inclusion.end()) > kCap;
  double worst = 0.0;
  for (int i = 0; i < kMaxIterations; ++i) {
    const std::vector<double> got =
        hit_probabilities(weights, own, static_cast<std::int64_t>(own.size()), top_k);
    worst = 0.0;
    for (std::size_t e = 0; e < weights.size(); ++e) {
      const double want = std::min(inclusion[e], kCap);
      if (want > 0.0) {
        worst = std::max(worst, std::fabs(got[e] - inclusion[e]));
        weights[e] *= std::log1p(-want) / std::log1p(-std::min(got[e], 1.0 - 1e-9));
      }
    }
    if (worst < (capped ? kCappedError : 1e-9)) {
      return weights;
    }
  }
  require(worst < kCappedError, "no weights give these inclusion probabilities");
  return weights;
}

}  // namespace moeplan::models
