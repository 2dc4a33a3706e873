#include "models/pruning/plan_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace moeplan::models {
namespace {

constexpr std::array<std::string_view, 3> kBases = {"measured", "modelled", "assumed"};

const MemberAlignment* alignment_of(const PrunedLayer& layer, std::int32_t member) {
  const auto found = std::find_if(layer.alignments.begin(), layer.alignments.end(),
                                  [&](const MemberAlignment& a) { return a.member == member; });
  return found == layer.alignments.end() ? nullptr : &*found;
}

text::Json kept_json(const PrunedLayer& layer, const KeptExpert& kept) {
  text::Json members = text::Json::array();
  for (std::size_t m = 0; m < kept.members.size(); ++m) {
    text::Json member =
        text::Json::object().set("expert", kept.members[m]).set("weight", kept.weights[m]);
    if (const MemberAlignment* a = alignment_of(layer, kept.members[m])) {
      member.set("cosine_before", a->cosine_before)
          .set("cosine_after", a->cosine_after)
          .set("alignment_gain", a->cosine_after - a->cosine_before)
          .set("neurons_moved", a->moved);
    }
    members.push(std::move(member));
  }
  return text::Json::object().set("anchor", kept.anchor).set("members", std::move(members));
}

text::Json layer_json(const PrunedLayer& layer) {
  text::Json kept = text::Json::array();
  for (const KeptExpert& expert : layer.plan.kept) {
    kept.push(kept_json(layer, expert));
  }
  return text::Json::object()
      .set("layer", layer.plan.layer)
      .set("method", std::string(name_of(layer.plan.method)))
      .set("experts", layer.plan.experts)
      .set("experts_kept", layer.plan.kept.size())
      .set("top_k", layer.top_k)
      .set("tokens", layer.tokens)
      .set("spectral_gap", layer.plan.spectral_gap)
      .set("kmeans_inertia", layer.plan.inertia)
      .set("effective_top_k", layer.routing.effective_top_k)
      .set("routing_basis", std::string(name_of(layer.routing.basis)))
      .set("selected", text::Json(layer.selected))
      .set("routing", text::Json(layer.routing.pairs))
      .set("kept", std::move(kept))
      .set("dropped", text::Json(layer.plan.dropped()));
}

double mean_gain(const PrunedLayer& layer) {
  double sum = 0.0;
  for (const MemberAlignment& a : layer.alignments) {
    sum += a.cosine_after - a.cosine_before;
  }
  return layer.alignments.empty() ? 0.0 : sum / static_cast<double>(layer.alignments.size());
}

std::string number_or_empty(const std::optional<double>& value) {
  return value ? fmt::format("{:.9g}", *value) : "";
}

}  // namespace

std::string_view name_of(RoutingHistogram::Basis basis) {
  return kBases[static_cast<std::size_t>(basis)];
}

text::Json pruning_plan_json(const PrunedModelFile& file) {
  text::Json layers = text::Json::array();
  for (const PrunedLayer& layer : file.layers) {
    layers.push(layer_json(layer));
  }
  return text::Json::object()
      .set("schema", "moeplan.pruning_plan")
      .set("schema_version", 1)
      .set("method", std::string(name_of(file.method)))
      .set("router", std::string(name_of(file.router)))
      .set("seed", file.seed)
      .set("layout", file.layout)
      .set("model_type", file.model_type)
      .set("checkpoint", file.checkpoint)
      .set("router_data", file.router_data)
      .set("notes", text::Json(file.notes))
      .set("layers", std::move(layers));
}

std::string routing_csv(const PrunedModelFile& file) {
  std::string csv = "layer,expert,count\n";
  for (const PrunedLayer& layer : file.layers) {
    for (std::size_t e = 0; e < layer.routing.pairs.size(); ++e) {
      csv += fmt::format("{},{},{}\n", layer.plan.layer, e, layer.routing.pairs[e]);
    }
  }
  return csv;
}

std::string layers_csv(const PrunedModelFile& file) {
  std::string csv =
      "layer,method,experts,experts_kept,dropped,largest_cluster,spectral_gap,kmeans_inertia,"
      "mean_alignment_gain,effective_top_k,routing_basis,busiest_over_mean\n";
  for (const PrunedLayer& layer : file.layers) {
    std::size_t largest = 0;
    for (const KeptExpert& kept : layer.plan.kept) {
      largest = std::max(largest, kept.members.size());
    }
    double sum = 0.0;
    std::int64_t most = 0;
    for (const std::int64_t pairs : layer.routing.pairs) {
      sum += static_cast<double>(pairs);
      most = std::max(most, pairs);
    }
    const double mean = sum / static_cast<double>(layer.routing.pairs.size());
    csv +=
        fmt::format("{},{},{},{},{},{},{},{},{},{:.9g},{},{:.9g}\n", layer.plan.layer,
                    name_of(layer.plan.method), layer.plan.experts, layer.plan.kept.size(),
                    layer.plan.dropped().size(), largest, number_or_empty(layer.plan.spectral_gap),
                    number_or_empty(layer.plan.inertia),
                    layer.alignments.empty() ? "" : fmt::format("{:.9g}", mean_gain(layer)),
                    layer.routing.effective_top_k, name_of(layer.routing.basis),
                    mean > 0.0 ? static_cast<double>(most) / mean : 0.0);
  }
  return csv;
}

}  // namespace moeplan::models
