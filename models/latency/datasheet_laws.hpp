#pragma once
// Laws of a device nobody measured, in the same forms as the fitted ones: peak rates from the data
// sheet times the efficiencies that H100 reaches. For make_cost_laws, and for calibrate/fitting,
// which holds them against measurements of other devices.

#include "models/architecture/precision.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::models {

// No domain: nothing is ever "inside the measured range", the info says datasheet instead.
// Throws: as Gpu::peak_for for precisions the device does not run.
FittedLaw datasheet_expert(const Gpu& gpu, Precision precision);
// The law of experts whose 4-bit weights the kernel expands to 16 bits, as engines that serve run
// them (vLLM 0.11 to 0.18 and TensorRT-LLM on Hopper): rows are counted one by one (TileRule
// by_rows) at 18 % of the 16-bit peak; reading weights and launches stay as in `law`. sd of ln(t)
// at least 0.30. Source: bin/serving_validation.
FittedLaw with_expanded_weights(FittedLaw law, const Gpu& gpu);
FittedLaw datasheet_dense(const Gpu& gpu, Precision precision);
FittedLaw datasheet_decode(const Gpu& gpu);
FittedLaw datasheet_prefill(const Gpu& gpu);
FittedLaw datasheet_mla_decode(const Gpu& gpu);
FittedLaw datasheet_mla_prefill(const Gpu& gpu);
FittedLaw assumed_stream(const Gpu& gpu);
// The engine's CPU side, on the machines of the runs it was fitted to; taken for all others.
FittedLaw serving_host();

}  // namespace moeplan::models
