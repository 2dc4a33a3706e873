#pragma once
// The exchanges themselves, over MPI with buffers of the host. Only in builds with MPI.

#include "calibrate/all2all/exchange_case.hpp"
#include "calibrate/all2all/rank_cases.hpp"

namespace moeplan::calibrate {

// This rank's part. Skipped where MPI's counts (32 bits) or the memory do not hold it.
MadeRankCase make_exchange(const ExchangeCase& exchange, int rank);

// Collective: sends between every pair of ranks at sizes on both sides of any eager limit, because
// connections are made at the first message.
void touch_every_pair(int rank, int ranks);

}  // namespace moeplan::calibrate
