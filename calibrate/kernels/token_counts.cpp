#include "calibrate/kernels/token_counts.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/units/parse.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {

std::vector<std::int64_t> apportion(const std::vector<double>& weights, std::int64_t tokens,
                                    std::int64_t top_k) {
  const auto usable = std::count_if(weights.begin(), weights.end(), [](double w) { return w > 0; });
  require(usable >= top_k, "fewer experts in use than a token needs");
  std::vector<std::int64_t> counts(weights.size(), 0);
  std::vector<std::size_t> open;  // may take more
  for (std::size_t e = 0; e < weights.size(); ++e) {
    require(std::isfinite(weights[e]) && weights[e] >= 0.0, "a weight below zero");
    if (weights[e] > 0.0) {
      open.push_back(e);
    }
  }
  std::int64_t left = tokens * top_k;
  while (left > 0) {
    double sum = 0.0;
    for (const std::size_t e : open) {
      sum += weights[e];
    }
    // Experts whose share is more than there are tokens are full; the rest is shared anew.
    const auto full = [&](std::size_t e) {
      return static_cast<double>(left) * weights[e] / sum >= static_cast<double>(tokens);
    };
    const auto keep =
        std::stable_partition(open.begin(), open.end(), [&](std::size_t e) { return !full(e); });
    if (keep != open.end()) {
      for (auto e = keep; e != open.end(); ++e) {
        counts[*e] = tokens;
        left -= tokens;
      }
      open.erase(keep, open.end());
      continue;
    }
    std::vector<double> remainders(weights.size(), -1.0);
    std::int64_t given = 0;
    for (const std::size_t e : open) {
      const double share = static_cast<double>(left) * weights[e] / sum;
      counts[e] = static_cast<std::int64_t>(share);
      remainders[e] = share - std::floor(share);
      given += counts[e];
    }
    std::stable_sort(open.begin(), open.end(),
                     [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
    for (std::size_t i = 0; given < left; ++i, ++given) {
      ++counts[open[i]];
    }
    left = 0;
  }
  return counts;
}

std::vector<std::int64_t> token_counts(const std::string& distribution, std::int64_t experts,
                                       std::int64_t tokens, std::int64_t top_k) {
  std::vector<double> weights(static_cast<std::size_t>(experts), 1.0);
  if (distribution == "one_hot") {
    std::fill(weights.begin() + top_k, weights.end(), 0.0);
  } else if (distribution != "balanced") {
    require(distribution.starts_with("zipf_"), "a distribution that has no counts of its own");
    const std::optional<double> alpha = parse_number(distribution.substr(5));
    require(alpha.has_value(), "zipf without its exponent");
    for (std::size_t e = 0; e < weights.size(); ++e) {
      weights[e] = std::pow(static_cast<double>(e + 1), -*alpha);
    }
  }
  return apportion(weights, tokens, top_k);
}

std::vector<std::int32_t> tokens_of_pairs(const std::vector<std::int64_t>& pairs_of_expert,
                                          std::int64_t tokens) {
  const std::int64_t pairs =
      std::accumulate(pairs_of_expert.begin(), pairs_of_expert.end(), std::int64_t{0});
  std::vector<std::int32_t> out(static_cast<std::size_t>(pairs));
  // Dealt round: an expert has at most `tokens` pairs, so none comes twice to one token.
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    out[static_cast<std::size_t>(pair)] = static_cast<std::int32_t>(pair % tokens);
  }
  return out;
}

}  // namespace moeplan::calibrate
