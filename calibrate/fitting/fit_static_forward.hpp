#pragma once
// fit_static_forward: the law of static forward passes (models/latency/static_forward.hpp) from
// printed ones.

#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/profile.hpp"
#include "models/latency/published_forward.hpp"
#include "models/latency/static_forward.hpp"

namespace moeplan::calibrate {

// Of points with `use`
//   growth: two passes on different numbers of GPUs, else alike; their ratio r gives
//     wait = max(0, (r - 1) / (n2 - 1 - r (n1 - 1)))
//   fit: passes; layer_s, moe_layer_s and expert_s >= 0 by least squares of ln(t), wait held fixed;
//     the three points of figure 2a determine them, so they are met
//   check: passes of the figure of the fit that it has not seen: the law's band is their error, and
//     leave_one_expert_count_out states it.
// Throws: InputError E_VALUE for fewer than three points to fit, or growth points that are not such
// a pair; E_VALUE as the catalog for a model it does not know.
models::Profile fit_static_forward(const models::PublishedForward& published,
                                   const models::Gpu& gpu, const models::Fabric& inside);

// A printed point by a law, in the quantity that the point states: the pass, or of one MoE layer
// what its All2All timer (dispatch, combine, waiting) or its expert timer holds.
Seconds predicted(const models::StaticEstimate& estimate, models::ForwardQuantity quantity);

}  // namespace moeplan::calibrate
