#pragma once
// The exchanges as timed cases of one rank, over any memory and transport. Only in builds with MPI.

#include "calibrate/all2all/exchange_case.hpp"
#include "calibrate/all2all/exchange_transport.hpp"
#include "calibrate/all2all/rank_cases.hpp"

namespace moeplan::calibrate {

// This rank's part; its check() compares what arrived in the memory with what was sent. Skipped
// where counts (32 bits, MPI's) or a third of the capacity do not hold it.
MadeRankCase make_exchange(const ExchangeCase& exchange, int rank, const ExchangeEnds& ends);

// Collective: sends between every pair of ranks at sizes on both sides of any eager limit, because
// connections are made at the first message.
void touch_every_pair(int rank, int ranks, const ExchangeEnds& ends);

}  // namespace moeplan::calibrate
