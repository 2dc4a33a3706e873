#pragma once
// exchange_grid: the exchanges of a sweep over given ranks, coarse to fine.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "calibrate/all2all/exchange_case.hpp"
#include "calibrate/all2all/rank_world.hpp"
#include "calibrate/measurement/budget.hpp"

namespace moeplan::calibrate {

struct ExchangeGridOptions {
  std::int64_t smallest = 256;                 // bytes of one rank
  std::int64_t largest = 16 * 1024 * 1024;     //
  std::vector<std::string> families;           // operation_names(); empty: all
  std::vector<std::string> patterns;           // of all2allv; empty: all
  std::map<std::string, ByteMatrix> replayed;  // by name
};

struct ExchangeGrid {
  std::vector<GridPoint> points;              // ids, levels, expected durations
  std::map<std::string, ExchangeCase> cases;  // by id
};

// Level 0: uniform exchanges and ping-pongs, sizes x4; 1: all collectives, skewed, sparse and
// replayed exchanges; 2: sizes x2 and, for ping-pongs, more sizes drawn log-uniform from a fixed
// seed (eager limits lie between powers of two). What these ranks cannot do (inter-node on one
// node) is not in it. Throws: InputError E_VALUE for families or patterns that are not known.
ExchangeGrid exchange_grid(const RankWorld& world, const ExchangeGridOptions& options);

}  // namespace moeplan::calibrate
