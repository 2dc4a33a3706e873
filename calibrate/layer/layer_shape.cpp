#include "calibrate/layer/layer_shape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/routing/split_mix.hpp"

namespace moeplan::calibrate {
namespace {

enum class Kind : std::uint64_t { token = 1, router, up, down };

models::SplitMix draws_of(const LayerShape& shape, Kind kind, std::int64_t index) {
  return models::SplitMix(models::split_mix(shape.seed) ^
                          models::split_mix(static_cast<std::uint64_t>(kind) << 48 |
                                            static_cast<std::uint64_t>(index)));
}

// count values in +-scale / 2.
void fill(models::SplitMix draws, double scale, std::int64_t count, float* out) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<float>(scale * (draws.uniform() - 0.5));
  }
}

// Of a sum of n products of two values in +-1/2: each has the variance 1/12 * 1/12.
double unit_scale(std::int64_t n) { return 12.0 / std::sqrt(static_cast<double>(n)); }

std::vector<float> rows(std::int64_t count) {
  return std::vector<float>(static_cast<std::size_t>(count));
}

double dot(const float* a, const double* b, std::int64_t n) {
  double sum = 0.0;
  for (std::int64_t i = 0; i < n; ++i) {
    sum += static_cast<double>(a[i]) * b[i];
  }
  return sum;
}

// A token's scores and the top k of them, best first.
struct Chosen {
  std::vector<double> score;       // [experts]
  std::vector<std::size_t> order;  // [top_k]
};

Chosen chosen_of(const LayerShape& shape, const std::vector<float>& router,
                 const std::vector<float>& bias, const std::vector<double>& token) {
  const auto all = static_cast<std::size_t>(shape.experts);
  Chosen chosen{std::vector<double>(all), std::vector<std::size_t>(all)};
  std::iota(chosen.order.begin(), chosen.order.end(), std::size_t{0});
  for (std::size_t e = 0; e < all; ++e) {
    chosen.score[e] = bias[e] + dot(router.data() + e * token.size(), token.data(), shape.hidden);
  }
  std::stable_sort(chosen.order.begin(), chosen.order.end(),
                   [&](std::size_t a, std::size_t b) { return chosen.score[a] > chosen.score[b]; });
  chosen.order.resize(static_cast<std::size_t>(shape.top_k));
  return chosen;
}

}  // namespace

std::string LayerShape::id(int ranks) const {
  return fmt::format("layer/h{}/i{}/e{}/k{}/t{}/skew{}/p{}", hidden, intermediate, experts, top_k,
                     tokens, skew, ranks);
}

std::vector<std::int64_t> first_experts(std::int64_t experts, int ranks) {
  std::vector<std::int64_t> first = {0};
  for (std::int64_t rank = 0; rank < ranks; ++rank) {
    first.push_back(first.back() + experts / ranks + (rank < experts % ranks ? 1 : 0));
  }
  return first;
}

std::vector<float> token_rows(const LayerShape& shape, int rank) {
  std::vector<float> out = rows(shape.tokens * shape.hidden);
  for (std::int64_t token = 0; token < shape.tokens; ++token) {
    fill(draws_of(shape, Kind::token, rank * shape.tokens + token), 1.0, shape.hidden,
         out.data() + token * shape.hidden);
  }
  return out;
}

std::vector<float> router_rows(const LayerShape& shape) {
  std::vector<float> out = rows(shape.experts * shape.hidden);
  for (std::int64_t expert = 0; expert < shape.experts; ++expert) {
    fill(draws_of(shape, Kind::router, expert), unit_scale(shape.hidden), shape.hidden,
         out.data() + expert * shape.hidden);
  }
  return out;
}

std::vector<float> router_bias(const LayerShape& shape) {
  std::vector<float> out = rows(shape.experts);
  for (std::size_t expert = 0; expert < out.size(); ++expert) {
    out[expert] = static_cast<float>(-shape.skew * std::log(static_cast<double>(expert) + 1.0));
  }
  return out;
}

void expert_weights(const LayerShape& shape, std::int64_t expert, float* up, float* down) {
  fill(draws_of(shape, Kind::up, expert), unit_scale(shape.hidden),
       2 * shape.intermediate * shape.hidden, up);
  fill(draws_of(shape, Kind::down, expert), unit_scale(shape.intermediate),
       shape.hidden * shape.intermediate, down);
}

std::vector<std::int64_t> routed_pairs_of(const LayerShape& shape, int rank) {
  const std::vector<float> tokens = token_rows(shape, rank);
  const std::vector<float> router = router_rows(shape);
  const std::vector<float> bias = router_bias(shape);
  std::vector<std::int64_t> pairs(static_cast<std::size_t>(shape.experts));
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    const float* begin = tokens.data() + t * shape.hidden;
    for (const std::size_t expert :
         chosen_of(shape, router, bias, {begin, begin + shape.hidden}).order) {
      ++pairs[expert];
    }
  }
  return pairs;
}

std::vector<double> reference_output(const LayerShape& shape, int rank) {
  const std::vector<float> tokens = token_rows(shape, rank);
  const std::vector<float> router = router_rows(shape);
  const std::vector<float> bias = router_bias(shape);
  const auto all = static_cast<std::size_t>(shape.experts);
  std::vector<std::vector<float>> up(all, rows(2 * shape.intermediate * shape.hidden));
  std::vector<std::vector<float>> down(all, rows(shape.hidden * shape.intermediate));
  for (std::size_t expert = 0; expert < all; ++expert) {
    expert_weights(shape, static_cast<std::int64_t>(expert), up[expert].data(),
                   down[expert].data());
  }
  std::vector<double> out(tokens.size(), 0.0);
  std::vector<double> token(static_cast<std::size_t>(shape.hidden));
  std::vector<double> inner(static_cast<std::size_t>(shape.intermediate));
  for (std::int64_t t = 0; t < shape.tokens; ++t) {
    const float* begin = tokens.data() + t * shape.hidden;
    std::copy(begin, begin + shape.hidden, token.begin());
    const auto [score, order] = chosen_of(shape, router, bias, token);
    double sum = 0.0;
    for (const std::size_t e : order) {
      sum += std::exp(score[e]);
    }
    for (const std::size_t e : order) {
      const double weight = std::exp(score[e]) / sum;
      for (std::int64_t i = 0; i < shape.intermediate; ++i) {
        const double gate = dot(up[e].data() + i * shape.hidden, token.data(), shape.hidden);
        const double value =
            dot(up[e].data() + (shape.intermediate + i) * shape.hidden, token.data(), shape.hidden);
        inner[static_cast<std::size_t>(i)] = gate / (1.0 + std::exp(-gate)) * value;
      }
      for (std::int64_t i = 0; i < shape.hidden; ++i) {
        out[static_cast<std::size_t>(t * shape.hidden + i)] +=
            weight * dot(down[e].data() + i * shape.intermediate, inner.data(), shape.intermediate);
      }
    }
  }
  return out;
}

}  // namespace moeplan::calibrate
