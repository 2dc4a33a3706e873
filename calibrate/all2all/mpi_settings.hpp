#pragma once
// What figures depend on of an MPI library, as it says itself. Only in builds with MPI.

#include <map>
#include <string>

namespace moeplan::calibrate {

// mpi (library and version), cuda_aware ("yes", "no", "unknown"), and the control variables (MPI_T)
// whose names say that they choose algorithms, protocols or limits, with their effective values.
std::map<std::string, std::string> mpi_settings();

int host_cores();  // that are on line

}  // namespace moeplan::calibrate
