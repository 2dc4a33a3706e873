#pragma once
// Private to models/pruning: the loops over one row that linear assignment spends its time in, in
// four lanes; compiled for AVX2 too, and chosen when the program runs.

#include <cstddef>
#include <cstdint>

namespace moeplan::models {

struct TwoMinima {
  double first = 0.0;   // the least of cost[j] - price[j]
  double second = 0.0;  // the second least; equal to first on a tie; infinite for n = 1
  std::int64_t index = 0;
};

struct Minimum {
  double value = 0.0;
  std::int64_t index = 0;
};

template <class Cost>
struct RowScan {
  // least[j] = min(least[j], cost[j]), row_of[j] = row where it fell. Returns a sum that is finite
  // exactly when all costs are (and their sum is).
  double (*column_minima)(const Cost* cost, std::int64_t row, std::size_t n, double* least,
                          std::int64_t* row_of);
  TwoMinima (*two_minima)(const Cost* cost, const double* price, std::size_t n);
  // distance[j] = min(distance[j], cost[j] - price[j] - shift), from_row[j] = row where it fell;
  // returns the least distance.
  Minimum (*relax)(const Cost* cost, double shift, std::int32_t row, std::size_t n,
                   const double* price, double* distance, std::int32_t* from_row);
};

// For this machine.
template <class Cost>
RowScan<Cost> row_scan();

}  // namespace moeplan::models
