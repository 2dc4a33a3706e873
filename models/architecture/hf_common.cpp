#include <fmt/format.h>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

constexpr text::Range kLayerRange{.low = 1.0, .high = 10000.0};
constexpr text::Range kExpertRange{.low = 1.0, .high = 1e6};

}  // namespace

void read_head(HfKeys& keys, SmoeArchitecture& architecture, bool tied_by_default) {
  architecture.hidden = keys.count("hidden", {"hidden_size", "n_embd", "d_model"});
  architecture.vocabulary = keys.count("vocabulary", {"vocab_size"});
  architecture.max_positions = keys.count(
      "max_positions", {"max_position_embeddings", "n_positions", "n_ctx", "max_seq_len"});
  architecture.tied_embeddings =
      keys.flag_or("tied_embeddings", {"tie_word_embeddings"}, tied_by_default);
}

std::int64_t read_layer_count(HfKeys& keys) {
  return keys.count("layers", {"num_hidden_layers", "n_layer", "n_layers", "num_layers"},
                    kLayerRange);
}

GroupedQueryAttention read_grouped_query(HfKeys& keys, const SmoeArchitecture& architecture,
                                         HeadDim rule, bool kv_default_heads) {
  const HfNames heads_names = {"num_attention_heads", "n_head", "n_heads", "num_heads"};
  const HfNames kv_names = {"num_key_value_heads", "kv_n_heads", "num_attention_groups"};
  const HfNames dim_names = {"head_dim", "d_kv"};
  GroupedQueryAttention attention;
  attention.heads = keys.count("heads", heads_names);
  attention.kv_heads = kv_default_heads ? keys.count_or("kv_heads", kv_names, attention.heads)
                                        : keys.count("kv_heads", kv_names);
  const std::optional<std::int64_t> stated = keys.optional_count("head_dim", dim_names);
  if (attention.heads == 0 || architecture.hidden == 0) {
    return attention;  // already a problem
  }
  const bool divides = architecture.hidden % attention.heads == 0;
  const std::int64_t quotient = architecture.hidden / attention.heads;
  if (stated) {
    attention.head_dim = *stated;
    if (rule == HeadDim::hidden_over_heads && (!divides || *stated != quotient)) {
      keys.conflict(dim_names,
                    fmt::format("head_dim {} conflicts with hidden_size {} / num_attention_heads "
                                "{} = {:.6g}",
                                *stated, architecture.hidden, attention.heads,
                                static_cast<double>(architecture.hidden) /
                                    static_cast<double>(attention.heads)),
                    fmt::format("hidden_size / num_attention_heads, as model_type '{}' has it",
                                architecture.model_type));
    }
  } else if (!divides) {
    keys.conflict(heads_names,
                  fmt::format("hidden_size {} is not divisible by num_attention_heads {}",
                              architecture.hidden, attention.heads),
                  "a divisor of hidden_size, or an explicit head_dim");
  } else {
    attention.head_dim = quotient;
    keys.derive("head_dim", fmt::format("hidden_size / num_attention_heads = {}", quotient));
  }
  if (attention.kv_heads != 0 && attention.heads % attention.kv_heads != 0) {
    keys.conflict(kv_names,
                  fmt::format("num_attention_heads {} is not a multiple of num_key_value_heads {}",
                              attention.heads, attention.kv_heads),
                  fmt::format("a divisor of {}", attention.heads));
  }
  return attention;
}

void read_experts(HfKeys& keys, MoeFfn& moe, const HfNames& width_names) {
  if (const auto experts =
          keys.optional_first_count("experts", expert_count_names(), kExpertRange)) {
    moe.experts = *experts;
  } else if (!keys.find(expert_count_names())) {
    keys.missing("experts", expert_count_names());
  }
  moe.top_k = keys.count("top_k", top_k_names(), kExpertRange);
  if (const auto width =
          keys.optional_first_count("expert_intermediate", width_names, text::kPositive)) {
    moe.intermediate = *width;
  } else if (!keys.find(width_names)) {
    keys.missing("expert_intermediate", width_names);
  }
  if (moe.experts > 0 && moe.top_k > moe.experts) {
    keys.conflict(top_k_names(), fmt::format("top_k {} > {} experts", moe.top_k, moe.experts),
                  fmt::format("at most {}, the number of experts", moe.experts));
  }
}

void read_groups(HfKeys& keys, MoeFfn& moe) {
  moe.router.groups = keys.optional_count("router_groups", {"n_group"}).value_or(1);
  moe.router.groups_kept = keys.optional_count("router_groups_kept", {"topk_group"}).value_or(1);
  if (moe.experts == 0) {
    return;
  }
  if (moe.experts % moe.router.groups != 0) {
    keys.conflict({"n_group"},
                  fmt::format("{} experts do not divide into n_group {} groups", moe.experts,
                              moe.router.groups),
                  fmt::format("a divisor of {}", moe.experts));
    return;
  }
  const std::int64_t reachable = moe.experts / moe.router.groups * moe.router.groups_kept;
  if (moe.router.groups_kept > moe.router.groups) {
    keys.conflict(
        {"topk_group"},
        fmt::format("topk_group {} > n_group {}", moe.router.groups_kept, moe.router.groups),
        fmt::format("at most {}", moe.router.groups));
  } else if (moe.top_k > reachable) {
    keys.conflict({"topk_group"},
                  fmt::format("top_k {} > the {} experts of topk_group {} groups", moe.top_k,
                              reachable, moe.router.groups_kept),
                  "groups that hold at least top_k experts together");
  }
}

std::vector<std::optional<std::int64_t>> layer_windows(HfKeys& keys, std::int64_t layers,
                                                       std::optional<std::int64_t> window,
                                                       std::int64_t first_windowed) {
  std::vector<std::optional<std::int64_t>> windows(static_cast<std::size_t>(layers));
  const auto types = keys.words("layer_types", {"layer_types"});
  if (types && static_cast<std::int64_t>(types->size()) != layers) {
    keys.conflict(
        {"layer_types"},
        fmt::format("layer_types has {} entries, num_hidden_layers is {}", types->size(), layers),
        fmt::format("{} entries", layers));
    return windows;
  }
  for (std::size_t i = 0; i < windows.size(); ++i) {
    if (!types) {
      if (static_cast<std::int64_t>(i) >= first_windowed) {
        windows[i] = window;
      }
    } else if ((*types)[i] == "sliding_attention") {
      windows[i] = window;
    } else if ((*types)[i] != "full_attention") {
      keys.conflict(
          {"layer_types"},
          fmt::format("layer {} has type '{}', which this family does not have", i, (*types)[i]),
          "full_attention, sliding_attention");
      return windows;
    }
  }
  return windows;
}

void add_layers(SmoeArchitecture& architecture, std::int64_t count,
                const GroupedQueryAttention& attention,
                const std::vector<std::optional<std::int64_t>>& windows,
                const std::function<Ffn(std::int64_t)>& ffn) {
  for (std::int64_t i = 0; i < count; ++i) {
    GroupedQueryAttention own = attention;
    own.window = windows[static_cast<std::size_t>(i)];
    architecture.layers.push_back({own, ffn(i)});
  }
}

}  // namespace moeplan::models
