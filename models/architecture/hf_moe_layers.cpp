// Which layers have experts, and the small pieces that several MoE families share.

#include <fmt/format.h>

#include <algorithm>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {

bool right_length(HfKeys& keys, const std::string& name, std::size_t size, std::int64_t layers,
                  const char* entries) {
  if (static_cast<std::int64_t>(size) == layers) {
    return true;
  }
  keys.conflict({name},
                fmt::format("{} has {} entries, num_hidden_layers is {}", name, size, layers),
                fmt::format("{} entries of {}", layers, entries));
  return false;
}

namespace {

std::optional<std::vector<bool>> from_layer_types(HfKeys& keys, std::int64_t layers) {
  const auto types = keys.words("mlp_layer_types", {"mlp_layer_types"});
  if (!types) {
    return std::nullopt;
  }
  std::vector<bool> is_moe(static_cast<std::size_t>(layers), true);
  if (!right_length(keys, "mlp_layer_types", types->size(), layers, "dense or sparse")) {
    return is_moe;
  }
  for (std::size_t i = 0; i < types->size(); ++i) {
    if ((*types)[i] != "dense" && (*types)[i] != "sparse") {
      keys.conflict({"mlp_layer_types"},
                    fmt::format("layer {} has mlp_layer_type '{}'", i, (*types)[i]),
                    "dense, sparse");
      return is_moe;
    }
    is_moe[i] = (*types)[i] == "sparse";
  }
  keys.understood({"first_k_dense_replace", "moe_layer_freq"});  // the list says it all
  return is_moe;
}

}  // namespace

std::vector<bool> read_first_k_dense(HfKeys& keys, std::int64_t layers) {
  if (auto listed = from_layer_types(keys, layers)) {
    return *listed;
  }
  std::vector<bool> is_moe(static_cast<std::size_t>(layers), true);
  const HfNames first_names = {"first_k_dense_replace"};
  const std::int64_t first = keys.count_or("first_moe_layer", first_names, 0);
  if (layers > 0 && first > layers) {
    keys.conflict(first_names,
                  fmt::format("first_k_dense_replace {} > num_hidden_layers {}", first, layers),
                  fmt::format("0 to {}", layers));
    return is_moe;
  }
  const HfNames names = {"moe_layer_freq"};
  const auto found = keys.find(names);
  const bool list = found && found->node->kind == text::Kind::sequence;
  const std::vector<std::int64_t> flags =
      list ? keys.counts("moe_layer_interval", names).value_or(std::vector<std::int64_t>{})
           : std::vector<std::int64_t>{};
  if (list && !right_length(keys, "moe_layer_freq", flags.size(), layers, "0 or 1")) {
    return is_moe;
  }
  const std::int64_t step =
      list ? 1 : keys.count_or("moe_layer_interval", names, 1, text::kPositive);
  for (std::int64_t i = 0; i < layers; ++i) {
    const auto index = static_cast<std::size_t>(i);
    is_moe[index] = i >= first && (list ? flags[index] != 0 : step > 0 && i % step == 0);
  }
  return is_moe;
}

DenseFfn read_dense_where_needed(HfKeys& keys, const std::vector<bool>& is_moe,
                                 const HfNames& width_names) {
  DenseFfn dense;
  if (std::find(is_moe.begin(), is_moe.end(), false) == is_moe.end()) {
    keys.understood(width_names);
  } else if (keys.ok()) {
    dense.intermediate = keys.count("dense_intermediate", width_names);
  }
  return dense;
}

void warn_about_prediction_layers(HfKeys& keys) {
  keys.understood({"use_mtp", "mtp_transformer_layers"});
  const auto predicted = keys.optional_count(
      "prediction_layers", {"num_nextn_predict_layers", "num_mtp_modules"}, text::kNonNegative);
  if (predicted.value_or(0) > 0) {
    keys.warn(
        fmt::format("{} multi-token-prediction layer(s) of the checkpoint are not counted: "
                    "engines load them for speculative decoding only",
                    *predicted));
  }
}

void add_mixed_layers(SmoeArchitecture& architecture, const GroupedQueryAttention& attention,
                      const std::vector<std::optional<std::int64_t>>& windows,
                      const std::vector<bool>& is_moe, const MoeFfn& moe, const DenseFfn& dense) {
  add_layers(architecture, static_cast<std::int64_t>(is_moe.size()), attention, windows,
             [&](std::int64_t i) -> Ffn {
               return is_moe[static_cast<std::size_t>(i)] ? Ffn(moe) : Ffn(dense);
             });
}

void require_head_dim(HfKeys& keys) {
  if (!keys.find({"head_dim"})) {
    keys.missing("head_dim", {"head_dim"});
  }
}

void set_shared_width(HfKeys& keys, MoeFfn& moe, const std::string& count_key) {
  if (__builtin_mul_overflow(moe.shared_experts, moe.intermediate, &moe.shared_intermediate)) {
    keys.overflow(fmt::format("{} x moe_intermediate_size is above 2^63 - 1", count_key));
  } else {
    keys.derive("shared_intermediate", fmt::format("{} x moe_intermediate_size", count_key));
  }
}

}  // namespace moeplan::models
