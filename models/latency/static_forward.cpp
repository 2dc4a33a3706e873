#include "models/latency/static_forward.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/architecture/counts.hpp"
#include "models/latency/law_reader.hpp"
#include "models/routing/capacity.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

constexpr double kActivationBytes = 2.0;  // bf16
constexpr double kMaskBytes = 4.0;        // gating works in fp32

double as_double(std::int64_t count) { return static_cast<double>(count); }

std::int64_t capacity_of(const MoeFfn& moe, const StaticShape& shape) {
  return expert_capacity(moe.router.capacity_factor, moe.router.minimum_capacity, moe.top_k,
                         shape.tokens(), moe.experts);
}

}  // namespace

const std::array<StaticTerm, 9>& static_terms() {
  static constexpr std::array<StaticTerm, 9> kTerms = {{
      {"backbone_host", &StaticTerms::backbone_host},
      {"backbone_device", &StaticTerms::backbone_device},
      {"moe_host", &StaticTerms::moe_host},
      {"gating", &StaticTerms::gating},
      {"dispatch", &StaticTerms::dispatch},
      {"launches", &StaticTerms::launches},
      {"experts", &StaticTerms::experts},
      {"combine", &StaticTerms::combine},
      {"waiting", &StaticTerms::waiting},
  }};
  return kTerms;
}

Seconds StaticTerms::total() const {
  Seconds sum;
  for (const StaticTerm& term : static_terms()) {
    sum += this->*term.value;
  }
  return sum;
}

Seconds StaticEstimate::moe_layer() const {
  if (moe_layers == 0) {
    return Seconds();
  }
  const Seconds busy = terms.total() - terms.waiting;
  const Seconds moe = busy - terms.backbone_host - terms.backbone_device;
  return moe * (terms.total() / busy) / as_double(moe_layers);
}

StaticTheta static_theta(const FittedLaw& law) {
  require_form(law, {"static_forward_v1"});
  return {.layer = law.value("layer_s"),
          .moe_layer = law.value("moe_layer_s"),
          .expert = law.value("expert_s"),
          .wait = law.constants.at("wait_fraction_per_gpu")};
}

StaticForward::StaticForward(const FittedLaw& law, const Gpu& gpu, const Fabric& inside)
    : info_(law.info),
      theta_(static_theta(law)),
      peak_(gpu.peak_for(Precision::bf16)),
      bandwidth_(gpu.bandwidth),
      gpus_per_node_(gpu.gpus_per_node),
      fabric_(inside, gpu.gpus_per_node, nullptr) {}

std::string StaticForward::why_not(const SmoeArchitecture& architecture,
                                   const StaticShape& shape) const {
  if (shape.gpus % shape.expert_ranks != 0) {
    return fmt::format("{} GPUs do not split into groups of {} that share the experts", shape.gpus,
                       shape.expert_ranks);
  }
  if (shape.gpus > gpus_per_node_) {
    return fmt::format("{} GPUs, and the law is of one node, of {}", shape.gpus, gpus_per_node_);
  }
  for (std::size_t i = 0; i < architecture.layers.size(); ++i) {
    const Layer& layer = architecture.layers[i];
    if (!std::holds_alternative<GroupedQueryAttention>(layer.attention)) {
      return fmt::format("layer {} has latent attention, which the law does not know", i);
    }
    const auto* moe = std::get_if<MoeFfn>(&layer.ffn);
    if (moe == nullptr) {
      continue;
    }
    if (moe->router.capacity_factor <= 0.0) {
      return fmt::format(
          "layer {} is dropless: without a capacity_factor there are no padded "
          "buffers",
          i);
    }
    if (moe->experts % shape.expert_ranks != 0) {
      return fmt::format("{} experts in layer {} do not divide over {} GPUs", moe->experts, i,
                         shape.expert_ranks);
    }
  }
  return "";
}

// Every matrix: the later of its arithmetic and the reading of its weights.
Seconds StaticForward::backbone_device(const SmoeArchitecture& architecture,
                                       const StaticShape& shape) const {
  const double tokens = as_double(shape.tokens());
  const auto product = [&](std::int64_t weights) {
    const double w = as_double(weights);
    return std::max(Flops(2.0 * tokens * w) / peak_, Bytes(kActivationBytes * w) / bandwidth_);
  };
  Seconds sum = product(architecture.vocabulary * architecture.hidden);
  for (const Layer& layer : architecture.layers) {
    const LayerParameters parameters = layer_parameters(architecture, layer);
    sum += product(parameters.attention) + product(parameters.dense_ffn) +
           product(parameters.shared_experts);
    const Flops per_key = attention_flops_per_key(layer.attention, AttentionPhase::prefill);
    sum += per_key * (tokens * as_double(shape.length)) / peak_;
  }
  return sum;
}

void StaticForward::add_moe_layer(const SmoeArchitecture& architecture, const MoeFfn& moe,
                                  const StaticShape& shape, StaticEstimate& estimate) const {
  const double tokens = as_double(shape.tokens());
  const double hidden = as_double(architecture.hidden);
  const double ranks = shape.expert_ranks;
  const double local = as_double(moe.experts) / ranks;
  const std::int64_t capacity = capacity_of(moe, shape);
  const double rows = as_double(capacity * moe.experts);
  StaticTerms& t = estimate.terms;

  t.moe_host += Seconds(theta_.moe_layer);
  t.gating += Flops(2.0 * tokens * hidden * as_double(moe.experts)) / peak_ +
              Bytes(2.0 * tokens * rows * kMaskBytes) / bandwidth_;
  const Seconds permute = Flops(2.0 * tokens * rows * hidden) / peak_;
  const Seconds exchange = shape.expert_ranks == 1
                               ? Seconds()
                               : Seconds(fabric_.seconds(Collective::all_to_all, shape.expert_ranks,
                                                         rows * hidden * kActivationBytes));
  t.dispatch += permute + exchange;
  t.combine += permute + exchange;
  const double weights = (moe.gated ? 3.0 : 2.0) * hidden * as_double(moe.intermediate);
  const Seconds expert = std::max(Bytes(kActivationBytes * weights) / bandwidth_,
                                  Flops(2.0 * ranks * as_double(capacity) * weights) / peak_);
  t.launches += Seconds(theta_.expert * local);
  t.experts += expert * local;

  estimate.moe_layers += 1;
  estimate.local_experts = std::max(estimate.local_experts, local);
  estimate.capacity = std::max(estimate.capacity, capacity);
  estimate.buffer_rows = std::max(estimate.buffer_rows, capacity * moe.experts);
}

StaticEstimate StaticForward::estimate(const SmoeArchitecture& architecture,
                                       const StaticShape& shape) const {
  require(shape.sequences > 0 && shape.length > 0 && shape.gpus > 0 && shape.expert_ranks > 0,
          "a forward pass needs tokens and GPUs");
  require(why_not(architecture, shape).empty(), "this forward pass cannot be priced");
  StaticEstimate estimate;
  StaticTerms& t = estimate.terms;
  t.backbone_host = Seconds(theta_.layer * as_double(std::int64_t(architecture.layers.size())));
  t.backbone_device = backbone_device(architecture, shape);
  for (const Layer& layer : architecture.layers) {
    if (const auto* moe = std::get_if<MoeFfn>(&layer.ffn)) {
      add_moe_layer(architecture, *moe, shape, estimate);
    }
  }
  if (estimate.moe_layers > 0 && shape.expert_ranks > 1) {
    t.waiting = t.total() * (theta_.wait * (shape.gpus - 1));
  }
  const bool is_moe = estimate.moe_layers > 0;
  estimate.extrapolated =
      !axis(info_, "tokens").contains(as_double(shape.tokens())) ||
      !axis(info_, "hidden").contains(as_double(architecture.hidden)) ||
      (is_moe && (!axis(info_, "local_experts").contains(estimate.local_experts) ||
                  !axis(info_, "gpus").contains(shape.gpus)));
  return estimate;
}

}  // namespace moeplan::models
