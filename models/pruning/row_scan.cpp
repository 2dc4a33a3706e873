#include "models/pruning/row_scan.hpp"

#include <cstring>
#include <limits>

namespace moeplan::models {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr std::size_t kLanes = 4;

// GCC's and clang's vector types: one register with AVX2, two with SSE2.
using Doubles = double __attribute__((vector_size(32)));
using Longs = std::int64_t __attribute__((vector_size(32)));
using Floats = float __attribute__((vector_size(16)));
using Ints = std::int32_t __attribute__((vector_size(16)));

#define MOEPLAN_INLINE __attribute__((always_inline)) inline

MOEPLAN_INLINE void load(const double* from, Doubles& into) {
  std::memcpy(&into, from, sizeof into);
}
MOEPLAN_INLINE void load(const float* from, Doubles& into) {
  Floats narrow;
  std::memcpy(&narrow, from, sizeof narrow);
  into = __builtin_convertvector(narrow, Doubles);
}
template <class Vector, class T>
MOEPLAN_INLINE void store(const Vector& from, T* into) {
  std::memcpy(into, &from, sizeof from);
}

template <class Cost>
MOEPLAN_INLINE double column_minima_body(const Cost* cost, std::int64_t row, std::size_t n,
                                         double* least, std::int64_t* row_of) {
  Doubles sum = {0.0, 0.0, 0.0, 0.0};
  const Longs rows = {row, row, row, row};
  std::size_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    Doubles c, before;
    Longs from;
    load(cost + j, c);
    load(least + j, before);
    std::memcpy(&from, row_of + j, sizeof from);
    const Longs falls = c < before;
    store(falls ? c : before, least + j);
    store(falls ? rows : from, row_of + j);
    sum += c;
  }
  double total = sum[0] + sum[1] + sum[2] + sum[3];
  for (; j < n; ++j) {
    const auto c = static_cast<double>(cost[j]);
    total += c;
    if (c < least[j]) {
      least[j] = c;
      row_of[j] = row;
    }
  }
  return total;
}

MOEPLAN_INLINE void take(TwoMinima& into, double value, std::int64_t index) {
  if (value < into.first || (value == into.first && index < into.index)) {
    into.second = into.first;
    into.first = value;
    into.index = index;
  } else if (value < into.second) {
    into.second = value;
  }
}

template <class Cost>
MOEPLAN_INLINE TwoMinima two_minima_body(const Cost* cost, const double* price, std::size_t n) {
  Doubles first = {kInfinity, kInfinity, kInfinity, kInfinity};
  Doubles second = first;
  Longs index = {0, 0, 0, 0};
  Longs at = {0, 1, 2, 3};
  std::size_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    Doubles c, p;
    load(cost + j, c);
    load(price + j, p);
    const Doubles value = c - p;
    const Longs best = value < first;
    const Doubles loser = best ? first : value;
    first = best ? value : first;
    index = best ? at : index;
    second = loser < second ? loser : second;
    at += static_cast<std::int64_t>(kLanes);
  }
  TwoMinima result{kInfinity, kInfinity, std::numeric_limits<std::int64_t>::max()};
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    take(result, first[lane], index[lane]);
    if (second[lane] < result.second) {
      result.second = second[lane];
    }
  }
  for (; j < n; ++j) {
    take(result, static_cast<double>(cost[j]) - price[j], static_cast<std::int64_t>(j));
  }
  return result;
}

template <class Cost>
MOEPLAN_INLINE Minimum relax_body(const Cost* cost, double shift, std::int32_t row, std::size_t n,
                                  const double* price, double* distance, std::int32_t* from_row) {
  const Doubles shifts = {shift, shift, shift, shift};
  const Ints rows = {row, row, row, row};
  Doubles least = {kInfinity, kInfinity, kInfinity, kInfinity};
  Longs index = {0, 0, 0, 0};
  Longs at = {0, 1, 2, 3};
  std::size_t j = 0;
  for (; j + kLanes <= n; j += kLanes) {
    Doubles c, p, before;
    Ints from;
    load(cost + j, c);
    load(price + j, p);
    load(distance + j, before);
    std::memcpy(&from, from_row + j, sizeof from);
    const Doubles candidate = c - p - shifts;
    const Longs falls = candidate < before;
    const Doubles now = falls ? candidate : before;
    store(now, distance + j);
    store(__builtin_convertvector(falls, Ints) ? rows : from, from_row + j);
    const Longs best = now < least;
    least = best ? now : least;
    index = best ? at : index;
    at += static_cast<std::int64_t>(kLanes);
  }
  Minimum result{kInfinity, std::numeric_limits<std::int64_t>::max()};
  const auto better = [&](double value, std::int64_t where) {
    if (value < result.value || (value == result.value && where < result.index)) {
      result = {value, where};
    }
  };
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    better(least[lane], index[lane]);
  }
  for (; j < n; ++j) {
    const double candidate = static_cast<double>(cost[j]) - price[j] - shift;
    if (candidate < distance[j]) {
      distance[j] = candidate;
      from_row[j] = row;
    }
    better(distance[j], static_cast<std::int64_t>(j));
  }
  return result;
}

// The same bodies, compiled twice.
#define MOEPLAN_SCANS(NAME, TARGET)                                                              \
  template <class Cost>                                                                          \
  struct NAME {                                                                                  \
    TARGET static double column_minima(const Cost* cost, std::int64_t row, std::size_t n,        \
                                       double* least, std::int64_t* row_of) {                    \
      return column_minima_body(cost, row, n, least, row_of);                                    \
    }                                                                                            \
    TARGET static TwoMinima two_minima(const Cost* cost, const double* price, std::size_t n) {   \
      return two_minima_body(cost, price, n);                                                    \
    }                                                                                            \
    TARGET static Minimum relax(const Cost* cost, double shift, std::int32_t row, std::size_t n, \
                                const double* price, double* distance, std::int32_t* from_row) { \
      return relax_body(cost, shift, row, n, price, distance, from_row);                         \
    }                                                                                            \
    static RowScan<Cost> scans() { return {column_minima, two_minima, relax}; }                  \
  };

MOEPLAN_SCANS(PlainScans, )
#if defined(__x86_64__)
MOEPLAN_SCANS(Avx2Scans, __attribute__((target("avx2"))))
#endif

}  // namespace

template <class Cost>
RowScan<Cost> row_scan() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) {
    return Avx2Scans<Cost>::scans();
  }
#endif
  return PlainScans<Cost>::scans();
}

template RowScan<float> row_scan<float>();
template RowScan<double> row_scan<double>();

}  // namespace moeplan::models
