#pragma once
// ExchangeLaw: the time of any exchange from a start and the rates of what it passes through.
//   t = start + max over resources r of V_r / rate_r
// Resources: every rank's way out and way in, and for every group of ranks behind one uplink its
// way out and its way in. V_r: bytes through it, a rank's own part never.
// Source: the volume model that held within about 1 % on a shaped Ethernet of four hosts.

#include <vector>

#include "calibrate/all2all/exchange_case.hpp"

namespace moeplan::calibrate {

struct Uplink {
  std::vector<int> ranks;  // behind it
  double rate = 0.0;       // B/s, each way
};

struct ExchangeLaw {
  double start = 0.0;  // s
  double rate = 0.0;   // B/s of a rank, each way
  std::vector<Uplink> uplinks;

  double seconds(const ByteMatrix& matrix) const;
};

// Bytes through the busiest rank (out or in), own parts left out.
double busiest_rank_bytes(const ByteMatrix& matrix);

struct TimedBytes {
  double bytes = 0.0;
  double seconds = 0.0;
};
// start and rate of t = start + bytes / rate with the least sum of squared relative errors. A start
// below zero (a shaper's burst passes the first bytes for nothing) becomes zero, and the rate stays
// that of the slope: it holds for large exchanges. Throws: std::logic_error for less than two
// different sizes.
ExchangeLaw fit_exchange_law(const std::vector<TimedBytes>& rows);

}  // namespace moeplan::calibrate
