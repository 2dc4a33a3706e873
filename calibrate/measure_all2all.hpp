#pragma once
// moeplan-measure all2all: what is planned over the ranks that a launcher starts. Nothing here
// prints, and nothing needs MPI: parent and ranks make the same plan from the same RankWorld.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "calibrate/all2all/exchange_grid.hpp"
#include "calibrate/all2all/exchange_way.hpp"
#include "calibrate/all2all/rank_world.hpp"
#include "calibrate/layer/layer_shape.hpp"
#include "calibrate/measurement/journal.hpp"
#include "models/units/quantity.hpp"

namespace moeplan::calibrate {

struct ExchangeSweep {
  std::string launcher;        // as the user wrote it
  std::string start = "auto";  // of start_mode_names(), or auto
  Seconds budget = seconds(300.0);
  Seconds longest_visit = seconds(10.0);  // that a point is sampled in a launch
  int launches = 5;
  int visits = 2;
  std::uint64_t seed = 1;
  std::string journal;
  std::vector<std::string> families;  // operation_names() and, only where named, kLayerFamily
  std::vector<std::string> patterns;
  std::int64_t smallest = 256;
  std::int64_t largest = 16 * 1024 * 1024;
  std::string matrices;           // path of a CSV; "": none
  std::string buffers = "host";   // of buffer_names()
  std::string transport = "mpi";  // of transport_names()
};

// As exchange_way. Throws: InputError.
ExchangeWay way_of(const ExchangeSweep& sweep, const RankWorld& world);

// Whole SMoE layers over the ranks (closure_layers()), to hold predictions from the parts to.
inline constexpr const char* kLayerFamily = "layer";

struct PreparedExchanges {
  ExchangeGrid grid;                         // its points: layers too
  std::map<std::string, LayerShape> layers;  // by id
  JournalHeader header;
  std::string start;  // auto resolved: a window needs a core for every rank
  ExchangeWay way = ExchangeWay::host;
  Seconds expected;
};

// matrices: the content of sweep.matrices (rank 0's, on every rank); "" for none.
// Throws: InputError as exchange_grid, replayed_matrices and way_of, and for layers with buffers of
// GPUs.
PreparedExchanges prepare(const ExchangeSweep& sweep, const RankWorld& world,
                          const std::string& matrices);

}  // namespace moeplan::calibrate
