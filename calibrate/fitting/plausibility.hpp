#pragma once
// Private to calibrate/fitting: rows and files that no such device can have produced.

#include "models/hardware/gpu.hpp"
#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// Reads the weights of its active experts above 1.05 times the peak bandwidth, though they are
// more than two L2 caches.
bool too_fast(const models::ExpertSample& sample, const models::Gpu& gpu);

// Throws: InputError E_UNIT when most rows of a file are too fast for the memory (weights read) or
// for the arithmetic (FLOP done) of the device: as if milliseconds had been microseconds.
void check_units(const models::Measurements& file, const models::Gpu& gpu);

}  // namespace moeplan::calibrate
