#pragma once
// Import of Intel MPI Benchmarks' collectives (text of IMB-MPI1).
// Source: github.com/intel/mpi-benchmarks, src_c (output) and the user guide.

#include <string>

#include "calibrate/import/measurements.hpp"

namespace moeplan::calibrate {

bool is_imb(const std::string& content);

// Traps taken care of:
// - each section states its ranks ("# #processes = 4"); several numbers in one file are refused
//   unless options.ranks chooses one of them. A section without them needs options.ranks.
// - #bytes is per PAIR of ranks for Alltoall(v) and of one rank's part for Allgather(v); our laws
//   count the whole vector. Allreduce and Reduce_scatter print the whole vector.
// - [usec]; t_min, t_max, t_avg are over ranks: t_max is the collective's time. The row of 0 bytes
//   is no latency of a message and is left out.
// - Alltoallv and Allgatherv run other algorithms: kernel sources of their own.
// - sections of other tests are left out and counted in the notes; rows with other than five cells
//   (cut off, "out-of-mem."), nan, **** and t_min > t_avg are refused.
// Throws: InputError, the line quoted.
models::Measurements parse_imb(const std::string& content, const std::string& file,
                               const ImportOptions& options);

}  // namespace moeplan::calibrate
