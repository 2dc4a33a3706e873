#include "calibrate/import/llmservingsim.hpp"

#include <fmt/format.h>

#include "calibrate/import/llmservingsim_model.hpp"
#include "calibrate/import/table_format.hpp"

namespace moeplan::calibrate {
namespace {

using models::Measurements;

constexpr text::Range kAtLeastOne{.low = 1.0};
constexpr double kMicrosecond = 1e-6;
constexpr double kNanosecond = 1e-9;
constexpr double kRow = 2.0;  // bytes of a 16-bit element

models::SampleOrigin origin_of(const TableRow& row, const ProfiledModel& model) {
  models::SampleOrigin origin;
  origin.kernel_source = model.engine;
  origin.precision = models::Precision::bf16;
  origin.line = row.line();
  origin.seconds = row.seconds("time_us", kMicrosecond);
  origin.repeated = true;
  return origin;
}

const models::MoeFfn& moe_of(const ProfiledModel& model, const std::string& file) {
  if (!model.moe) {
    throw InputError({.code = "E_VALUE",
                      .file = file,
                      .mark = {},
                      .pointer = "",
                      .what = "experts of a model that has none",
                      .got = "",
                      .expected = "a sparse model",
                      .fix = ""});
  }
  return *model.moe;
}

RowReader moe_reader(const text::CsvTable& table) {
  const ProfiledModel model = model_beside(table.file());
  const models::MoeFfn moe = moe_of(model, table.file());
  return [model, moe](const TableRow& row, Measurements& out) {
    models::ExpertSample sample;
    sample.origin = origin_of(row, model);
    sample.distribution = "forced";
    sample.intermediate_full = moe.intermediate;
    sample.shape = {.hidden = model.hidden,
                    .intermediate = moe.intermediate / model.tensor_parallel,
                    .top_k = moe.top_k,
                    .experts = moe.experts,
                    .local_experts = moe.experts,
                    .gated = moe.gated,
                    .precision = models::Precision::bf16};
    const std::int64_t tokens = row.count("tokens", kAtLeastOne);
    const std::int64_t active = row.count("activated_experts", kAtLeastOne);
    if (active < moe.top_k || active > moe.experts || active > tokens * moe.top_k) {
      row.fail("activated_experts", "E_RANGE",
               fmt::format("{} tokens of top-{} cannot use {} of {} experts", tokens, moe.top_k,
                           active, moe.experts),
               "top_k to min(experts, tokens x top_k)");
    }
    sample.load = {.tokens = static_cast<double>(tokens),
                   .pairs = static_cast<double>(tokens * moe.top_k),
                   .active_experts = static_cast<double>(active)};
    out.experts.push_back(sample);
  };
}

RowReader attention_reader(const text::CsvTable& table) {
  const ProfiledModel model = model_beside(table.file());
  std::size_t mixed = 0;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    mixed += table.cell(i, table.column("prefill_chunk")) != "0" &&
                     table.cell(i, table.column("n_decode")) != "0"
                 ? 1
                 : 0;
  }
  return [model, mixed](const TableRow& row, Measurements& out) {
    if (out.notes.empty() && mixed > 0) {
      out.notes.push_back(
          fmt::format("{} attention rows left out: prefill and decode in one kernel", mixed));
    }
    models::AttentionSample sample;
    sample.origin = origin_of(row, model);
    sample.shape = {.heads = model.heads(),
                    .kv_heads = model.kv_heads(),
                    .head_dim = model.attention.head_dim,
                    .kv_precision = models::Precision::bf16};
    const std::int64_t chunk = row.count("prefill_chunk", text::kNonNegative);
    const std::int64_t decodes = row.count("n_decode", text::kNonNegative);
    const std::int64_t before = row.count("kv_prefill", text::kNonNegative);
    const std::int64_t cached = row.count("kv_decode", text::kNonNegative);
    if (chunk == 0 && decodes == 0) {
      row.fail("n_decode", "E_RANGE", "neither a prefill chunk nor a decode", "at least one");
    }
    if (chunk > 0 && decodes > 0) {
      return;
    }
    sample.decode = decodes > 0;
    sample.sequences = sample.decode ? static_cast<double>(decodes) : 1.0;
    sample.chunk = sample.decode ? 1.0 : static_cast<double>(chunk);
    sample.history = sample.decode ? static_cast<double>(cached + 1) : static_cast<double>(before);
    out.attention.push_back(sample);
  };
}

// A layer of dense.csv or per_sequence.csv for so many tokens or sequences.
void read_layer(const TableRow& row, const ProfiledModel& model, const std::string& layer,
                std::int64_t tokens, Measurements& out) {
  const auto t = static_cast<double>(tokens);
  const auto h = static_cast<double>(model.hidden);
  const std::int64_t dim = model.attention.head_dim;
  const auto heads = static_cast<double>((model.heads() + model.kv_heads()) * dim);
  const auto dense = [&](std::int64_t columns, std::int64_t inner) {
    out.dense.push_back(
        {.origin = origin_of(row, model), .rows = t, .columns = columns, .inner = inner});
  };
  const auto stream = [&](double bytes) {
    models::StreamSample sample{
        .origin = origin_of(row, model), .kernel = "permute", .layer = layer, .bytes = bytes};
    out.streams.push_back(sample);
  };
  if (layer == "qkv_proj") {
    dense((model.heads() + 2 * model.kv_heads()) * dim, model.hidden);
  } else if (layer == "o_proj") {
    dense(model.hidden, model.heads() * dim);
  } else if (layer == "lm_head") {
    dense(model.vocabulary_share(), model.hidden);
  } else if (layer == "embedding") {
    stream(2.0 * kRow * t * h);
  } else if (layer == "layernorm" || layer == "final_layernorm") {
    stream(4.0 * kRow * t * h);  // adds the residual: two reads, two writes
  } else if (layer == "qk_norm" || layer == "rotary_emb") {
    stream(2.0 * kRow * t * heads);
  } else if (layer == "sampler") {
    stream(4.0 * t * static_cast<double>(model.vocabulary));  // logits in fp32
  } else {
    row.fail("layer", "E_VALUE", "unknown layer",
             "embedding, final_layernorm, layernorm, lm_head, o_proj, qk_norm, qkv_proj, "
             "rotary_emb, sampler");
  }
}

TableFormat layers(const char* name, const char* count) {
  return {.name = name,
          .source = "llmservingsim",
          .columns = {"layer", count, "time_us"},
          .path_parts = {},
          .measured = {"time_us"},
          .repeats = false,
          .reader = [count](const text::CsvTable& table) -> RowReader {
            const ProfiledModel model = model_beside(table.file());
            return [model, count](const TableRow& row, Measurements& out) {
              read_layer(row, model, row.text("layer"), row.count(count, kAtLeastOne), out);
            };
          }};
}

RowReader v0_reader(const text::CsvTable& table) {
  const ProfiledModel model = model_in_path(table.file());
  const models::MoeFfn moe = moe_of(model, table.file());
  return [model, moe](const TableRow& row, Measurements& out) {
    if (row.count("kv_cache", text::kNonNegative) != 0) {
      row.fail("kv_cache", "E_VALUE", "a product has no cache", "0");
    }
    const std::int64_t tp = row.count("tp_size", kAtLeastOne);
    const std::int64_t h = model.hidden;
    const std::int64_t width = model.attention.heads * model.attention.head_dim / tp;
    const std::int64_t expert = moe.intermediate / tp;
    const std::string layer = row.text("layer_name");
    std::pair<std::int64_t, std::int64_t> shape;  // columns, inner
    if (layer == "q_proj") {
      shape = {width, h};
    } else if (layer == "o_proj") {
      shape = {h, width};
    } else if (layer == "gate") {
      shape = {moe.experts, h};
    } else if (layer == "expert.w1" || layer == "expert.w3") {
      shape = {expert, h};
    } else if (layer == "expert.w2") {
      shape = {h, expert};
    } else if (layer == "lm_head") {
      shape = {model.vocabulary / tp, h};
    } else {
      row.fail("layer_name", "E_VALUE", "unknown layer",
               "expert.w1, expert.w2, expert.w3, gate, lm_head, o_proj, q_proj");
    }
    models::DenseSample sample;
    sample.origin.kernel_source = model.engine;
    sample.origin.precision = models::Precision::bf16;
    sample.origin.line = row.line();
    sample.origin.seconds = row.seconds("latency(ns)", kNanosecond);
    sample.rows = static_cast<double>(row.count("input", kAtLeastOne));
    sample.columns = shape.first;
    sample.inner = shape.second;
    out.dense.push_back(sample);
  };
}

TableFormat table_of(const char* name, std::vector<std::string> columns, const char* measured,
                     RowReader (*reader)(const text::CsvTable&)) {
  return {.name = std::string("llmservingsim ") + name,
          .source = "llmservingsim",
          .columns = std::move(columns),
          .path_parts = {},
          .measured = {measured},
          .repeats = false,
          .reader = reader};
}

}  // namespace

const std::vector<TableFormat>& llmservingsim_formats() {
  static const std::vector<TableFormat> formats{
      table_of("moe", {"tokens", "activated_experts", "time_us"}, "time_us", moe_reader),
      table_of("attention", {"prefill_chunk", "kv_prefill", "n_decode", "kv_decode", "time_us"},
               "time_us", attention_reader),
      layers("llmservingsim dense", "tokens"),
      layers("llmservingsim per_sequence", "sequences"),
      table_of("v0 layers", {"layer_name", "input", "kv_cache", "tp_size", "latency(ns)"},
               "latency(ns)", v0_reader),
  };
  return formats;
}

Measurements parse_llmservingsim(const std::string& content, const std::string& file) {
  return read_as_one_of(pointers(llmservingsim_formats()), content, file);
}

}  // namespace moeplan::calibrate
