#include "calibrate/scorecard/scorecard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "models/routing/routing.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

using models::ExchangeMode;
using models::ExchangePhase;
using models::Precision;

class LayerPricer {
 public:
  LayerPricer(const ScorecardMachine& machine, const ScorecardLayer& layer, Precision precision)
      : predictor_(*machine.gpu, *machine.inside, nullptr, machine.profile),
        layer_(layer),
        precision_(precision),
        routing_(models::Routing::uniform(layer.moe.experts, layer.moe.top_k)) {}

  ScorecardPoint price(std::int64_t ranks, std::int64_t tokens) {
    ScorecardPoint point{.architecture = layer_.architecture,
                         .precision = precision_,
                         .expert_parallel = ranks,
                         .tokens_per_rank = tokens,
                         .router = {},
                         .experts = {},
                         .exchange = {},
                         .extrapolated = {},
                         .datasheet = {}};
    const auto own = static_cast<double>(tokens);
    point.router =
        add(point, "router", product(own, layer_.moe.experts, layer_.hidden, Precision::bf16));
    point.experts = add(point, "expert", predictor_.predict(experts(ranks, tokens)));
    if (layer_.moe.shared_experts > 0) {
      const std::int64_t width = layer_.moe.shared_intermediate;
      point.experts +=
          add(point, "dense",
              product(own, (layer_.moe.gated ? 2 : 1) * width, layer_.hidden, precision_));
      point.experts += add(point, "dense", product(own, layer_.hidden, width, precision_));
    }
    if (ranks > 1) {
      add_exchange(ranks, tokens, point);
    }
    return point;
  }

 private:
  static Seconds add(ScorecardPoint& point, const std::string& family, const Prediction& answer) {
    require(answer.refused.empty(), "a law that the machine runs answers");
    const auto note = [&](std::vector<std::string>& list) {
      if (std::find(list.begin(), list.end(), family) == list.end()) {
        list.push_back(family);
      }
    };
    if (answer.origin == LawOrigin::data_sheet) {
      note(point.datasheet);
    } else if (answer.extrapolated) {
      note(point.extrapolated);
    }
    return seconds(answer.seconds);
  }

  // No source: what plans take.
  Prediction product(double rows, std::int64_t columns, std::int64_t inner, Precision precision) {
    models::DenseSample sample;
    sample.origin.precision = precision;
    sample.rows = rows;
    sample.columns = columns;
    sample.inner = inner;
    return predictor_.predict(sample);
  }

  models::ExpertSample experts(std::int64_t ranks, std::int64_t tokens) const {
    const models::MoeFfn& moe = layer_.moe;
    const double all = static_cast<double>(tokens * ranks);
    const models::RankLoad load = routing_.largest_rank_load(all, static_cast<int>(ranks));
    models::ExpertSample sample;
    sample.origin.precision = precision_;
    sample.shape = {.hidden = layer_.hidden,
                    .intermediate = moe.intermediate,
                    .top_k = moe.top_k,
                    .experts = moe.experts,
                    .local_experts = moe.experts / ranks,
                    .gated = moe.gated,
                    .precision = precision_};
    sample.intermediate_full = moe.intermediate;
    sample.load = {.tokens = all, .pairs = load.pairs, .active_experts = load.active_experts};
    return sample;
  }

  std::array<Prediction, 2> exchange(ExchangeMode mode, std::int64_t ranks, std::int64_t tokens) {
    models::ExchangeSample sample;
    sample.origin.kernel_source = std::string(kernel_source_of(mode));
    sample.ranks = static_cast<int>(ranks);
    sample.nodes = 1;
    sample.tokens = tokens;
    sample.hidden = layer_.hidden;
    sample.top_k = layer_.moe.top_k;
    sample.experts = layer_.moe.experts;
    std::array<Prediction, 2> halves;
    for (const ExchangePhase phase : {ExchangePhase::dispatch, ExchangePhase::combine}) {
      sample.phase = phase;
      const bool eight_bits =
          phase == ExchangePhase::dispatch && models::activation_bytes(precision_) == 1.0;
      sample.origin.precision = eight_bits ? Precision::fp8 : Precision::bf16;
      halves[phase == ExchangePhase::dispatch ? 0 : 1] = predictor_.predict(sample);
    }
    return halves;
  }

  void add_exchange(std::int64_t ranks, std::int64_t tokens, ScorecardPoint& point) {
    std::array<Prediction, 2> best = exchange(ExchangeMode::normal, ranks, tokens);
    const std::array<Prediction, 2> other = exchange(ExchangeMode::low_latency, ranks, tokens);
    // Without kernels of that kind the answer is a library's, which moves the normal mode's rows.
    if (other[0].origin == LawOrigin::own && other[1].origin == LawOrigin::own &&
        other[0].seconds + other[1].seconds < best[0].seconds + best[1].seconds) {
      best = other;
    }
    for (const Prediction& half : best) {
      point.exchange += add(point, "all2all", half);
    }
  }

  Predictor predictor_;
  const ScorecardLayer& layer_;
  Precision precision_;
  models::Routing routing_;
};

}  // namespace

Scorecard make_scorecard(const ScorecardWorkload& workload, const ScorecardMachine& machine) {
  Scorecard card;
  for (const ScorecardLayer& layer : workload.layers) {
    const auto runs =
        std::find_if(layer.precisions.begin(), layer.precisions.end(),
                     [&](Precision precision) { return machine.gpu->supports(precision); });
    if (runs == layer.precisions.end()) {
      card.gaps.push_back(
          {layer.architecture, fmt::format("{} runs none of its precisions", machine.gpu->id)});
      continue;
    }
    LayerPricer pricer(machine, layer, *runs);
    for (const std::int64_t ranks : workload.expert_parallel) {
      if (ranks > machine.gpu->gpus_per_node) {
        continue;
      }
      for (const std::int64_t tokens : workload.tokens_per_rank) {
        card.points.push_back(pricer.price(ranks, tokens));
      }
    }
  }
  return card;
}

double geometric_mean_tokens_per_s(std::span<const ScorecardPoint> points) {
  require(!points.empty(), "a mean of no points");
  double sum = 0.0;
  for (const ScorecardPoint& point : points) {
    sum += std::log(point.tokens_per_s_per_gpu());
  }
  return std::exp(sum / static_cast<double>(points.size()));
}

}  // namespace moeplan::calibrate
