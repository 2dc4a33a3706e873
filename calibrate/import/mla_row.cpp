#include "calibrate/import/mla_row.hpp"

#include <fmt/format.h>

#include <array>

namespace moeplan::calibrate {
namespace {

constexpr text::Range kAtLeastOne{.low = 1.0};

// What the collector builds for a model name, by the model's config.json.
struct KnownModel {
  std::string_view name;
  std::int64_t hidden;
  std::int64_t q_lora_rank;
  models::LatentShape shape;
};

// Source: models/data/architectures/deepseek-v3.json.
constexpr std::array<KnownModel, 1> kKnown{{{.name = "deepseek-ai/DeepSeek-V3",
                                             .hidden = 7168,
                                             .q_lora_rank = 1536,
                                             .shape = {.heads = 0,
                                                       .kv_lora_rank = 512,
                                                       .qk_nope_head_dim = 128,
                                                       .qk_rope_head_dim = 64,
                                                       .v_head_dim = 128}}}};

models::LatentPath path_of(const TableRow& row, bool decode) {
  const std::string source = row.text("kernel_source");
  if (source == "FLASH_ATTN" && !decode) {
    return models::LatentPath::expanded;
  }
  if (source != "FLASH_ATTN_MLA" && source != "FLASHMLA") {
    row.fail("kernel_source", "E_VALUE",
             fmt::format("unknown kernel of {}", decode ? "decoding sequences" : "prompts"),
             decode ? "FLASH_ATTN_MLA, FLASHMLA" : "FLASH_ATTN, FLASH_ATTN_MLA, FLASHMLA");
  }
  return models::LatentPath::absorbed;
}

}  // namespace

void read_latent(const TableRow& row, models::Measurements& out) {
  const std::string name = row.text("model");
  const KnownModel* model = nullptr;
  for (const KnownModel& known : kKnown) {
    model = known.name == name ? &known : model;
  }
  if (model == nullptr) {
    row.fail("model", "E_VALUE", "the widths of this model's latent attention are not known",
             std::string(kKnown.front().name));
  }
  if (row.count("tp_size", kAtLeastOne) != 1) {
    row.fail("tp_size", "E_VALUE", "num_heads may be before or after the split", "1");
  }
  if (models::activation_bytes(row.precision("mla_dtype")) != 2.0) {
    row.fail("mla_dtype", "E_VALUE", "attention in other than 16 bits has no law",
             "bfloat16, float16");
  }
  models::LatentSample sample;
  sample.origin = row.origin("gemm_type", row.text("kernel_source"));
  sample.shape = model->shape;
  sample.shape.heads = row.count("num_heads", kAtLeastOne);
  sample.shape.kv_precision = row.precision("kv_cache_dtype");
  sample.hidden = model->hidden;
  sample.q_lora_rank = model->q_lora_rank;
  sample.sequences = static_cast<double>(row.count("batch_size", kAtLeastOne));
  const double length = static_cast<double>(row.count("isl", kAtLeastOne));
  const double step = static_cast<double>(row.count("step", text::kNonNegative));
  sample.decode = length <= 1.0;
  sample.path = path_of(row, sample.decode);
  sample.chunk = length;
  sample.history = sample.decode ? length + step : step;
  out.latent.push_back(sample);
}

}  // namespace moeplan::calibrate
