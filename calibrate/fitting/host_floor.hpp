#pragma once
// Private to calibrate/fitting: laws of tables that hold the host's launches.

#include <string>

#include "models/hardware/gpu.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::calibrate {

// The floor of such a table is the host's, which an engine pays once a step (family host) or not
// at all (graphs): the law keeps the rates and takes the launch of the data-sheet law; its source
// says so. Returns the same as a note for people.
std::string take_out_host(models::FittedLaw& law, const models::Gpu& gpu);

}  // namespace moeplan::calibrate
