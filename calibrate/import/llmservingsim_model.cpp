#include "calibrate/import/llmservingsim_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <regex>

#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"
#include "models/units/parse.hpp"

namespace moeplan::calibrate {
namespace {

// Lower case, letters and digits only: "Qwen/Qwen3-30B-A3B" -> "qwenqwen330ba3b".
std::string plain(const std::string& name) {
  std::string letters;
  for (const char c : name) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) {
      letters += c;
    } else if (c >= 'A' && c <= 'Z') {
      letters += static_cast<char>(c - 'A' + 'a');
    }
  }
  return letters;
}

ProfiledModel named(const std::string& name, const std::string& file) {
  std::string best;
  const std::string where = plain(name);
  for (const std::string& id : models::catalog_ids("architectures")) {
    if (where.find(plain(id)) != std::string::npos && id.size() > best.size()) {
      best = id;
    }
  }
  if (best.empty()) {
    throw InputError({.code = "E_MISSING",
                      .file = file,
                      .mark = {},
                      .pointer = "/model",
                      .what = "shapes are not in the table, and its model is not in the catalog",
                      .got = "'" + name + "'",
                      .expected = joined(models::catalog_ids("architectures")),
                      .fix = ""});
  }
  const models::SmoeArchitecture architecture = models::load_architecture(best);
  ProfiledModel model{.hidden = architecture.hidden, .vocabulary = architecture.vocabulary};
  for (const models::Layer& layer : architecture.layers) {
    if (const auto* gqa = std::get_if<models::GroupedQueryAttention>(&layer.attention)) {
      model.attention = *gqa;
    }
    if (const auto* moe = std::get_if<models::MoeFfn>(&layer.ffn)) {
      model.moe = *moe;
    }
  }
  if (model.attention.heads == 0) {
    throw InputError({.code = "E_VALUE",
                      .file = file,
                      .mark = {},
                      .pointer = "/model",
                      .what = best + " has no grouped-query attention",
                      .got = "'" + name + "'",
                      .expected = "a model whose attention this format can hold",
                      .fix = ""});
  }
  return model;
}

struct MetaPlace {
  std::filesystem::path file;
  std::int64_t tensor_parallel = 1;
};

MetaPlace meta_of(const std::string& table_file) {
  const std::filesystem::path path(table_file);
  const std::string name = path.filename().string();
  std::smatch found;
  static const std::regex in_name("^(.*)_tp([0-9]+)_[a-z_]+\\.csv$");
  static const std::regex in_folder("^tp([0-9]+)$");
  const std::string folder = path.parent_path().filename().string();
  if (std::regex_match(name, found, in_name)) {
    return {path.parent_path() / (found[1].str() + "_meta.yaml"), std::stoll(found[2])};
  }
  if (std::regex_match(folder, found, in_folder)) {
    return {path.parent_path().parent_path() / "meta.yaml", std::stoll(found[1])};
  }
  throw InputError({.code = "E_MISSING",
                    .file = table_file,
                    .mark = {},
                    .pointer = "",
                    .what = "the tensor-parallel degree is in the table's path",
                    .got = "'" + name + "'",
                    .expected = "X_tpN_moe.csv beside X_meta.yaml, or tpN/moe.csv below meta.yaml",
                    .fix = ""});
}

class Meta {
 public:
  explicit Meta(const std::filesystem::path& path) : document_(text::load_yaml(path)) {}

  const text::Node* find(const text::Node& map, const char* key) const { return map.find(key); }
  const text::Node& root() const { return document_.root; }

  std::string text(const char* key) const {
    const text::Node* node = root().find(key);
    if (node == nullptr) {
      fail("E_MISSING", std::string("/") + key, "the meta file lacks a key", "", key);
    }
    return node->scalar;
  }

  // The overrides of one rank, times the largest degree, are the model's.
  void agree(const char* key, std::int64_t whole) const {
    const text::Node* engine = root().find("engine_effective");
    const text::Node* overrides = engine != nullptr ? engine->find("hf_overrides") : nullptr;
    const text::Node* node = overrides != nullptr ? overrides->find(key) : nullptr;
    if (node == nullptr) {
      return;
    }
    std::int64_t degree = 1;
    if (const text::Node* degrees = root().find("tp_degrees")) {
      for (const text::Node& item : degrees->items) {
        degree = std::max(degree, static_cast<std::int64_t>(parse_number(item.scalar).value_or(1)));
      }
    }
    const double stated = parse_number(node->scalar).value_or(0.0) * static_cast<double>(degree);
    if (stated != static_cast<double>(whole)) {
      fail("E_VALUE", std::string("/engine_effective/hf_overrides/") + key,
           fmt::format("{} times the largest tensor-parallel degree {} is not the model's",
                       node->scalar, degree),
           node->scalar, fmt::format("{}", whole));
    }
  }

  [[noreturn]] void fail(const std::string& code, const std::string& pointer,
                         const std::string& what, const std::string& got,
                         const std::string& expected) const {
    throw InputError({.code = code,
                      .file = document_.file,
                      .mark = {},
                      .pointer = pointer,
                      .what = what,
                      .got = got,
                      .expected = expected,
                      .fix = ""});
  }

 private:
  text::Document document_;
};

}  // namespace

std::int64_t ProfiledModel::kv_heads() const {
  return std::max<std::int64_t>(1, attention.kv_heads / tensor_parallel);
}

ProfiledModel model_beside(const std::string& table_file) {
  const MetaPlace place = meta_of(table_file);
  const Meta meta(place.file);
  ProfiledModel model = named(meta.text("model"), place.file.string());
  model.tensor_parallel = place.tensor_parallel;
  if (meta.text("variant") != "bf16") {
    meta.fail("E_VALUE", "/variant", "unknown variant of the weights",
              "'" + meta.text("variant") + "'", "bf16");
  }
  model.engine = "llmservingsim_vllm_" + meta.text("vllm_version");
  meta.agree("num_attention_heads", model.attention.heads);
  meta.agree("num_key_value_heads", model.attention.kv_heads);
  meta.agree("vocab_size", model.vocabulary);
  if (model.attention.heads % model.tensor_parallel != 0) {
    meta.fail("E_VALUE", "/model", "heads do not divide by the tensor-parallel degree",
              fmt::format("{}", model.tensor_parallel), "");
  }
  return model;
}

ProfiledModel model_in_path(const std::string& table_file) {
  ProfiledModel model = named(table_file, table_file);
  model.engine = "llmservingsim_v0";
  return model;
}

}  // namespace moeplan::calibrate
