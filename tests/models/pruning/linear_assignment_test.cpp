// Is the assignment the best there is?
#include "models/pruning/linear_assignment.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <set>

#include "tests/models/pruning/planted.hpp"

namespace moeplan::models {
namespace {

// Every permutation tried.
template <class Cost>
double by_force(const std::vector<Cost>& cost, std::size_t n) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), 0u);
  double best = std::numeric_limits<double>::infinity();
  do {
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) {
      sum += static_cast<double>(cost[i * n + order[i]]);
    }
    best = std::min(best, sum);
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

bool is_permutation(const std::vector<std::int32_t>& columns) {
  const std::set<std::int32_t> all(columns.begin(), columns.end());
  return all.size() == columns.size() && *all.begin() == 0 &&
         *all.rbegin() == static_cast<std::int32_t>(columns.size()) - 1;
}

TEST(LinearAssignment, EqualsBruteForceOnSmallCases) {
  SplitMix random(1);
  for (int round = 0; round < 400; ++round) {
    const auto n = static_cast<std::size_t>(1 + round % 7);
    std::vector<double> cost(n * n);
    for (double& c : cost) {
      // Every second round: few different values, so that ties are everywhere.
      c = round % 2 == 0 ? static_cast<double>(normal_number(random))
                         : std::floor(random.uniform() * 3.0);
    }
    const Assignment found = solve_assignment(cost.data(), n);
    EXPECT_TRUE(is_permutation(found.column_of_row));
    EXPECT_NEAR(found.cost, by_force(cost, n), 1e-12) << "round " << round;
    const std::vector<float> narrow(cost.begin(), cost.end());
    EXPECT_NEAR(solve_assignment(narrow.data(), n).cost, by_force(narrow, n), 1e-12);
  }
}

// The independent reference for sizes beyond brute force: successive shortest paths by Bellman-Ford
// style relaxation on potentials, O(n^3), as in textbooks (e-maxx's Hungarian algorithm).
double by_hungarian(const std::vector<double>& cost, std::size_t n) {
  const double infinity = std::numeric_limits<double>::infinity();
  std::vector<double> u(n + 1, 0.0), v(n + 1, 0.0);
  std::vector<std::size_t> row_of(n + 1, 0), way(n + 1, 0);
  for (std::size_t i = 1; i <= n; ++i) {
    row_of[0] = i;
    std::size_t j0 = 0;
    std::vector<double> least(n + 1, infinity);
    std::vector<bool> used(n + 1, false);
    do {
      used[j0] = true;
      double delta = infinity;
      std::size_t j1 = 0;
      for (std::size_t j = 1; j <= n; ++j) {
        if (used[j]) {
          continue;
        }
        const double now = cost[(row_of[j0] - 1) * n + j - 1] - u[row_of[j0]] - v[j];
        if (now < least[j]) {
          least[j] = now;
          way[j] = j0;
        }
        if (least[j] < delta) {
          delta = least[j];
          j1 = j;
        }
      }
      for (std::size_t j = 0; j <= n; ++j) {
        if (used[j]) {
          u[row_of[j]] += delta;
          v[j] -= delta;
        } else {
          least[j] -= delta;
        }
      }
      j0 = j1;
    } while (row_of[j0] != 0);
    do {
      const std::size_t j1 = way[j0];
      row_of[j0] = row_of[j1];
      j0 = j1;
    } while (j0 != 0);
  }
  double sum = 0.0;
  for (std::size_t j = 1; j <= n; ++j) {
    sum += cost[(row_of[j] - 1) * n + j - 1];
  }
  return sum;
}

TEST(LinearAssignment, EqualsAnIndependentSolverAtAnySize) {
  SplitMix random(2);
  for (const std::size_t n : {9u, 31u, 64u, 101u, 130u}) {
    for (const bool integers : {false, true}) {
      std::vector<double> cost(n * n);
      for (double& c : cost) {
        c = integers ? std::floor(random.uniform() * 20.0)
                     : static_cast<double>(normal_number(random));
      }
      const Assignment found = solve_assignment(cost.data(), n);
      EXPECT_TRUE(is_permutation(found.column_of_row));
      EXPECT_NEAR(found.cost, by_hungarian(cost, n), 1e-9) << n;
    }
  }
}

TEST(LinearAssignment, FindsAPlantedPermutation) {
  const std::size_t n = 257;
  SplitMix random(3);
  const auto order = random_order(n, random);
  std::vector<float> cost(n * n);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      cost[i * n + j] = normal_number(random);
    }
    cost[i * n + static_cast<std::size_t>(order[i])] -= 20.0f;  // no other sum comes near
  }
  EXPECT_EQ(solve_assignment(cost.data(), n).column_of_row, order);
}

TEST(LinearAssignment, EqualCostsGiveAnyPermutation) {
  const std::vector<float> cost(50 * 50, 2.0f);
  const Assignment found = solve_assignment(cost.data(), 50);
  EXPECT_TRUE(is_permutation(found.column_of_row));
  EXPECT_DOUBLE_EQ(found.cost, 100.0);  // 50 x 2
}

TEST(LinearAssignment, RefusesCostsThatAreNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t at : {0u, 7u, 24u}) {
      std::vector<float> cost(25, 1.0f);
      cost[at] = bad;
      EXPECT_THROW(solve_assignment(cost.data(), 5), std::invalid_argument);
    }
  }
}

}  // namespace
}  // namespace moeplan::models
