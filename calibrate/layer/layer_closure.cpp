#include "calibrate/layer/layer_closure.hpp"

#include <algorithm>

namespace moeplan::calibrate {
namespace {

constexpr double kElement = sizeof(float);

// What one rank computes, and what passes its link.
struct RankWork {
  double rows = 0.0;    // for its experts, of all ranks
  double active = 0.0;  // of its experts
  double out = 0.0;     // rows of its tokens for experts elsewhere
  double in = 0.0;      // rows of other ranks' tokens for its experts
};

std::vector<RankWork> work_of(const LayerShape& shape, int ranks) {
  const std::vector<std::int64_t> first = first_experts(shape.experts, ranks);
  std::vector<std::vector<std::int64_t>> pairs;  // [ranks][experts]
  for (int rank = 0; rank < ranks; ++rank) {
    pairs.push_back(routed_pairs_of(shape, rank));
  }
  std::vector<RankWork> work(static_cast<std::size_t>(ranks));
  for (std::size_t owner = 0; owner < work.size(); ++owner) {
    for (auto e = static_cast<std::size_t>(first[owner]);
         e < static_cast<std::size_t>(first[owner + 1]); ++e) {
      std::int64_t of_expert = 0;
      for (std::size_t source = 0; source < work.size(); ++source) {
        const std::int64_t count = pairs[source][e];
        of_expert += count;
        if (source != owner) {
          work[source].out += static_cast<double>(count);
          work[owner].in += static_cast<double>(count);
        }
      }
      work[owner].rows += static_cast<double>(of_expert);
      work[owner].active += of_expert > 0 ? 1.0 : 0.0;
    }
  }
  return work;
}

class Sum {
 public:
  explicit Sum(bool& extrapolated) : extrapolated_(extrapolated) {}
  Seconds operator()(const models::Estimate& estimate) {
    extrapolated_ = extrapolated_ || estimate.extrapolated;
    return estimate.duration;
  }

 private:
  bool& extrapolated_;
};

}  // namespace

std::vector<LayerShape> closure_layers() {
  struct Kind {
    std::int64_t hidden, intermediate, top_k;
    std::vector<std::int64_t> experts;
    std::vector<std::int64_t> tokens;
    double skew;
  };
  // 24 -> 12, 64 -> 32 and 8 -> 4 are pruned halves.
  const std::vector<Kind> kinds = {{896, 448, 2, {24, 12}, {1, 48, 1000}, 0.0},
                                   {640, 768, 2, {8, 4}, {5, 200, 4096}, 0.5},
                                   {1280, 320, 4, {64, 32}, {20, 500}, 1.0},
                                   {768, 512, 1, {6}, {3, 100, 700, 2000}, 0.0}};
  std::vector<LayerShape> layers;
  for (const Kind& kind : kinds) {
    for (const std::int64_t experts : kind.experts) {
      for (const std::int64_t tokens : kind.tokens) {
        layers.push_back({.hidden = kind.hidden,
                          .intermediate = kind.intermediate,
                          .experts = experts,
                          .top_k = kind.top_k,
                          .tokens = tokens,
                          .skew = kind.skew});
      }
    }
  }
  return layers;
}

LayerEstimate estimate_layer(const LayerShape& shape, int ranks, const models::CostLaws& laws) {
  const std::vector<RankWork> work = work_of(shape, ranks);
  const auto tokens = static_cast<double>(shape.tokens);
  const auto row = static_cast<double>(shape.hidden) * kElement;
  LayerEstimate out;
  Sum take(out.extrapolated);
  out.router = take(laws.plain.estimate(tokens, shape.experts, shape.hidden));
  double busiest_link = 0.0;
  for (const RankWork& rank : work) {
    busiest_link = std::max({busiest_link, rank.in, rank.out});
    const models::ExpertShape experts{.hidden = shape.hidden,
                                      .intermediate = shape.intermediate,
                                      .top_k = shape.top_k,
                                      .experts = shape.experts,
                                      .local_experts = shape.experts,
                                      .gated = true,
                                      .precision = models::Precision::fp32};
    const Seconds computed =
        take(laws.expert.estimate(experts, {.tokens = rank.rows / static_cast<double>(shape.top_k),
                                            .pairs = rank.rows,
                                            .active_experts = rank.active}));
    const Seconds moved = take(laws.stream.estimate(Bytes(2.0 * rank.rows * row))) * 2.0;
    if (computed + moved > out.experts + out.regroup) {
      out.experts = computed;
      out.regroup = moved;
    }
  }
  if (ranks > 1) {
    const models::RankGroup group{ranks, 1};
    const double with_own = busiest_link * ranks / (ranks - 1);
    const Seconds rows = take(
        laws.collective.estimate(models::Collective::all_to_all, group, Bytes(with_own * row)));
    const Seconds counts = take(laws.collective.estimate(
        models::Collective::all_to_all, group, Bytes(8.0 * static_cast<double>(shape.experts))));
    out.dispatch = counts + rows;
    out.combine = rows;
  }
  return out;
}

}  // namespace moeplan::calibrate
