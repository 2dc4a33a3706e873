#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "models/pruning/plan_json.hpp"
#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::models {
namespace {

constexpr std::int64_t kMostExperts = 100000;
const text::Range kIds{.low = 0, .high = static_cast<double>(kMostExperts)};

std::vector<std::int64_t> counts(text::Reader& reader, const std::string& key) {
  std::vector<std::int64_t> result;
  for (const double value : reader.numbers(key, text::kNonNegative)) {
    result.push_back(static_cast<std::int64_t>(value));
  }
  return result;
}

// A wrong word is recorded by the reader; what is returned then is never used.
PruningMethod method(text::Reader& reader) {
  return pruning_method_from(reader.choice("method", pruning_method_names()))
      .value_or(PruningMethod::uncurl);
}

KeptExpert read_kept(text::Reader& reader) {
  KeptExpert kept;
  kept.anchor = static_cast<std::int32_t>(reader.count("anchor", kIds));
  for (text::Reader& member : reader.sections("members")) {
    kept.members.push_back(static_cast<std::int32_t>(member.count("expert", kIds)));
    kept.weights.push_back(member.number("weight", text::kFraction));
  }
  return kept;
}

// As LayerPlan::check and the fields that must fit it, but in words for a user.
void check_kept(text::Reader& reader, const PrunedLayer& layer) {
  const LayerPlan& plan = layer.plan;
  std::set<std::int32_t> seen;
  std::int32_t last = -1;
  for (const KeptExpert& kept : plan.kept) {
    const double sum = std::accumulate(kept.weights.begin(), kept.weights.end(), 0.0);
    for (const std::int32_t member : kept.members) {
      if (member >= plan.experts) {
        reader.problem("kept", "E_RANGE",
                       fmt::format("layer {} has no expert {}", plan.layer, member),
                       fmt::format("0 to {}", plan.experts - 1));
      }
      if (!seen.insert(member).second) {
        reader.problem("kept", "E_DUPLICATE",
                       fmt::format("layer {}: expert {} is a member twice", plan.layer, member));
      }
    }
    if (kept.anchor <= last ||
        std::find(kept.members.begin(), kept.members.end(), kept.anchor) == kept.members.end() ||
        std::abs(sum - 1.0) > 1e-9) {
      reader.problem(
          "kept", "E_VALUE",
          fmt::format("layer {}: the kept expert with anchor {}", plan.layer, kept.anchor),
          "anchors in ascending order that are members, weights of sum 1");
    }
    last = kept.anchor;
  }
}

PrunedLayer read_layer(text::Reader& reader) {
  PrunedLayer layer;
  layer.plan.layer = reader.count("layer", kIds);
  layer.plan.method = method(reader);
  layer.plan.experts = reader.count("experts", {.low = 1, .high = kIds.high});
  layer.top_k = reader.count("top_k", {.low = 1, .high = kIds.high});
  layer.tokens = reader.count("tokens", text::kPositive);
  layer.routing.effective_top_k = reader.number("effective_top_k", text::kPositive);
  const std::string basis = reader.choice("routing_basis", {"measured", "modelled", "assumed"});
  layer.routing.basis = basis == "measured"   ? RoutingHistogram::Basis::measured
                        : basis == "modelled" ? RoutingHistogram::Basis::modelled
                                              : RoutingHistogram::Basis::assumed;
  layer.selected = counts(reader, "selected");
  layer.routing.pairs = counts(reader, "routing");
  for (text::Reader& kept : reader.sections("kept")) {
    layer.plan.kept.push_back(read_kept(kept));
  }
  const auto kept = static_cast<std::int64_t>(layer.plan.kept.size());
  if (static_cast<std::int64_t>(layer.selected.size()) != layer.plan.experts ||
      static_cast<std::int64_t>(layer.routing.pairs.size()) != kept || kept < layer.top_k ||
      reader.count("experts_kept") != kept) {
    reader.problem(
        "experts_kept", "E_VALUE",
        fmt::format("layer {}: counts that do not fit each other", layer.plan.layer),
        "as many entries of `kept` and `routing` as experts_kept, at least top_k, and of "
        "`selected` as experts");
  }
  check_kept(reader, layer);
  return layer;
}

}  // namespace

PrunedModelFile read_pruning_plan(const std::filesystem::path& path) {
  const text::Document document = text::load_json(path);
  text::Problems problems(document);
  text::Reader reader(problems, document.root);
  text::check_schema(reader, "moeplan.pruning_plan", 1, 1);
  problems.throw_if_any();
  PrunedModelFile file;
  file.method = method(reader);
  file.router =
      router_mode_from(reader.choice("router", router_mode_names())).value_or(RouterMode::sliced);
  file.seed = static_cast<std::uint64_t>(reader.count("seed"));
  file.layout = reader.choice("layout", {"huggingface", "native"});
  file.model_type = reader.string("model_type");
  file.checkpoint = reader.string("checkpoint");
  file.router_data = reader.string("router_data");
  std::int64_t last = -1;
  for (text::Reader& section : reader.sections("layers")) {
    file.layers.push_back(read_layer(section));
    if (file.layers.back().plan.layer <= last) {
      section.problem("layer", "E_DUPLICATE", "layers are in ascending order, each once");
    }
    last = file.layers.back().plan.layer;
  }
  if (file.layers.empty()) {
    reader.problem("layers", "E_MISSING", "the plan has no layer");
  }
  problems.throw_if_any();
  return file;
}

}  // namespace moeplan::models
