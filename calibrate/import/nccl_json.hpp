#pragma once
// Private to calibrate/import: the JSON of nccl-tests (its -J), and the operation of a run. See
// nccl_tests.hpp for the traps.

#include <string>

#include "calibrate/import/measurements.hpp"

namespace moeplan::calibrate {

models::Measurements parse_nccl_json(const std::string& content, const std::string& file,
                                     const ImportOptions& options);

// The operation by what the run says of itself (a program's name, may be empty), else by the
// file's name, else by options.collective. Throws: InputError E_MISSING when none says, E_VALUE for
// an operation without a law.
models::Collective nccl_collective(const std::string& file, const std::string& stated,
                                   const ImportOptions& options);

}  // namespace moeplan::calibrate
