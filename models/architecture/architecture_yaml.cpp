#include "models/architecture/architecture_yaml.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/architecture/checked_product.hpp"
#include "models/text/reader.hpp"

namespace moeplan::models {
namespace {

constexpr text::Range kLayerRange{.low = 1.0, .high = 10000.0};
constexpr text::Range kMatrices{.low = 2.0, .high = 3.0};

GroupedQueryAttention read_attention(text::Reader reader) {
  GroupedQueryAttention attention;
  attention.heads = reader.count("heads", text::kPositive);
  attention.kv_heads = reader.count("kv_heads", attention.heads, text::kPositive);
  attention.head_dim = reader.count("head_dim", text::kPositive);
  attention.qkv_bias = reader.boolean("qkv_bias", false);
  attention.output_bias = reader.boolean("output_bias", false);
  attention.qk_norm = reader.boolean("qk_norm", false);
  if (reader.has("window")) {
    attention.window = reader.count("window", text::kPositive);
  }
  if (attention.kv_heads > 0 && attention.heads % attention.kv_heads != 0) {
    reader.problem("kv_heads", "E_VALUE",
                   fmt::format("heads {} is not a multiple of kv_heads {}", attention.heads,
                               attention.kv_heads),
                   fmt::format("a divisor of {}", attention.heads));
  }
  reader.finish();
  return attention;
}

DenseFfn read_dense(text::Reader reader) {
  DenseFfn ffn;
  ffn.intermediate = reader.count("intermediate", text::kPositive);
  ffn.gated = reader.count("matrices", kMatrices) == 3;
  ffn.bias = reader.boolean("bias", false);
  reader.finish();
  return ffn;
}

struct MoeSection {
  MoeFfn ffn;
  bool drop_tokens = true;
  std::int64_t offset = 0;
  std::int64_t interval = 1;
  std::vector<double> variants;
};

void check_experts(text::Reader& reader, const MoeSection& moe,
                   std::optional<std::int64_t> wanted) {
  if (wanted && std::find(moe.variants.begin(), moe.variants.end(), static_cast<double>(*wanted)) ==
                    moe.variants.end()) {
    reader.problem("variants", "E_VALUE", fmt::format("there is no variant of {} experts", *wanted),
                   fmt::format("one of {}", fmt::join(moe.variants, ", ")));
  }
  if (moe.ffn.experts > 0 && moe.ffn.top_k > moe.ffn.experts) {
    reader.problem("top_k", "E_VALUE",
                   fmt::format("top_k {} > {} experts", moe.ffn.top_k, moe.ffn.experts),
                   fmt::format("at most {}", moe.ffn.experts));
  }
}

// DeepSpeed's use_residual: a dense FFN of an expert's shape beside the experts, and a learned mix.
void add_residual(text::Reader& reader, MoeFfn& ffn) {
  if (ffn.shared_intermediate > 0) {
    reader.problem("use_residual", "E_VALUE",
                   fmt::format("use_residual and shared_intermediate {} are two names for one FFN",
                               ffn.shared_intermediate),
                   "only one of them");
    return;
  }
  ffn.shared_experts = 1;
  ffn.shared_intermediate = ffn.intermediate;
  ffn.residual_mix = true;
}

MoeSection read_moe(text::Reader reader, std::int64_t layers, std::optional<std::int64_t> wanted) {
  MoeSection moe;
  MoeFfn& ffn = moe.ffn;
  ffn.experts = reader.count("experts", {.low = 1.0, .high = 1e6});
  if (wanted) {
    ffn.experts = *wanted;
  }
  if (reader.has("variants")) {
    moe.variants = reader.numbers("variants", {.low = 1.0, .high = 1e6});
  }
  ffn.top_k = reader.count("top_k", text::kPositive);
  ffn.intermediate = reader.count("intermediate", text::kPositive);
  ffn.gated = reader.count("matrices", kMatrices) == 3;
  ffn.bias = reader.boolean("bias", false);
  ffn.shared_intermediate = reader.count("shared_intermediate", 0, text::kNonNegative);
  ffn.shared_experts = ffn.shared_intermediate > 0 ? 1 : 0;
  ffn.router.scoring = reader.choice("scoring", {"softmax", "sigmoid"}) == "sigmoid"
                           ? RouterScoring::sigmoid
                           : RouterScoring::softmax;
  ffn.router.normalise_top_k = reader.boolean("normalise_top_k", false);
  ffn.router.capacity_factor = reader.number("capacity_factor", 0.0, text::kNonNegative);
  ffn.router.minimum_capacity = reader.count("minimum_capacity", 0, text::kNonNegative);
  moe.drop_tokens = reader.boolean("drop_tokens", true);
  if (!moe.drop_tokens) {
    ffn.router.capacity_factor = 0.0;
    ffn.router.minimum_capacity = 0;
  }
  if (reader.boolean("use_residual", false)) {
    add_residual(reader, ffn);
  }
  moe.interval = reader.count("moe_layer_interval", 1, text::kPositive);
  moe.offset = reader.count("moe_layer_offset", 0, text::kNonNegative);
  if (layers > 0 && moe.offset >= layers) {
    reader.problem(
        "moe_layer_offset", "E_VALUE",
        fmt::format("moe_layer_offset {} leaves no MoE layer among {} layers", moe.offset, layers),
        fmt::format("0 to {}", layers - 1));
  }
  check_experts(reader, moe, wanted);
  reader.finish();
  return moe;
}

void note_origins(SmoeArchitecture& architecture, const text::Node& map, const std::string& path) {
  for (const text::Node::Entry& entry : map.entries) {
    if (entry.value.kind == text::Kind::map) {
      note_origins(architecture, entry.value, path + entry.key + ".");
    } else if (entry.value.kind != text::Kind::sequence && entry.key != "source" &&
               entry.key != "note" && entry.key.rfind("schema", 0) != 0) {
      const std::string key = path + entry.key;
      architecture.origin[key] = fmt::format("{} = {}", key, entry.value.scalar);
    }
  }
}

// Layers from the sections attention, ffn and moe.
void read_layers(text::Reader& reader, SmoeArchitecture& architecture,
                 std::optional<std::int64_t> experts) {
  const std::int64_t layers = reader.count("layers", kLayerRange);
  const GroupedQueryAttention attention = read_attention(reader.section("attention"));
  std::optional<MoeSection> moe;
  if (reader.has("moe")) {
    moe = read_moe(reader.section("moe"), layers, experts);
  } else if (experts) {
    reader.problem("moe", "E_VALUE",
                   fmt::format("a dense model has no variant of {} experts", *experts));
  }
  const auto is_moe = [&](std::int64_t i) {
    return moe && moe->interval > 0 && i >= moe->offset && (i - moe->offset) % moe->interval == 0;
  };
  bool any_dense = false;
  for (std::int64_t i = 0; i < layers; ++i) {
    any_dense = any_dense || !is_moe(i);
  }
  DenseFfn dense;
  if (any_dense || reader.has("ffn")) {
    dense = read_dense(reader.section("ffn"));
  }
  for (std::int64_t i = 0; i < layers; ++i) {
    architecture.layers.push_back({attention, is_moe(i) ? Ffn(moe->ffn) : Ffn(dense)});
  }
  if (moe && !moe->drop_tokens) {
    architecture.warnings.push_back(
        "drop_tokens false: no token is dropped, and the padding of DeepSpeed's buffers to the "
        "fullest expert is not modelled");
  }
}

}  // namespace

bool is_architecture_yaml(const text::Document& document) {
  return document.root.find("schema") != nullptr;
}

std::vector<std::int64_t> architecture_variants(const text::Document& document) {
  std::vector<std::int64_t> variants;
  const text::Node* moe = document.root.find("moe");
  const text::Node* list = moe != nullptr ? moe->find("variants") : nullptr;
  if (list != nullptr) {
    text::Problems problems(document);
    for (const text::Node& item : list->items) {
      variants.push_back(
          text::as_count(problems, item, "/moe/variants", {.low = 1.0, .high = 1e6}).value_or(0));
    }
    problems.throw_if_any();
  }
  return variants;
}

SmoeArchitecture read_architecture_yaml(const text::Document& document, const std::string& name,
                                        std::optional<std::int64_t> experts) {
  text::Problems problems(document);
  text::Reader reader(problems, document.root);
  text::check_schema(reader, kArchitectureSchema, 1, 1);
  SmoeArchitecture architecture;
  architecture.name = name;
  architecture.source = reader.string("source");
  const std::string note = reader.string("note", "");
  architecture.model_type = reader.string("model_type");
  architecture.hidden = reader.count("hidden", text::kPositive);
  architecture.vocabulary = reader.count("vocabulary", text::kPositive);
  architecture.max_positions = reader.count("max_positions", text::kPositive);
  architecture.tied_embeddings = reader.boolean("tied_embeddings", false);
  architecture.learned_positions = reader.boolean("learned_positions", false);
  architecture.layer_norm = reader.choice("norm", {"rms_norm", "layer_norm"}) == "layer_norm";
  const auto precision = precision_from(reader.choice("weight_precision", precision_names()));
  architecture.weight_precision = precision.value_or(Precision::bf16);
  read_layers(reader, architecture, experts);
  reader.finish();
  problems.throw_if_any();
  if (const auto overflow = overflow_of(architecture)) {
    problems.add({.code = "E_OVERFLOW", .mark = document.root.mark, .what = *overflow});
    problems.throw_if_any();
  }
  note_origins(architecture, document.root, "");
  if (experts) {
    architecture.origin["moe.experts"] = fmt::format("variant {} of moe.variants", *experts);
  }
  if (!note.empty()) {
    architecture.warnings.push_back(note);
  }
  return architecture;
}

}  // namespace moeplan::models
