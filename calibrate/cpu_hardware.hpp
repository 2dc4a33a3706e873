#pragma once
// The hardware file of a measured CPU: what the catalog has of a GPU, with measured rates.

#include <string>

#include "calibrate/kernels/kernel_device.hpp"
#include "models/latency/kernel_sample.hpp"
#include "models/units/quantity.hpp"

namespace moeplan::calibrate {

struct CpuRates {
  BytesPerSecond bandwidth;  // most that a copy or a product whose weights are not cached moved
  FlopsPerSecond compute;    // most that a product reached
};
// Throws: InputError E_VALUE where the file has no copies or no products.
CpuRates cpu_rates(const models::Measurements& measured, Bytes last_level_cache);

// YAML as models/catalog reads it. Its name says where the figures are from; power: as the user
// states it, for energy costs. fabric and uplink are ids of the catalog that one device never uses.
std::string cpu_hardware_text(const models::Measurements& measured, const KernelDevice& device,
                              Watts power);

}  // namespace moeplan::calibrate
