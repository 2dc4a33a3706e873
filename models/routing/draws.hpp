#pragma once
// Draws of top_k columns without replacement with chances proportional to weights
// (Plackett-Luce): probabilities of the sets that Routing asks for. Internal to models/routing.
//
// Column c rings after an exponential time with rate w_c; the first top_k to ring are the draw.
// So a group G is hit when its first ring (rate W = sum of its weights) comes while fewer than
// top_k columns outside it have rung:
//   P(hit G) = integral over t of W e^(-W t) P(rings outside G by t < top_k)
// and rings by t are independent Bernoulli(1 - e^(-w_c t)).

#include <cstdint>
#include <vector>

namespace moeplan::models {

// [groups], P(at least one column of the group is drawn); weights, group_of: [columns], weights
// >= 0, group_of in 0 .. groups - 1. Accurate to 1e-10 (Gauss-Legendre panels in log t).
// Throws: std::logic_error when fewer than top_k weights are positive.
std::vector<double> hit_probabilities(const std::vector<double>& weights,
                                      const std::vector<std::int64_t>& group_of,
                                      std::int64_t groups, std::int64_t top_k);

// [columns], weights whose single-column hit probabilities are the given ones (0..1, sum top_k),
// up to 1e-9; where one is above 1 - 1e-6, all are met to 1e-5 only.
std::vector<double> weights_for(const std::vector<double>& inclusion, std::int64_t top_k);

}  // namespace moeplan::models
