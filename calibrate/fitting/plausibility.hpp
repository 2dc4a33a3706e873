#pragma once
// Private to calibrate/fitting: rows and files that no such device can have produced.

#include <string>

#include "models/hardware/gpu.hpp"
#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// Reads the weights of its active experts above 1.05 times the peak bandwidth, though they are
// more than two L2 caches.
bool too_fast(const models::ExpertSample& sample, const models::Gpu& gpu);

// Throws: InputError E_UNIT when most rows of a file are too fast for the memory (weights read) or
// for the arithmetic (FLOP done) of the device: as if milliseconds had been microseconds.
void check_units(const models::Measurements& file, const models::Gpu& gpu);

// True when the device a file names is certainly another one than the GPU: both names hold a
// model's name ("H100", "RTX PRO 6000"), and they differ. Variants (PCIe, memory) are not told
// apart: files write them in too many ways.
bool names_other_device(const std::string& stated, const models::Gpu& gpu);

// Why a measured collective cannot be one between devices of this kind; "" where it can. Rows that
// moeplan-measure staged through the host never are, and rows of the host's buffers are a CPU's.
std::string why_not_between(const models::CollectiveSample& sample, const models::Gpu& device);

// Throws: InputError E_VALUE for a file with such a row. Not a note: whoever fits it takes it for
// what it is not.
void check_exchanges(const models::Measurements& file, const models::Gpu& device);

}  // namespace moeplan::calibrate
