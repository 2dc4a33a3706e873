#pragma once
// Import of OSU micro-benchmarks' collective latencies (text, versions 5.x and 7.x).
// Source: mvapich.cse.ohio-state.edu/benchmarks, c/mpi/collective (osu_alltoall.c:99: size is per
// pair).

#include <string>

#include "calibrate/import/measurements.hpp"

namespace moeplan::calibrate {

// The first 4 KiB hold an OSU title.
bool is_osu(const std::string& content);

// Traps taken care of:
// - the number of ranks is in no version's output: options.ranks, or E_MISSING.
// - size is bytes per PAIR of ranks for all-to-all and of one rank's part for all-gather; our laws
//   count the whole vector (size x ranks). All-reduce and reduce-scatter print the whole vector.
// - microseconds. Without -f there are two columns, with it Min and Max OVER RANKS of each rank's
//   mean (no percentiles of iterations); 7.x -z appends P50 P90 P99. The title line decides. A
//   collective ends with its last rank: Max where it is there, else Avg, with a note.
// - osu_alltoallv uses equal counts but another algorithm: a kernel source of its own.
// - 7.x states the datatype; before, all-reduce and reduce-scatter are MPI_FLOAT and the rest
//   MPI_CHAR.
// - two titles or sizes that do not rise are two runs in one file: refused. So are nan, ****, rows
//   cut short, and tests that no law describes (latency and bandwidth of two ranks, bcast, ...).
//   Lines that are neither comment nor row (mpirun's messages) are passed over, with a note.
// Throws: InputError, the line quoted.
models::Measurements parse_osu(const std::string& content, const std::string& file,
                               const ImportOptions& options);

}  // namespace moeplan::calibrate
