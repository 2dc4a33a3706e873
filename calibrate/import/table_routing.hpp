#pragma once
// How aiconfigurator's collector routes the tokens of a fused-MoE row; what the timed rank (number
// 0) got. Source: its collector/helper.py, balanced_logits and _generate_power_law_distribution.

#include <cstdint>
#include <optional>
#include <string>

#include "models/latency/expert_latency.hpp"

namespace moeplan::calibrate {

// `balanced`: token t chooses the experts (t + i stride) mod E, i < k, stride = ceil(E / k), and
// t stride / T in place of t when there are fewer tokens than the stride. Exact.
models::ExpertLoad balanced_load(std::int64_t tokens, std::int64_t experts, std::int64_t top_k,
                                 std::int64_t ranks);

// `uniform`: every rank gets T k / ranks pairs, dealt evenly to its experts. Exact where that is
// whole; the collector rounds down and leaves out rows below one token an expert.
models::ExpertLoad even_load(std::int64_t tokens, std::int64_t experts, std::int64_t top_k,
                             std::int64_t ranks);

// `power_law_<alpha>`: shares of the experts are drawn from a bounded Pareto law, clipped to one
// choice a token; the busiest rank is the one timed. The draws of a row are unknown: mean over
// kPowerLawDraws draws of our own from a fixed seed. Clipped shares are refilled evenly.
inline constexpr int kPowerLawDraws = 10;
models::ExpertLoad power_law_load(std::int64_t tokens, std::int64_t experts, std::int64_t top_k,
                                  std::int64_t ranks, double alpha);

// The exponent in "power_law_1.2"; nullopt for other names.
std::optional<double> power_law_exponent(const std::string& distribution);

}  // namespace moeplan::calibrate
