#pragma once
// merge_layer: a layer's plan carried out on weights. Every member of a kept expert is aligned to
// the anchor (align) and the members are averaged with their weights; a kept expert of one member
// is that member, bit for bit.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "models/pruning/expert_weights.hpp"
#include "models/pruning/pruning_plan.hpp"

namespace moeplan::models {

// What the alignment of one member did.
struct MemberAlignment {
  std::int32_t member = 0;
  std::int32_t anchor = 0;
  double cosine_before = 0.0;  // see Alignment
  double cosine_after = 0.0;
  std::int64_t moved = 0;  // neurons that changed their place
};

// Gives one expert's weights, which may be shared; called from several threads.
using ExpertLoader = std::function<std::shared_ptr<const ExpertWeights>(std::int32_t expert)>;
// Takes kept expert `index`, in order, one at a time.
using ExpertSink = std::function<void(std::size_t index, ExpertWeights&& weights)>;

// Loads experts one by one and keeps few: per thread an anchor, a member and intermediate^2 costs
// while aligning; two experts per thread while averaging. Results do not depend on `threads`.
// align_members false: members are averaged as they are.
// Returns one entry per member that is no anchor, in the order of kept experts and members.
// Throws: as align, and what load and sink throw.
std::vector<MemberAlignment> merge_layer(const LayerPlan& plan, const ExpertLoader& load,
                                         const ExpertSink& sink, int threads,
                                         bool align_members = true);

// The same with everything in memory: [experts] in, [kept] out.
struct MergedLayer {
  std::vector<ExpertWeights> experts;
  std::vector<MemberAlignment> alignments;
};
MergedLayer merge_layer(const LayerPlan& plan, std::span<const ExpertWeights> experts, int threads,
                        bool align_members = true);

}  // namespace moeplan::models
