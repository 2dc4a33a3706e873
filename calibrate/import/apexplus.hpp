#pragma once
// Import of APEX+'s collective tables (CSV): one NCCL operation a file, launched back to back.
// Source: github.com/microsoft/apex_plus, profile/scripts/comm.py, commit
// 8769096536a34e8b3010fd444021f13858663a93.

#include <string>

#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// Traps taken care of:
// - the operation is in the file's name: all_gather, all_reduce, alltoall, reduce_scatter. sendrecv
//   is refused: no law is of two ranks alone.
// - size(kb) is KiB of the whole vector on one rank (all_gather: of the gathered result), as our
//   laws count it; 0 stands for half a KiB.
// - time(us) is cut off to whole microseconds: rows below 64 KiB are left out, with a note.
// - one node only; `half` is fp16, `float` fp32 (in the open files 17 of those are outliers: the
// fit
//   keeps them and weighs them less).
// Throws: InputError as import_measurements; E_VALUE for an unknown operation, more than one node
// or two devices in one file.
models::Measurements parse_apexplus(const std::string& content, const std::string& file);

}  // namespace moeplan::calibrate
