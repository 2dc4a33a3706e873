#include "calibrate/all2all/exchange_law.hpp"

#include <algorithm>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::calibrate {

double busiest_rank_bytes(const ByteMatrix& matrix) {
  std::int64_t most = 0;
  for (int rank = 0; rank < matrix.ranks(); ++rank) {
    const std::int64_t own = matrix.at(rank, rank);
    most = std::max({most, matrix.sent(rank) - own, matrix.received(rank) - own});
  }
  return static_cast<double>(most);
}

double ExchangeLaw::seconds(const ByteMatrix& matrix) const {
  double longest = busiest_rank_bytes(matrix) / rate;
  for (const Uplink& uplink : uplinks) {
    std::vector<bool> behind(static_cast<std::size_t>(matrix.ranks()), false);
    for (const int rank : uplink.ranks) {
      behind[static_cast<std::size_t>(rank)] = true;
    }
    std::int64_t out = 0;
    std::int64_t in = 0;
    for (int s = 0; s < matrix.ranks(); ++s) {
      for (int d = 0; d < matrix.ranks(); ++d) {
        const bool from = behind[static_cast<std::size_t>(s)];
        const bool to = behind[static_cast<std::size_t>(d)];
        out += from && !to ? matrix.at(s, d) : 0;
        in += !from && to ? matrix.at(s, d) : 0;
      }
    }
    longest = std::max(longest, static_cast<double>(std::max(out, in)) / uplink.rate);
  }
  return start + longest;
}

ExchangeLaw fit_exchange_law(const std::vector<TimedBytes>& rows) {
  // Residual 1 - start / t - slope b / t: linear least squares in (start, slope).
  double aa = 0.0;
  double ab = 0.0;
  double bb = 0.0;
  double a = 0.0;
  double b = 0.0;
  for (const TimedBytes& row : rows) {
    require(row.seconds > 0.0, "a duration above zero");
    const double u = 1.0 / row.seconds;
    const double v = row.bytes / row.seconds;
    aa += u * u;
    ab += u * v;
    bb += v * v;
    a += u;
    b += v;
  }
  const double determinant = aa * bb - ab * ab;
  require(determinant > 1e-12 * aa * bb, "a fit needs two different sizes");
  const double start = std::max(0.0, (a * bb - b * ab) / determinant);
  const double slope = (b * aa - a * ab) / determinant;
  require(slope > 0.0, "durations that grow with the size");
  return {.start = start, .rate = 1.0 / slope, .uplinks = {}};
}

}  // namespace moeplan::calibrate
