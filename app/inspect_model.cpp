#include "app/inspect_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/units/parse.hpp"

namespace moeplan::app {
namespace {

using models::Layer;
using models::SmoeArchitecture;

// Equal layers and what one of them costs.
struct Group {
  std::vector<std::size_t> layers;  // ascending
  const Layer* layer = nullptr;
  models::LayerParameters parameters;
  Bytes weights;
  Bytes weights_per_gpu;
  Flops flops;
  Bytes kv;
};

struct Summary {
  std::vector<Group> groups;
  models::Precision precision = models::Precision::bf16;
  models::Parameters parameters;
  Bytes weights;
  models::RankWeights per_gpu;
  Flops flops;
  Bytes kv;
};

// Tokens that a token attends to: no more than the model has positions for.
std::int64_t context_of(const SmoeArchitecture& a, const InspectModelOptions& options) {
  return std::min(options.context_tokens, a.max_positions);
}

Summary summarize(const SmoeArchitecture& a, const InspectModelOptions& options) {
  Summary s;
  const auto keys = static_cast<double>(context_of(a, options));
  s.precision = options.precision.value_or(a.weight_precision);
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const auto same = std::find_if(s.groups.begin(), s.groups.end(),
                                   [&](const Group& group) { return *group.layer == a.layers[i]; });
    if (same != s.groups.end()) {
      same->layers.push_back(i);
      continue;
    }
    const Layer& layer = a.layers[i];
    s.groups.push_back(
        {.layers = {i},
         .layer = &layer,
         .parameters = models::layer_parameters(a, layer),
         .weights = models::layer_rank_weights(a, layer, {}, s.precision).total(),
         .weights_per_gpu =
             models::layer_rank_weights(a, layer, options.layout, s.precision).total(),
         .flops = models::layer_flops(a, layer, keys),
         .kv = i < a.encoder_layers
                   ? Bytes()  // an encoder caches nothing
                   : models::kv_bytes_per_token(layer.attention, options.kv_precision)});
  }
  s.parameters = models::count_parameters(a);
  s.weights = models::weight_bytes(a, s.precision);
  s.per_gpu = models::rank_weights(a, options.layout, s.precision);
  s.flops = models::flops_per_token(a, keys);
  s.kv = models::kv_bytes_per_token(a, options.kv_precision);
  return s;
}

// "30.53 B", "623.1 M", "4,096".
std::string count_text(std::int64_t value) {
  const auto number = static_cast<double>(value);
  if (number >= 1e9) {
    return fmt::format("{:.2f} B", number / 1e9);
  }
  return number >= 1e6 ? fmt::format("{:.1f} M", number / 1e6) : fmt::format("{}", value);
}

std::string flops_text(Flops flops) {
  const double value = flops.value();
  return value >= 1e9 ? fmt::format("{:.2f} GFLOP", value / 1e9)
                      : fmt::format("{:.1f} MFLOP", value / 1e6);
}

std::string attention_text(const models::Attention& attention) {
  if (const auto* gqa = std::get_if<models::GroupedQueryAttention>(&attention)) {
    return fmt::format("GQA {}/{} x {}{}{}", gqa->heads, gqa->kv_heads, gqa->head_dim,
                       gqa->value_is_key ? ", values are keys" : "",
                       gqa->window ? fmt::format(", window {}", *gqa->window) : "");
  }
  const auto& mla = std::get<models::LatentAttention>(attention);
  return fmt::format("MLA {} heads, cache {}+{}", mla.heads, mla.kv_lora_rank,
                     mla.qk_rope_head_dim);
}

std::string ffn_text(const models::Ffn& ffn) {
  if (const auto* dense = std::get_if<models::DenseFfn>(&ffn)) {
    return fmt::format("dense {} x {}", dense->gated ? 3 : 2, dense->intermediate);
  }
  const auto& moe = std::get<models::MoeFfn>(ffn);
  return fmt::format(
      "MoE {} experts, top {}, {} x {}{}", moe.experts, moe.top_k, moe.gated ? 3 : 2,
      moe.intermediate,
      moe.shared_intermediate > 0 ? fmt::format(", shared {}", moe.shared_intermediate) : "");
}

std::vector<Row> layer_rows(const SmoeArchitecture& a, const Summary& s) {
  std::vector<Row> rows = {{"layers", "attention", "feed-forward", "parameters", "weights",
                            "weights/GPU", "compute/token", "KV/token"}};
  for (const Group& g : s.groups) {
    const std::string each = g.layers.size() > 1 ? " each" : "";
    rows.push_back(
        {layer_range(g.layers),
         attention_text(g.layer->attention) + (g.layer->cross_attention ? ", twice" : ""),
         ffn_text(g.layer->ffn), count_text(g.parameters.total()) + each, to_text(g.weights),
         to_text(g.weights_per_gpu), flops_text(g.flops), to_text(g.kv)});
  }
  const double plain = models::plain_bytes(s.precision);
  const auto bytes_of = [&](std::int64_t n) { return Bytes(static_cast<double>(n) * plain); };
  rows.push_back({"embeddings", "", "", count_text(s.parameters.embeddings),
                  to_text(bytes_of(s.parameters.embeddings)), to_text(s.per_gpu.embeddings), "",
                  ""});
  rows.push_back({"lm_head", "", a.tied_embeddings ? "tied to the embeddings" : "",
                  count_text(s.parameters.lm_head), to_text(bytes_of(s.parameters.lm_head)),
                  to_text(s.per_gpu.lm_head), flops_text(models::lm_head_flops(a)), ""});
  rows.push_back({"final norm", "", "", count_text(s.parameters.final_norm),
                  to_text(bytes_of(s.parameters.final_norm)),
                  to_text(bytes_of(s.parameters.final_norm)), "", ""});
  rows.push_back({"total", "", fmt::format("{} active per token", count_text(s.parameters.active)),
                  count_text(s.parameters.total()), to_text(s.weights), to_text(s.per_gpu.total()),
                  flops_text(s.flops), to_text(s.kv)});
  return rows;
}

std::vector<Row> origin_rows(const SmoeArchitecture& a) {
  std::vector<Row> rows = {{"field", "from"}};
  for (const auto& [field, origin] : a.origin) {
    rows.push_back({field, origin});
  }
  return rows;
}

std::string heading(const SmoeArchitecture& a, const Summary& s,
                    const InspectModelOptions& options) {
  const std::string experts =
      a.expert_precision ? fmt::format(" (experts {})", models::name_of(*a.expert_precision)) : "";
  const models::RankLayout& l = options.layout;
  return fmt::format(
      "{}: {}, {} layers, {} of them with experts; weights {}{}, KV cache {}, compute at {} tokens "
      "of context\nper GPU: the fullest of {} (tensor_parallel {}, data_parallel {}, "
      "expert_parallel {}); rows of layers: one layer",
      a.name, a.model_type, a.layers.size(), a.moe_layers().size(), models::name_of(s.precision),
      experts, models::name_of(options.kv_precision), context_of(a, options), l.ranks(),
      l.tensor_parallel, l.data_parallel, l.expert_parallel ? "on" : "off");
}

std::int64_t whole(double value) { return std::llround(value); }

std::vector<Row> csv_rows(const Summary& s) {
  std::vector<Row> rows = {{"layers", "layer_count", "kind", "parameters_per_layer",
                            "weight_bytes_per_layer", "weight_bytes_per_layer_per_gpu",
                            "flops_per_token_per_layer", "kv_bytes_per_token_per_layer"}};
  for (const Group& g : s.groups) {
    rows.push_back(
        {layer_range(g.layers), fmt::format("{}", g.layers.size()),
         std::holds_alternative<models::MoeFfn>(g.layer->ffn) ? "moe" : "dense",
         fmt::format("{}", g.parameters.total()), fmt::format("{}", whole(g.weights.value())),
         fmt::format("{}", whole(g.weights_per_gpu.value())),
         fmt::format("{}", whole(g.flops.value())), fmt::format("{}", whole(g.kv.value()))});
  }
  return rows;
}

text::Json group_json(const Group& g) {
  text::Json row = text::Json::object();
  row.set("layers", layer_range(g.layers))
      .set("layer_count", g.layers.size())
      .set("attention", attention_text(g.layer->attention))
      .set("cross_attention", g.layer->cross_attention)
      .set("feed_forward", ffn_text(g.layer->ffn));
  if (const auto* moe = std::get_if<models::MoeFfn>(&g.layer->ffn)) {
    row.set("kind", "moe")
        .set("experts", moe->experts)
        .set("top_k", moe->top_k)
        .set("expert_intermediate", moe->intermediate)
        .set("shared_intermediate", moe->shared_intermediate);
  } else {
    row.set("kind", "dense")
        .set("intermediate", std::get<models::DenseFfn>(g.layer->ffn).intermediate);
  }
  const models::LayerParameters& p = g.parameters;
  text::Json parts = text::Json::object();
  parts.set("attention", p.attention)
      .set("router", p.router)
      .set("experts", p.experts)
      .set("expert_biases", p.expert_biases)
      .set("shared_experts", p.shared_experts)
      .set("dense_ffn", p.dense_ffn)
      .set("norms", p.norms)
      .set("biases", p.biases);
  row.set("parameters", p.total())
      .set("parameters_by_kind", std::move(parts))
      .set("weight_bytes", whole(g.weights.value()))
      .set("weight_bytes_per_gpu", whole(g.weights_per_gpu.value()))
      .set("flops_per_token", whole(g.flops.value()))
      .set("kv_bytes_per_token", whole(g.kv.value()));
  return row;
}

text::Json json_of(const SmoeArchitecture& a, const Summary& s,
                   const InspectModelOptions& options) {
  text::Json layers = text::Json::array();
  for (const Group& g : s.groups) {
    layers.push(group_json(g));
  }
  text::Json origin = text::Json::object();
  for (const auto& [field, from] : a.origin) {
    origin.set(field, from);
  }
  text::Json layout = text::Json::object();
  layout.set("tensor_parallel", options.layout.tensor_parallel)
      .set("data_parallel", options.layout.data_parallel)
      .set("expert_parallel", options.layout.expert_parallel)
      .set("gpus", options.layout.ranks());
  text::Json totals = text::Json::object();
  totals.set("parameters", s.parameters.total())
      .set("active_parameters", s.parameters.active)
      .set("embedding_parameters", s.parameters.embeddings)
      .set("lm_head_parameters", s.parameters.lm_head)
      .set("final_norm_parameters", s.parameters.final_norm)
      .set("weight_bytes", whole(s.weights.value()))
      .set("weight_bytes_per_gpu", whole(s.per_gpu.total().value()))
      .set("expert_weight_bytes_per_gpu", whole(s.per_gpu.experts.value()))
      .set("flops_per_token", whole(s.flops.value()))
      .set("lm_head_flops_per_token", whole(models::lm_head_flops(a).value()))
      .set("kv_bytes_per_token", whole(s.kv.value()));
  text::Json out = text::Json::object();
  out.set("schema_version", 1)
      .set("name", a.name)
      .set("model_type", a.model_type)
      .set("source", a.source)
      .set("hidden", a.hidden)
      .set("vocabulary", a.vocabulary)
      .set("max_positions", a.max_positions)
      .set("layer_count", a.layers.size())
      .set("moe_layer_count", a.moe_layers().size())
      .set("encoder_layer_count", a.encoder_layers)
      .set("weight_precision", std::string(models::name_of(s.precision)))
      .set("expert_precision", std::string(models::name_of(a.experts_in(s.precision))))
      .set("kv_precision", std::string(models::name_of(options.kv_precision)))
      .set("context_tokens", context_of(a, options))
      .set("layout", std::move(layout))
      .set("layers", std::move(layers))
      .set("totals", std::move(totals))
      .set("origin", std::move(origin))
      .set("warnings", a.warnings);
  return out;
}

}  // namespace

std::string layer_range(const std::vector<std::size_t>& layers) {
  const auto run_end = [&](std::size_t begin, std::size_t step) {
    std::size_t end = begin;
    while (end + 1 < layers.size() && layers[end + 1] == layers[end] + step) {
      ++end;
    }
    return end;
  };
  // One arithmetic progression with a gap: "0, 2, ..., 22".
  if (layers.size() > 3 && layers[1] - layers[0] > 1 &&
      run_end(0, layers[1] - layers[0]) == layers.size() - 1) {
    return fmt::format("{}, {}, ..., {}", layers[0], layers[1], layers.back());
  }
  std::string out;
  for (std::size_t i = 0; i < layers.size();) {
    const std::size_t end = run_end(i, 1);
    out += out.empty() ? "" : ", ";
    out += end == i ? fmt::format("{}", layers[i]) : fmt::format("{}-{}", layers[i], layers[end]);
    i = end + 1;
  }
  return out;
}

Page inspect_model(const SmoeArchitecture& architecture, const InspectModelOptions& options) {
  const Summary s = summarize(architecture, options);
  Page page;
  page.title = heading(architecture, s, options);
  page.tables = {{"", layer_rows(architecture, s)}, {"", origin_rows(architecture)}};
  if (!architecture.source.empty()) {
    page.notes.push_back("source: " + architecture.source);
  }
  for (const std::string& warning : architecture.warnings) {
    page.notes.push_back("warning: " + warning);
  }
  page.json = json_of(architecture, s, options);
  page.csv = csv_rows(s);
  return page;
}

}  // namespace moeplan::app
