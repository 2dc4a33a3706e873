#include "models/pruning/linear_assignment.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "models/pruning/row_scan.hpp"

namespace moeplan::models {
namespace {

constexpr std::int32_t kFree = -1;

template <class Cost>
class Solver {
 public:
  Solver(const Cost* cost, std::size_t n)
      : cost_(cost),
        n_(n),
        scan_(row_scan<Cost>()),
        column_of_(n, kFree),
        row_of_(n, kFree),
        price_(n, std::numeric_limits<double>::infinity()) {}

  Assignment solve() {
    reduce_columns();
    if (!free_.empty()) {
      transfer_reduction();
      for (int pass = 0; pass < 2 && !free_.empty(); ++pass) {
        reduce_rows();
      }
      distance_.resize(n_);
      open_price_.resize(n_);
      from_row_.resize(n_);
      for (const std::int32_t row : free_) {
        augment(row);
      }
    }
    Assignment result{column_of_, 0.0};
    for (std::size_t i = 0; i < n_; ++i) {
      result.cost += static_cast<double>(at(static_cast<std::int32_t>(i), column_of_[i]));
    }
    return result;
  }

 private:
  const Cost* row(std::int32_t i) const { return cost_ + static_cast<std::size_t>(i) * n_; }
  Cost at(std::int32_t i, std::int32_t j) const { return row(i)[static_cast<std::size_t>(j)]; }
  double& price(std::int32_t j) { return price_[static_cast<std::size_t>(j)]; }
  std::int32_t& column_of(std::int32_t i) { return column_of_[static_cast<std::size_t>(i)]; }
  std::int32_t& row_of(std::int32_t j) { return row_of_[static_cast<std::size_t>(j)]; }

  // Each column's price is its least cost; it is given to the row that has it if that is free.
  void reduce_columns() {
    std::vector<std::int64_t> best(n_, 0);
    double sum = 0.0;  // not finite as soon as one cost is not
    for (std::size_t i = 0; i < n_; ++i) {
      sum += scan_.column_minima(cost_ + i * n_, static_cast<std::int64_t>(i), n_, price_.data(),
                                 best.data());
    }
    if (!std::isfinite(sum)) {
      throw std::invalid_argument("a cost of the assignment is not a finite number");
    }
    owned_once_.assign(n_, true);
    for (std::size_t j = n_; j-- > 0;) {
      const auto i = static_cast<std::int32_t>(best[j]);
      if (column_of(i) == kFree) {
        column_of(i) = static_cast<std::int32_t>(j);
        row_of_[j] = i;
      } else {
        owned_once_[static_cast<std::size_t>(i)] = false;
      }
    }
    for (std::size_t i = 0; i < n_; ++i) {
      if (column_of_[i] == kFree) {
        free_.push_back(static_cast<std::int32_t>(i));
      }
    }
  }

  // A row that was the best of one column only lowers that column's price until its second choice
  // is as good: more rows can then compete.
  void transfer_reduction() {
    for (std::size_t i = 0; i < n_; ++i) {
      const std::int32_t j = column_of_[i];
      if (j == kFree || !owned_once_[i]) {
        continue;
      }
      const double own = price(j);
      price(j) = -std::numeric_limits<double>::infinity();  // never the minimum
      const double second = scan_.two_minima(cost_ + i * n_, price_.data(), n_).first;
      price(j) = own;
      if (std::isfinite(second)) {
        const double reduced = static_cast<double>(at(static_cast<std::int32_t>(i), j)) - own;
        price(j) = own - (second - reduced);
      }
    }
  }

  // Every free row takes its best column and lowers its price until the second best is as good; a
  // row that loses its column goes on at once. Bounded, because prices can fall in tiny steps.
  void reduce_rows() {
    std::vector<std::int32_t> waiting;
    waiting.swap(free_);
    std::size_t budget = 8 * n_;
    for (std::size_t k = 0; k < waiting.size();) {
      const std::int32_t i = waiting[k++];
      if (budget == 0) {
        free_.push_back(i);
        continue;
      }
      --budget;
      const TwoMinima least = scan_.two_minima(row(i), price_.data(), n_);
      const auto j = static_cast<std::int32_t>(least.index);
      const std::int32_t loser = row_of(j);
      const double lowered = price(j) - (least.second - least.first);
      const bool lowers = lowered < price(j) && std::isfinite(lowered);
      if (!lowers && loser != kFree) {
        free_.push_back(i);  // a tie: a shortest path decides
        continue;
      }
      if (lowers) {
        price(j) = lowered;
      }
      column_of(i) = j;
      row_of(j) = i;
      if (loser != kFree) {
        column_of(loser) = kFree;
        waiting[--k] = loser;
      }
    }
  }

  // The shortest alternating path from a free row to a free column, by Dijkstra on reduced costs.
  void augment(std::int32_t start) {
    open_price_ = price_;
    std::fill(distance_.begin(), distance_.end(), std::numeric_limits<double>::infinity());
    closed_.clear();
    std::int32_t i = start;
    double shift = 0.0;
    for (;;) {
      const Minimum least =
          scan_.relax(row(i), shift, i, n_, open_price_.data(), distance_.data(), from_row_.data());
      const auto j = static_cast<std::int32_t>(least.index);
      if (row_of(j) == kFree) {
        finish(start, j, least.value);
        return;
      }
      // Closed: minus infinity as price makes every later candidate infinite.
      closed_.push_back({j, least.value});
      distance_[static_cast<std::size_t>(j)] = std::numeric_limits<double>::infinity();
      open_price_[static_cast<std::size_t>(j)] = -std::numeric_limits<double>::infinity();
      i = row_of(j);
      shift = static_cast<double>(at(i, j)) - price(j) - least.value;
    }
  }

  void finish(std::int32_t start, std::int32_t last, double length) {
    for (const Closed& column : closed_) {
      price(column.index) += column.distance - length;
    }
    for (std::int32_t j = last;;) {
      const std::int32_t i = from_row_[static_cast<std::size_t>(j)];
      row_of(j) = i;
      std::swap(j, column_of(i));
      if (i == start) {
        return;
      }
    }
  }

  struct Closed {
    std::int32_t index;
    double distance;
  };

  const Cost* cost_;
  std::size_t n_;
  RowScan<Cost> scan_;
  std::vector<std::int32_t> column_of_;  // [rows]
  std::vector<std::int32_t> row_of_;     // [columns]
  std::vector<double> price_;            // [columns]
  std::vector<bool> owned_once_;         // [rows], was the best of at most one column
  std::vector<std::int32_t> free_;       // rows
  // Of the path being searched.
  std::vector<double> distance_;        // [columns], infinite once closed
  std::vector<double> open_price_;      // [columns], minus infinity once closed
  std::vector<std::int32_t> from_row_;  // [columns]
  std::vector<Closed> closed_;
};

}  // namespace

Assignment solve_assignment(const float* cost, std::size_t n) {
  return Solver<float>(cost, n).solve();
}

Assignment solve_assignment(const double* cost, std::size_t n) {
  return Solver<double>(cost, n).solve();
}

}  // namespace moeplan::models
