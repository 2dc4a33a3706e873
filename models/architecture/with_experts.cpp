// The pruned counterpart of an architecture.

#include <fmt/format.h>

#include "models/architecture/counts.hpp"
#include "models/text/input_error.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

std::optional<std::string> why_not(const MoeFfn& moe, std::int64_t kept, std::size_t layer) {
  if (kept < 1) {
    return fmt::format("{} experts in layer {}: at least {} (top_k) must be kept", kept, layer,
                       moe.top_k);
  }
  if (moe.top_k > kept) {
    return fmt::format("top_k {} > {} experts in layer {}", moe.top_k, kept, layer);
  }
  if (kept > moe.experts) {
    return fmt::format("{} experts to keep > {} experts in layer {}", kept, moe.experts, layer);
  }
  const Router& router = moe.router;
  if (kept % router.groups != 0) {
    return fmt::format("{} experts do not divide into the {} router groups of layer {}", kept,
                       router.groups, layer);
  }
  const std::int64_t reachable = kept / router.groups * router.groups_kept;
  if (moe.top_k > reachable) {
    return fmt::format("top_k {} > the {} experts that {} of {} router groups hold in layer {}",
                       moe.top_k, reachable, router.groups_kept, router.groups, layer);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> why_not_experts(const SmoeArchitecture& architecture,
                                           const std::vector<std::int64_t>& kept) {
  require(kept.size() == architecture.layers.size(), "one entry per layer");
  bool any = false;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (const auto* moe = std::get_if<MoeFfn>(&architecture.layers[i].ffn)) {
      any = true;
      if (auto reason = why_not(*moe, kept[i], i)) {
        return reason;
      }
    }
  }
  return any ? std::nullopt
             : std::optional(fmt::format("{} has no MoE layers to prune", architecture.name));
}

std::optional<std::string> why_not_experts(const SmoeArchitecture& architecture,
                                           std::int64_t kept) {
  return why_not_experts(architecture, std::vector<std::int64_t>(architecture.layers.size(), kept));
}

SmoeArchitecture with_experts(const SmoeArchitecture& architecture,
                              const std::vector<std::int64_t>& kept) {
  if (const auto reason = why_not_experts(architecture, kept)) {
    throw InputError(Problem{.code = "E_VALUE", .what = *reason});
  }
  SmoeArchitecture pruned = architecture;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (auto* moe = std::get_if<MoeFfn>(&pruned.layers[i].ffn)) {
      moe->experts = kept[i];
    }
  }
  return pruned;
}

SmoeArchitecture with_experts(const SmoeArchitecture& architecture, std::int64_t kept) {
  return with_experts(architecture, std::vector<std::int64_t>(architecture.layers.size(), kept));
}

}  // namespace moeplan::models
