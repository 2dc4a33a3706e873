#pragma once
// Import of nccl-tests' results: its text and the JSON it writes with -J.
// Source: github.com/NVIDIA/nccl-tests 2.19, src/common.cu, src/util.cu, src/alltoall.cu.

#include <string>

#include "calibrate/import/measurements.hpp"

namespace moeplan::calibrate {

bool is_nccl_tests_text(const std::string& content);
// A JSON document whose top level has results and out_of_bounds.
bool is_nccl_tests_json(const std::string& content);

// Traps taken care of:
// - size is bytes per RANK over all peers (per pair: size / ranks; the opposite of OSU and IMB),
//   as our laws count them for all four collectives; count is elements per pair.
// - microseconds, of the out-of-place columns: all-to-all is not supported in place (N/A).
//   With -I 1 four columns follow in each block; the title decides.
// - ranks are the "Rank" lines of the text; JSON lists one device for each PROCESS, so ranks =
//   devices x nthreads x ngpus; nodes are the different hosts.
// - the operation is in the title ("Collective test starting: alltoall_perf"), in JSON's args, in
//   the file's name, or in options.collective.
// - algbw = size / time and busbw = algbw x (P-1)/P (x 2 for all-reduce) must hold to the digits
//   printed: a wrong operation, number of ranks or unit shows there (E_UNIT).
// - #wrong above 0, "Out of bounds values" other than 0 OK or not there (a run cut off), sizes
//   that do not rise and two devices are refused. N/A in #wrong (no check, -c 0) gives a note.
// - it is the average of launches back to back: throughput, with little of a call's latency.
// Throws: InputError, the line quoted.
models::Measurements parse_nccl_tests(const std::string& content, const std::string& file,
                                      const ImportOptions& options);

}  // namespace moeplan::calibrate
