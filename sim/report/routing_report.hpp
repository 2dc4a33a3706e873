#pragma once
// Routing in reports: how tokens spread over experts, what pruning did to the routers, what buffers
// of fixed capacity drop. Skew is the busiest expert over the mean.

#include <string>
#include <vector>

#include "models/text/json.hpp"
#include "sim/plan/design.hpp"
#include "sim/report/text_table.hpp"

namespace moeplan::sim {

// {mode, skew, skew_unpruned (median layer), skew_worst_layer, skew_worst_layer_unpruned,
// effective_top_k, output_scale}; null when nothing was pruned. output_scale is null for routers
// trained anew.
text::Json router_json(const std::optional<models::RouterEffect>& effect);
// {dropped_fraction, padding_fraction}; null for dropless exchanges.
text::Json buffers_json(const std::optional<BufferUse>& buffers);
// {distribution, description, file, file_sha256, skew_median, skew_worst, skew_worst_layer} of the
// unpruned model; null for a dense one.
text::Json routing_json(const Scenario& scenario);

// One row per design of a model with experts.
TextTable routing_table(const std::vector<const Design*>& designs, const Scenario& scenario);
// "routing: dirichlet, concentration 1; busiest expert ..."; "" for a dense model.
std::string routing_text(const Scenario& scenario);

}  // namespace moeplan::sim
