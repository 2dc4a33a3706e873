#include "models/routing/capacity.hpp"

#include <algorithm>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::models {

std::int64_t expert_capacity(double factor, std::int64_t minimum, std::int64_t top_k,
                             std::int64_t tokens, std::int64_t experts) {
  require(std::isfinite(factor) && factor > 0.0, "a capacity factor is positive");
  require(minimum >= 0 && top_k >= 0 && tokens >= 0 && experts > 0,
          "capacity needs counts that are not negative");
  const double rows = factor * static_cast<double>(top_k) * static_cast<double>(tokens) /
                      static_cast<double>(experts);
  require(rows < 9.0e15, "an expert's capacity overflows");
  return std::max(minimum, static_cast<std::int64_t>(std::ceil(rows)));
}

double expected_dropped(const Routing& routing, std::int64_t tokens, std::int64_t capacity) {
  require(tokens >= 0 && capacity >= 0, "tokens and capacity are not negative");
  const double trials = static_cast<double>(tokens);
  double dropped = 0.0;
  double last_q = -1.0;
  double last = 0.0;
  for (const double q : routing.inclusion()) {
    if (q != last_q) {
      // E[max(0, N - c)] = E[N] - c + sum over n < c of (c - n) P(N = n).
      double rest = 0.0;
      for (std::int64_t n = 0; n < std::min(capacity, tokens + 1); ++n) {
        const double nd = static_cast<double>(n);
        double p = 0.0;
        if (q <= 0.0 || q >= 1.0) {
          p = n == (q <= 0.0 ? 0 : tokens) ? 1.0 : 0.0;
        } else {
          p = std::exp(std::lgamma(trials + 1.0) - std::lgamma(nd + 1.0) -
                       std::lgamma(trials - nd + 1.0) + nd * std::log(q) +
                       (trials - nd) * std::log1p(-q));
        }
        rest += static_cast<double>(capacity - n) * p;
      }
      last_q = q;
      last = std::max(0.0, trials * q - static_cast<double>(capacity) + rest);
    }
    dropped += last;
  }
  return dropped;
}

CapacityUse capacity_use(const Routing& routing, double factor, std::int64_t minimum,
                         std::int64_t tokens) {
  CapacityUse use;
  use.capacity = expert_capacity(factor, minimum, routing.top_k(), tokens, routing.experts());
  use.buffer_rows = use.capacity * routing.experts();
  use.dropped_pairs = expected_dropped(routing, tokens, use.capacity);
  const double pairs = static_cast<double>(tokens) * routing.effective_top_k();
  use.dropped_fraction = tokens > 0 ? use.dropped_pairs / pairs : 0.0;
  use.padding_rows = static_cast<double>(use.buffer_rows) - (pairs - use.dropped_pairs);
  return use;
}

}  // namespace moeplan::models
