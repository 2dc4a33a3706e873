#pragma once
// The linear assignment problem: a dense square matrix, every row gets a column of its own, at the
// least total cost. Exact. Jonker and Volgenant's shortest augmenting paths: column reduction,
// reduction transfer, augmenting row reduction, then one shortest path for each row that is left;
// every scan of a row is vectorised. O(n^3) at worst, near O(n^2) where rows have a clear
// favourite. Source: R. Jonker, A. Volgenant, A shortest augmenting path algorithm for dense and
// sparse linear assignment problems, Computing 38 (1987) 325-340.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace moeplan::models {

struct Assignment {
  std::vector<std::int32_t> column_of_row;  // [n], a permutation
  double cost = 0.0;                        // sum of cost[row][column_of_row[row]]
};

// cost: [n x n] row-major. Prices are kept in double for both types.
// Throws: std::invalid_argument for a cost that is not finite.
Assignment solve_assignment(const float* cost, std::size_t n);
Assignment solve_assignment(const double* cost, std::size_t n);

}  // namespace moeplan::models
