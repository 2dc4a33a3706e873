#pragma once
// Group-limited routing (DeepSeek n_group, topk_group): experts lie in equal contiguous groups, a
// token first chooses groups and then its top_k experts among those of the chosen groups. It limits
// how many nodes a token is sent to.
//
// Model: groups are drawn without replacement with chances proportional to the sum of their
// columns' weights, then top_k columns among theirs (Routing). The real routers rank groups by
// their largest score or the sum of their two largest. Loads of experts are Routing's: exactly so
// for uniform routing, approximately for a skewed one.
// Source: DeepSeek-V2, arXiv:2405.04434, 2.1.2; DeepSeek-V3, arXiv:2412.19437, 2.1.2.

#include <cstdint>
#include <optional>
#include <string>

#include "models/routing/placement.hpp"
#include "models/routing/routing.hpp"

namespace moeplan::models {

struct GroupLimit {
  std::int64_t groups = 1;  // n_group
  std::int64_t kept = 1;    // topk_group
  friend bool operator==(const GroupLimit&, const GroupLimit&) = default;
};

// Why `experts` experts cannot be routed so; nullopt when they can.
std::optional<std::string> why_not_grouped(std::int64_t experts, std::int64_t top_k,
                                           const GroupLimit& limit);

// Expected number of different ranks (or nodes: then `ranks` is their number) that hold one of a
// token's experts, placed contiguously as in Routing::rank_load. Uniform: exact for the model
// above; skewed: summed over all sets of groups. Never more than the ranks the kept groups lie on.
// Throws: std::logic_error where why_not_grouped says so, for more than 16 groups, and where a
// set of groups has fewer than top_k columns of positive weight.
double expected_distinct_ranks(const Routing& routing, const GroupLimit& limit, int ranks);
// The same under a placement, of which the groups know nothing (with copies: see Routing::placed).
double expected_distinct_ranks(const Routing& routing, const GroupLimit& limit,
                               const Placement& placement);

}  // namespace moeplan::models
