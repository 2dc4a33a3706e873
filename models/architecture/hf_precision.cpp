// weight_precision and expert_precision of a Hugging Face config: torch_dtype (dtype since
// transformers 5) and quantization_config. An unknown method is an error, never a guess.
// Sources, read 2026-11-23: docs.vllm.ai/en/v0.11.0 Fp8Config (weight_block_size),
// huggingface.co/docs/transformers/main/quantization (quant_method names),
// config.json of deepseek-ai/DeepSeek-V3 (fp8 blocks), ModelCloud/DeepSeek-V2-Lite-gptq-4bit.

#include <fmt/format.h>

#include <array>

#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

const std::vector<std::string>& methods() {
  static const std::vector<std::string> names = {"fp8", "compressed-tensors", "modelopt", "gptq",
                                                 "awq", "auto-round",         "mxfp4"};
  return names;
}

// One quantization_config being read.
struct Quantization {
  HfKeys& keys;
  const text::Node& map;
  std::string pointer;

  std::string word(const text::Node& in, const std::string& key) const {
    const text::Node* node = in.find(key);
    return node == nullptr || node->kind == text::Kind::null ? "" : node->scalar;
  }
  void wrong(const std::string& key, const std::string& what, const std::string& expected,
             const std::string& fix = "") const {
    const text::Node* node = map.find(key);
    keys.problems().add({.code = "E_VALUE",
                         .mark = node != nullptr ? node->mark : map.mark,
                         .pointer = node != nullptr ? pointer + "/" + key : pointer,
                         .what = what,
                         .got = node != nullptr ? node->scalar : "",
                         .expected = expected,
                         .fix = fix});
  }
};

// True for [128, 128]; anything else is recorded.
bool blocks_of_128(const Quantization& q, const text::Node& node, const std::string& key) {
  const bool right = node.kind == text::Kind::sequence && node.items.size() == 2 &&
                     node.items[0].scalar == "128" && node.items[1].scalar == "128";
  if (!right) {
    std::vector<std::string> sizes;
    for (const text::Node& item : node.items) {
      sizes.push_back(item.scalar);
    }
    q.wrong(key, fmt::format("{} [{}] is not modelled", key, joined(sizes)), "[128, 128]");
  }
  return right;
}

std::optional<Precision> read_fp8(const Quantization& q) {
  const text::Node* blocks = q.map.find("weight_block_size");
  if (blocks == nullptr || blocks->kind == text::Kind::null) {
    return Precision::fp8;
  }
  return blocks_of_128(q, *blocks, "weight_block_size") ? std::optional(Precision::fp8_block)
                                                        : std::nullopt;
}

// gptq, awq, auto-round: bits and group_size.
std::optional<Precision> read_weight_only(const Quantization& q) {
  const std::string bits = q.word(q.map, "bits");
  const std::string group = q.word(q.map, "group_size");
  if (bits == "4" && group == "128") {
    return Precision::w4a16;
  }
  q.wrong(bits == "4" ? "group_size" : "bits",
          fmt::format("{} bits in groups of {} are not modelled", bits.empty() ? "(no)" : bits,
                      group.empty() ? "(none stated)" : group),
          "4 bits with group_size 128 (w4a16)");
  return std::nullopt;
}

std::optional<Precision> read_modelopt(const Quantization& q) {
  const std::string algorithm = q.word(q.map, "quant_algo");
  if (algorithm == "FP8") {
    return Precision::fp8;
  }
  if (algorithm == "NVFP4") {
    return Precision::nvfp4;
  }
  q.wrong("quant_algo", fmt::format("modelopt quant_algo '{}' is not modelled", algorithm),
          "FP8, NVFP4");
  return std::nullopt;
}

std::optional<Precision> read_group(const Quantization& q, const text::Node& group) {
  const text::Node* weights = group.find("weights");
  if (weights != nullptr && weights->kind == text::Kind::map) {
    const std::string type = q.word(*weights, "type");
    const std::string bits = q.word(*weights, "num_bits");
    const std::string size = q.word(*weights, "group_size");
    const text::Node* activations = group.find("input_activations");
    const bool quantised_activations =
        activations != nullptr && activations->kind == text::Kind::map;
    if (type == "float" && bits == "8") {
      if (q.word(*weights, "strategy") != "block") {
        return Precision::fp8;
      }
      const text::Node* blocks = weights->find("block_structure");
      return blocks != nullptr && blocks_of_128(q, *blocks, "block_structure")
                 ? std::optional(Precision::fp8_block)
                 : std::nullopt;
    }
    if (type == "float" && bits == "4" && (size == "16" || size == "32")) {
      return size == "16" ? Precision::nvfp4 : Precision::mxfp4;
    }
    if (type == "int" && bits == "8" && quantised_activations) {
      return Precision::int8;
    }
    if (type == "int" && bits == "4" && size == "128" && !quantised_activations) {
      return Precision::w4a16;
    }
    q.wrong("config_groups",
            fmt::format("compressed-tensors weights of type '{}' with {} bits in groups of {} {} "
                        "quantised activations are not modelled",
                        type, bits, size.empty() ? "(none)" : size,
                        quantised_activations ? "with" : "without"),
            "float 8 (fp8), float 8 in blocks of 128 (fp8_block), float 4 in groups of 16 (nvfp4) "
            "or 32 (mxfp4), int 8 with int 8 activations (int8), int 4 in groups of 128 (w4a16)");
    return std::nullopt;
  }
  q.wrong("config_groups", "a config group without weights", "config_groups.<group>.weights");
  return std::nullopt;
}

std::optional<Precision> read_compressed_tensors(const Quantization& q) {
  const text::Node* groups = q.map.find("config_groups");
  if (groups == nullptr || groups->kind != text::Kind::map || groups->entries.empty()) {
    q.wrong("config_groups", "compressed-tensors without config_groups",
            "a map of at least one group");
    return std::nullopt;
  }
  std::optional<Precision> precision;
  for (const text::Node::Entry& entry : groups->entries) {
    const std::optional<Precision> own = read_group(q, entry.value);
    if (!own) {
      return std::nullopt;
    }
    if (precision && *precision != *own) {
      q.wrong("config_groups",
              fmt::format("config groups in two precisions, {} and {}", name_of(*precision),
                          name_of(*own)),
              "one precision for all groups");
      return std::nullopt;
    }
    precision = own;
  }
  return precision;
}

// Modules that the checkpoint keeps in torch_dtype although we count them as quantised.
void warn_about_exceptions(const Quantization& q, Precision precision) {
  static constexpr std::array kAlwaysPlain = {"lm_head", "embed",  "norm",   "router",
                                              "visual",  "vision", "e_score"};
  std::vector<std::string> kept;
  for (const char* key : {"modules_to_not_convert", "ignored_layers", "ignore", "exclude"}) {
    const text::Node* list = q.map.find(key);
    if (list == nullptr || list->kind != text::Kind::sequence) {
      continue;
    }
    for (const text::Node& item : list->items) {
      const std::string& name = item.scalar;
      bool plain = name.find("gate") != std::string::npos &&
                   name.find("gate_proj") == std::string::npos &&
                   name.find("gate_up") == std::string::npos;
      for (const char* mark : kAlwaysPlain) {
        plain = plain || name.find(mark) != std::string::npos;
      }
      if (!plain) {
        kept.push_back(name);
      }
    }
  }
  if (!kept.empty()) {
    q.keys.warn(
        fmt::format("quantization_config leaves {} module patterns unquantised (first: "
                    "{}); they are counted as {}",
                    kept.size(), kept.front(), name_of(precision)));
  }
}

void read_quantization(HfKeys& keys, const HfKeys::Found& found, SmoeArchitecture& architecture) {
  const Quantization q{keys, *found.node, found.pointer};
  if (found.node->kind != text::Kind::map) {
    keys.problems().add({.code = "E_TYPE",
                         .mark = found.node->mark,
                         .pointer = found.pointer,
                         .what = "quantization_config is not a map",
                         .got = text::kind_name(found.node->kind),
                         .expected = "a map with quant_method"});
    return;
  }
  const std::string method = q.word(*found.node, "quant_method");
  std::optional<Precision> precision;
  if (method == "fp8") {
    precision = read_fp8(q);
  } else if (method == "compressed-tensors") {
    precision = read_compressed_tensors(q);
  } else if (method == "modelopt") {
    precision = read_modelopt(q);
  } else if (method == "gptq" || method == "awq" || method == "auto-round") {
    precision = read_weight_only(q);
  } else if (method == "mxfp4") {  // gpt-oss: experts only
    architecture.expert_precision = Precision::mxfp4;
    keys.derive("expert_precision", "quantization_config.quant_method = mxfp4");
    return;
  } else {
    q.wrong("quant_method",
            method.empty() ? "quantization_config has no quant_method"
                           : fmt::format("unknown quant_method '{}'", method),
            fmt::format("one of {}", joined(methods())), did_you_mean(method, methods()));
    return;
  }
  if (precision) {
    architecture.weight_precision = *precision;
    keys.derive("weight_precision", fmt::format("quantization_config.quant_method = {} -> {}",
                                                method, name_of(*precision)));
    warn_about_exceptions(q, *precision);
  }
}

}  // namespace

void read_precision(HfKeys& keys, SmoeArchitecture& architecture) {
  const HfNames names = {"torch_dtype", "dtype"};
  std::string dtype = keys.word_or("weight_precision", names, "");
  if (dtype.rfind("torch.", 0) == 0) {
    dtype = dtype.substr(6);
  }
  if (dtype == "bfloat16") {
    architecture.weight_precision = Precision::bf16;
  } else if (dtype == "float16") {
    architecture.weight_precision = Precision::fp16;
  } else if (dtype == "float32") {
    architecture.weight_precision = Precision::fp32;
  } else if (dtype.empty() || dtype == "auto") {
    architecture.weight_precision = Precision::bf16;
    keys.derive("weight_precision", "bf16 (assumed, no torch_dtype)");
    keys.warn("the config states no torch_dtype; bf16 weights are assumed");
  } else {
    keys.conflict(names, fmt::format("unknown torch_dtype '{}'", dtype),
                  "bfloat16, float16, float32",
                  did_you_mean(dtype, {"bfloat16", "float16", "float32"}));
  }
  if (const auto found = keys.find({"quantization_config"})) {
    read_quantization(keys, *found, architecture);
  }
}

}  // namespace moeplan::models
