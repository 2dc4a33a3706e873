// Families with layers whose time or memory no law covers. They are refused by name, with the
// layers that cannot be costed, and never read as dense or as something similar.

#include <fmt/format.h>

#include <algorithm>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

struct Refusal {
  const char* type;
  const char* why;
};

// Sorted by type.
constexpr Refusal kRefusals[] = {
    {"deepseek_v32", "sparse latent attention: an indexer chooses which tokens are attended to"},
    {"deepseek_v4",
     "compressed sparse attention: num_key_value_heads 1 and head_dim 512 describe "
     "neither grouped-query attention nor DeepSeek-V3's latent attention (which has "
     "kv_lora_rank and qk_rope_head_dim)"},
    {"glm_moe_dsa", "sparse latent attention: an indexer chooses which tokens are attended to"},
    {"kimi_k3", "Kimi delta attention (linear) and experts of a narrower latent width"},
    {"kimi_linear", "Kimi delta attention (linear): a state of fixed size instead of a cache"},
    {"minimax_m3_vl", "block-sparse attention: an indexer chooses which blocks are attended to"},
    {"nemotron_h", "Mamba-2 layers, and experts of a narrower latent width (moe_latent_size)"},
    {"qwen3_5_moe", "gated delta attention (linear), and a gate on the output of full attention"},
    {"qwen3_next", "gated delta attention (linear), and a gate on the output of full attention"},
};

std::string without_text(const std::string& type) {
  const std::string suffix = "_text";
  return type.size() > suffix.size() && type.ends_with(suffix)
             ? type.substr(0, type.size() - suffix.size())
             : type;
}

// "0, 1, 2, 4" of the entries that are `kind`.
std::string indices_of(const std::vector<std::string>& kinds, const std::string& kind) {
  std::vector<std::string> found;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    if (kinds[i] == kind) {
      found.push_back(fmt::format("{}", i));
    }
  }
  return joined(found);
}

// What each layer is, where the config says so; empty when it does not.
std::vector<std::string> layer_kinds(HfKeys& keys) {
  if (auto types = keys.words("layer_types", {"layer_types"})) {
    return *types;
  }
  if (const auto blocks = keys.words("layer_types", {"layers_block_type"})) {
    return *blocks;
  }
  std::vector<std::string> kinds;
  const std::string pattern =
      keys.word_or("layer_types", {"hybrid_override_pattern"}, "");  // M mamba, * attention, E, -
  for (const char letter : pattern) {
    kinds.push_back(letter == 'M'   ? "mamba"
                    : letter == '*' ? "attention"
                    : letter == 'E' ? "moe"
                                    : "mlp");
  }
  if (!kinds.empty()) {
    return kinds;
  }
  const auto interval = keys.optional_count("layer_types", {"full_attention_interval"});
  const auto layers = keys.optional_count("layers", {"num_hidden_layers"});
  for (std::int64_t i = 0; interval && i < std::min<std::int64_t>(layers.value_or(0), 10000); ++i) {
    kinds.push_back((i + 1) % *interval == 0 ? "full_attention" : "linear_attention");
  }
  return kinds;
}

// "layers 0, 1, 2 are linear_attention; layers 3 are full_attention".
std::string describe(const std::vector<std::string>& kinds) {
  std::vector<std::string> names = kinds;
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string text;
  for (const std::string& name : names) {
    text +=
        fmt::format("{}layers {} are {}", text.empty() ? "" : "; ", indices_of(kinds, name), name);
  }
  return text;
}

}  // namespace

std::string what_can_be_costed() {
  return "layers of grouped-query attention (full, sliding window or chunked) or of latent "
         "attention (kv_lora_rank), with dense or MoE feed-forward";
}

const std::vector<std::string>& hf_refused_types() {
  static const std::vector<std::string> types = [] {
    std::vector<std::string> names;
    for (const Refusal& refusal : kRefusals) {
      names.emplace_back(refusal.type);
    }
    return names;
  }();
  return types;
}

bool is_refused_family(const std::string& model_type) {
  const std::vector<std::string>& types = hf_refused_types();
  return std::find(types.begin(), types.end(), without_text(model_type)) != types.end();
}

void refuse_family(HfKeys& keys, const std::string& model_type) {
  for (const Refusal& refusal : kRefusals) {
    if (without_text(model_type) != refusal.type) {
      continue;
    }
    const std::string layers = describe(layer_kinds(keys));
    keys.conflict({"model_type"},
                  fmt::format("model_type '{}' cannot be costed: {}{}", model_type, refusal.why,
                              layers.empty() ? " (all its layers)" : "; " + layers),
                  what_can_be_costed());
  }
}

}  // namespace moeplan::models
