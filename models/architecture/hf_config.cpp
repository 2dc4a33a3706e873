#include "models/architecture/hf_config.hpp"

#include <fmt/format.h>

#include "models/architecture/checked_product.hpp"
#include "models/architecture/hf_family.hpp"

namespace moeplan::models {
namespace {

// GPT-2's own checkpoints predate model_type.
std::string type_of_class(const std::string& architecture_class) {
  if (architecture_class == "GPT2LMHeadModel") {
    return "gpt2";
  }
  return "";
}

std::string read_model_type(HfKeys& keys) {
  const HfNames names = {"model_type"};
  std::string type = keys.word_or("model_type", names, "");
  if (type.empty() && keys.ok()) {
    const auto classes = keys.words("architectures", {"architectures"});
    type = classes && !classes->empty() ? type_of_class(classes->front()) : "";
    if (type.empty()) {
      keys.missing("model_type", names);
    } else {
      keys.derive("model_type", fmt::format("architectures = {}", classes->front()));
    }
  }
  return type;
}

void read_family(HfKeys& keys, SmoeArchitecture& architecture) {
  const std::string& type = architecture.model_type;
  if (type == "llama") {
    read_llama(keys, architecture);
  } else if (type == "mistral") {
    read_mistral(keys, architecture);
  } else if (type == "qwen2") {
    read_qwen2(keys, architecture);
  } else if (type == "qwen3") {
    read_qwen3(keys, architecture);
  } else if (type == "qwen2_moe") {
    read_qwen2_moe(keys, architecture);
  } else if (type == "qwen3_moe") {
    read_qwen3_moe(keys, architecture);
  } else if (type == "mixtral") {
    read_mixtral(keys, architecture);
  } else if (type == "olmoe") {
    read_olmoe(keys, architecture);
  } else if (type == "deepseek_v2") {
    read_deepseek_v2(keys, architecture);
  } else if (type == "deepseek_v3" || type == "kimi_k2") {
    read_deepseek_v3(keys, architecture);
  } else if (type == "gpt_oss") {
    read_gpt_oss(keys, architecture);
  } else if (type == "llama4" || type == "llama4_text") {
    read_llama4(keys, architecture);
  } else if (type == "glm4_moe") {
    read_glm4_moe(keys, architecture);
  } else if (type == "minimax_m2") {
    read_minimax_m2(keys, architecture);
  } else if (type == "ernie4_5_moe") {
    read_ernie4_5_moe(keys, architecture);
  } else if (type == "dbrx") {
    read_dbrx(keys, architecture);
  } else if (type == "switch_transformers") {
    read_switch(keys, architecture);
  } else if (type == "nllb-moe") {
    read_nllb_moe(keys, architecture);
  } else if (type == "jamba") {
    read_jamba(keys, architecture);
  } else if (type == "gpt2") {
    read_gpt2(keys, architecture);
  } else if (type == "mimo_v2_flash") {
    read_mimo_v2_flash(keys, architecture);
  } else if (type == "gemma4" || type == "gemma4_text") {
    read_gemma4(keys, architecture);
  } else if (type == "step3p5" || type == "step3p7") {
    read_step3(keys, architecture);
  } else if (is_refused_family(type)) {
    refuse_family(keys, type);
  } else {
    keys.conflict({"model_type"}, fmt::format("unknown model_type '{}'", type),
                  fmt::format("one of {}", joined(hf_model_types())),
                  did_you_mean(type, hf_model_types()));
  }
}

void warn_about_unread(HfKeys& keys, const SmoeArchitecture& architecture) {
  keys.understood({"top_k"});  // sampling
  for (const std::string& key : keys.unread_moe_keys()) {
    keys.warn(
        fmt::format("{} looks like mixture-of-experts, but model_type '{}' is read without "
                    "it{}",
                    key, architecture.model_type, architecture.is_moe() ? "" : " and as dense"));
  }
}

}  // namespace

const std::vector<std::string>& hf_model_types() {
  static const std::vector<std::string> names = {
      "dbrx",         "deepseek_v2", "deepseek_v3",
      "ernie4_5_moe", "gemma4",      "gemma4_text",
      "glm4_moe",     "gpt2",        "gpt_oss",
      "jamba",        "kimi_k2",     "llama",
      "llama4",       "llama4_text", "mimo_v2_flash",
      "minimax_m2",   "mistral",     "mixtral",
      "nllb-moe",     "olmoe",       "qwen2",
      "qwen2_moe",    "qwen3",       "qwen3_moe",
      "step3p5",      "step3p7",     "switch_transformers"};
  return names;
}

SmoeArchitecture read_hf_config(const text::Document& document, const std::string& name) {
  text::Problems problems(document);
  if (document.root.kind != text::Kind::map) {
    problems.add({.code = "E_TYPE",
                  .mark = document.root.mark,
                  .what = "a model config is a map of keys",
                  .got = text::kind_name(document.root.kind),
                  .expected = "a map with model_type"});
    problems.throw_if_any();
  }
  SmoeArchitecture architecture;
  architecture.name = name;
  HfKeys keys(problems, document.root, architecture.origin);
  architecture.source = keys.word_or("source", {"_source"}, "");
  architecture.origin.erase("source");
  const bool nested = keys.enter("text_config");
  architecture.model_type = read_model_type(keys);
  problems.throw_if_any();
  read_family(keys, architecture);
  read_precision(keys, architecture);
  problems.throw_if_any();
  if (const auto overflow = overflow_of(architecture)) {
    keys.overflow(*overflow);
    problems.throw_if_any();
  }
  if (nested && document.root.find("vision_config") != nullptr) {
    keys.warn("vision_config is not counted: this is the language model only");
  }
  warn_about_unread(keys, architecture);
  architecture.warnings = keys.warnings();
  return architecture;
}

}  // namespace moeplan::models
