// Do the CPU kernels compute what plain loops in double precision compute?
#include "calibrate/kernels/cpu_kernels.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "calibrate/kernels/token_counts.hpp"
#include "models/routing/split_mix.hpp"

namespace moeplan::calibrate {
namespace {

using Values = std::vector<float>;

Values random_values(std::int64_t n, std::uint64_t seed) {
  models::SplitMix draws(seed);
  Values out(static_cast<std::size_t>(n));
  for (float& value : out) {
    value = static_cast<float>(2.0 * draws.uniform() - 1.0);
  }
  return out;
}

// Sums of up to some hundreds of products of numbers below 1, in single precision: the rounding of
// each is 2^-24 of at most some tens.
constexpr double kTolerance = 2e-5;

void expect_near(const Values& found, const std::vector<double>& wanted) {
  ASSERT_EQ(found.size(), wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_NEAR(found[i], wanted[i], kTolerance * std::max(1.0, std::fabs(wanted[i]))) << i;
  }
}

class CpuKernels : public testing::TestWithParam<std::string> {
 protected:
  CpuKernels() : product_(make_product(GetParam())), workers_(2) {}
  CpuContext context() { return {*product_, workers_}; }

  std::unique_ptr<MatrixProduct> product_;
  Workers workers_;
};

TEST_P(CpuKernels, ProductsOfAllSizes) {
  for (const std::int64_t m : {1, 2, 7, 33}) {
    const std::int64_t n = 17;
    const std::int64_t k = 65;
    const Values a = random_values(m * k, 1);
    const Values b = random_values(n * k, 2);
    Values c(static_cast<std::size_t>(m * n), 99.0F);
    product_->times_transposed(m, n, k, 0.5F, a.data(), k, b.data(), k, c.data(), n);
    std::vector<double> wanted;
    std::vector<double> plain;
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        double transposed = 0.0;
        double straight = 0.0;
        for (std::int64_t x = 0; x < k; ++x) {
          const double left = a[static_cast<std::size_t>(i * k + x)];
          transposed += left * b[static_cast<std::size_t>(j * k + x)];
          straight += left * b[static_cast<std::size_t>(x * n + j)];
        }
        wanted.push_back(0.5 * transposed);
        plain.push_back(straight);
      }
    }
    expect_near(c, wanted);
    product_->times(m, n, k, a.data(), k, b.data(), n, c.data(), n);
    expect_near(c, plain);
  }
}

// The whole layer against its definition, token by token.
TEST_P(CpuKernels, AnExpertLayerIsTheWeightedSumOfItsExperts) {
  const std::int64_t tokens = 11;
  const std::int64_t hidden = 24;
  const std::int64_t inner = 20;
  const std::int64_t experts = 5;
  const std::int64_t top_k = 2;
  for (const char* distribution : {"balanced", "zipf_1", "one_hot"}) {
    RoutedPairs routed =
        routed_pairs(token_counts(distribution, experts, tokens, top_k), tokens, top_k);
    for (std::size_t i = 0; i < routed.weight_of_pair.size(); ++i) {
      routed.weight_of_pair[i] = 0.1F + 0.01F * static_cast<float>(i);
    }
    const Values x = random_values(tokens * hidden, 1);
    const Values up = random_values(experts * 2 * inner * hidden, 2);
    const Values down = random_values(experts * hidden * inner, 3);
    const std::int64_t pairs = tokens * top_k;
    Values rows(static_cast<std::size_t>(pairs * hidden));
    Values both(static_cast<std::size_t>(pairs * 2 * inner));
    Values act(static_cast<std::size_t>(pairs * inner));
    Values out(static_cast<std::size_t>(tokens * hidden));
    permute(context(), routed, hidden, x.data(), rows.data());
    expert_up(context(), routed, hidden, inner, up.data(), rows.data(), both.data());
    gated_activation(context(), pairs, inner, both.data(), act.data());
    expert_down(context(), routed, hidden, inner, down.data(), act.data(), rows.data());
    unpermute(context(), routed, hidden, rows.data(), out.data());

    std::vector<double> wanted(static_cast<std::size_t>(tokens * hidden), 0.0);
    for (std::int64_t e = 0; e < experts; ++e) {
      for (std::int64_t pair = routed.first_of_expert[static_cast<std::size_t>(e)];
           pair < routed.first_of_expert[static_cast<std::size_t>(e) + 1]; ++pair) {
        const std::int64_t token = routed.token_of_pair[static_cast<std::size_t>(pair)];
        std::vector<double> activated;
        for (std::int64_t i = 0; i < inner; ++i) {
          double gate = 0.0;
          double value = 0.0;
          for (std::int64_t h = 0; h < hidden; ++h) {
            const double in = x[static_cast<std::size_t>(token * hidden + h)];
            gate += in * up[static_cast<std::size_t>(((e * 2) * inner + i) * hidden + h)];
            value += in * up[static_cast<std::size_t>(((e * 2 + 1) * inner + i) * hidden + h)];
          }
          activated.push_back(gate / (1.0 + std::exp(-gate)) * value);
        }
        for (std::int64_t h = 0; h < hidden; ++h) {
          double sum = 0.0;
          for (std::int64_t i = 0; i < inner; ++i) {
            sum += activated[static_cast<std::size_t>(i)] *
                   down[static_cast<std::size_t>((e * hidden + h) * inner + i)];
          }
          wanted[static_cast<std::size_t>(token * hidden + h)] +=
              static_cast<double>(routed.weight_of_pair[static_cast<std::size_t>(pair)]) * sum;
        }
      }
    }
    expect_near(out, wanted);
  }
}

// Few rows of wide experts take the weights piece by piece (of 32 columns here): as one row at a
// time.
TEST_P(CpuKernels, FewRowsReadWeightsInPieces) {
  const std::int64_t hidden = 1024;
  const std::int64_t inner = 30;
  const Values up = random_values(3 * 2 * inner * hidden, 1);
  const std::vector<std::int64_t> pairs = {3, 0, 6};
  const RoutedPairs routed = routed_pairs(pairs, 9, 1);
  const Values in = random_values(9 * hidden, 2);
  Values out(9 * 2 * inner, 99.0F);
  expert_up(context(), routed, hidden, inner, up.data(), in.data(), out.data());
  std::vector<double> wanted;
  for (std::int64_t row = 0; row < 9; ++row) {
    const float* own = up.data() + (row < 3 ? 0 : 2) * 2 * inner * hidden;
    for (std::int64_t column = 0; column < 2 * inner; ++column) {
      double sum = 0.0;
      for (std::int64_t h = 0; h < hidden; ++h) {
        sum += static_cast<double>(in[static_cast<std::size_t>(row * hidden + h)]) *
               own[column * hidden + h];
      }
      wanted.push_back(sum);
    }
  }
  expect_near(out, wanted);
}

TEST_P(CpuKernels, RoutingTakesTheLargestLogits) {
  const std::int64_t tokens = 40;
  const std::int64_t experts = 9;
  const std::int64_t top_k = 3;
  Values logits = random_values(tokens * experts, 7);
  logits[1] = logits[4] = logits[6] = 5.0F;  // ties: the lower expert first
  std::vector<std::int32_t> chosen(static_cast<std::size_t>(tokens * top_k));
  Values weights(chosen.size());
  std::vector<std::int64_t> counts;
  route(context(), tokens, experts, top_k, logits.data(), chosen.data(), weights.data(), counts);
  EXPECT_EQ(std::vector<std::int32_t>(chosen.begin(), chosen.begin() + 3),
            (std::vector<std::int32_t>{1, 4, 6}));
  std::vector<std::int64_t> counted(static_cast<std::size_t>(experts), 0);
  for (std::int64_t t = 0; t < tokens; ++t) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(experts));
    std::iota(order.begin(), order.end(), 0);
    const auto logit = [&](std::int32_t e) {
      return static_cast<double>(logits[static_cast<std::size_t>(t * experts + e)]);
    };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::int32_t a, std::int32_t b) { return logit(a) > logit(b); });
    double all = 0.0;
    for (std::int32_t e = 0; e < experts; ++e) {
      all += std::exp(logit(e));
    }
    double of_chosen = 0.0;
    for (std::int64_t j = 0; j < top_k; ++j) {
      of_chosen += std::exp(logit(order[static_cast<std::size_t>(j)])) / all;
    }
    for (std::int64_t j = 0; j < top_k; ++j) {
      const std::int32_t e = order[static_cast<std::size_t>(j)];
      const auto at = static_cast<std::size_t>(t * top_k + j);
      EXPECT_EQ(chosen[at], e) << t;
      EXPECT_NEAR(weights[at], std::exp(logit(e)) / all / of_chosen, 1e-6) << t;
      ++counted[static_cast<std::size_t>(e)];
    }
  }
  EXPECT_EQ(counts, counted);
}

// softmax(q k^T / sqrt(d)) v, each query seeing the history and the chunk up to itself.
void expect_attention(CpuContext context, const AttentionSizes& s) {
  const Values q = random_values(s.sequences * s.heads * s.chunk * s.head_dim, 1);
  const Values k = random_values(s.sequences * s.kv_heads * s.cached * s.head_dim, 2);
  const Values v = random_values(s.sequences * s.kv_heads * s.cached * s.head_dim, 3);
  Values out(q.size(), 99.0F);
  attention(context, s, q.data(), k.data(), v.data(), out.data());
  std::vector<double> wanted;
  for (std::int64_t sequence = 0; sequence < s.sequences; ++sequence) {
    for (std::int64_t head = 0; head < s.heads; ++head) {
      const std::int64_t kv = sequence * s.kv_heads + head / (s.heads / s.kv_heads);
      for (std::int64_t c = 0; c < s.chunk; ++c) {
        const std::int64_t query = ((sequence * s.heads + head) * s.chunk + c) * s.head_dim;
        std::vector<double> sum(static_cast<std::size_t>(s.head_dim), 0.0);
        double weights = 0.0;
        for (std::int64_t t = 0; t < s.cached - s.chunk + c + 1; ++t) {
          const std::int64_t key = (kv * s.cached + t) * s.head_dim;
          double score = 0.0;
          for (std::int64_t d = 0; d < s.head_dim; ++d) {
            score += static_cast<double>(q[static_cast<std::size_t>(query + d)]) *
                     k[static_cast<std::size_t>(key + d)];
          }
          const double weight = std::exp(score / std::sqrt(static_cast<double>(s.head_dim)));
          weights += weight;
          for (std::int64_t d = 0; d < s.head_dim; ++d) {
            sum[static_cast<std::size_t>(d)] += weight * v[static_cast<std::size_t>(key + d)];
          }
        }
        for (const double value : sum) {
          wanted.push_back(value / weights);
        }
      }
    }
  }
  expect_near(out, wanted);
}

TEST_P(CpuKernels, DecodeReadsTheWholeCache) {
  product_->set_threads(1);
  expect_attention(
      context(),
      {.heads = 6, .kv_heads = 2, .head_dim = 16, .sequences = 3, .chunk = 1, .cached = 37});
}

TEST_P(CpuKernels, PrefillIsCausal) {
  product_->set_threads(1);
  // More queries than one block of 64 has, without and with history.
  for (const std::int64_t history : {0, 21}) {
    expect_attention(context(), {.heads = 4,
                                 .kv_heads = 2,
                                 .head_dim = 8,
                                 .sequences = 2,
                                 .chunk = 70,
                                 .cached = history + 70});
  }
}

INSTANTIATE_TEST_SUITE_P(Products, CpuKernels, testing::ValuesIn(product_names()));

TEST(Workers, EveryIndexIsVisitedOnce) {
  for (const int threads : {1, 2, 5}) {
    Workers workers(threads);
    for (int round = 0; round < 50; ++round) {
      std::vector<std::atomic<int>> visits(97);
      workers.run(97, [&](std::int64_t i, int thread) {
        EXPECT_LT(thread, threads);
        ++visits[static_cast<std::size_t>(i)];
      });
      for (const std::atomic<int>& visit : visits) {
        ASSERT_EQ(visit, 1);
      }
    }
    workers.run(0, [](std::int64_t, int) { FAIL(); });
  }
}

}  // namespace
}  // namespace moeplan::calibrate
