#pragma once
// import_measurements: any file of measurements that moeplan reads. The kind is known from the
// columns (and, where two projects share them, from the path); the hardware is the caller's to say.

#include <filesystem>
#include <optional>
#include <string>

#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// What files do not say of themselves, and how strictly they are read.
struct ImportOptions {
  std::optional<int> ranks;  // of a collective (OSU prints none; of several in a file, this one)
  std::optional<int> nodes;  // that the ranks lie on; not given: what the file says, else one
  std::string collective;    // alltoall, all_reduce, ...: where neither text nor file name says it
  // Rows that cannot be read (unknown kernels or precisions, broken cells, two durations of one
  // point) are counted in Measurements::skipped, with the reason; else they refuse the file.
  bool skip_bad_rows = false;
};

// Tables of projects: aiconfigurator.hpp, infersim.hpp, frontier.hpp, llmservingsim.hpp,
// apexplus.hpp, vidur.hpp. Texts of benchmarks of collectives: osu.hpp, imb.hpp, nccl_tests.hpp.
// Our own files: own_format.hpp.
// Options that a file lacks are also looked for in a file beside it, NAME.yaml of NAME, with the
// keys ranks, nodes, collective.
// Throws: InputError E_MISSING for a file whose columns fit no kind (lists the kinds), else as the
// project's parse function: all bad rows at once, with file and line. With skip_bad_rows: E_VALUE
// when not one row could be read.
models::Measurements import_measurements(const std::filesystem::path& path,
                                         const ImportOptions& options = {});
// The same for text in memory; `file` names it in errors, and its name may carry shapes.
models::Measurements parse_measurements(const std::string& content, const std::string& file,
                                        const ImportOptions& options = {});

}  // namespace moeplan::calibrate
