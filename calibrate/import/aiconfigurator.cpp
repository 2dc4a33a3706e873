#include "calibrate/import/aiconfigurator.hpp"

#include <fmt/format.h>

#include <array>
#include <map>

#include "calibrate/import/deepep.hpp"
#include "calibrate/import/mla_row.hpp"
#include "calibrate/import/table_format.hpp"
#include "calibrate/import/table_routing.hpp"
#include "models/text/csv.hpp"
#include "models/text/load.hpp"

namespace moeplan::calibrate {
namespace {

using models::Collective;
using models::Measurements;

constexpr text::Range kAtLeastOne{.low = 1.0};

// Layers whose experts have two matrices, by (hidden, intermediate); their models' configs.
// Source: data/open/README.md (nemotron family); the collector times them as they are.
bool is_gated(std::int64_t hidden, std::int64_t intermediate) {
  constexpr std::array<std::array<std::int64_t, 2>, 3> kUngated{
      {{2048, 5120}, {2688, 1856}, {1024, 2688}}};
  for (const auto& shape : kUngated) {
    if (shape[0] == hidden && shape[1] == intermediate) {
      return false;
    }
  }
  return true;
}

std::int64_t divided(const TableRow& row, const char* whole, const char* parts) {
  const std::int64_t n = row.count(whole, kAtLeastOne);
  const std::int64_t by = row.count(parts, kAtLeastOne);
  if (n % by != 0) {
    row.fail(whole, "E_RANGE", fmt::format("{} {} does not divide by {} {}", whole, n, parts, by),
             "");
  }
  return n / by;
}

void read_expert(const TableRow& row, Measurements& out) {
  models::ExpertSample sample;
  sample.origin = row.origin("moe_dtype", row.text_or("kernel_source", "unnamed"));
  sample.distribution = row.text("distribution");
  sample.intermediate_full = row.count("inter_size", kAtLeastOne);
  sample.shape = {.hidden = row.count("hidden_size", kAtLeastOne),
                  .intermediate = divided(row, "inter_size", "moe_tp_size"),
                  .top_k = row.count("topk", kAtLeastOne),
                  .experts = row.count("num_experts", kAtLeastOne),
                  .local_experts = divided(row, "num_experts", "moe_ep_size"),
                  .gated = true,
                  .precision = sample.origin.precision};
  sample.shape.gated = is_gated(sample.shape.hidden, sample.intermediate_full);
  if (sample.shape.top_k > sample.shape.experts) {
    row.fail("topk", "E_RANGE",
             fmt::format("top-k {} above {} experts", sample.shape.top_k, sample.shape.experts),
             "topk <= num_experts");
  }
  const std::int64_t tokens = row.count("num_tokens", kAtLeastOne);
  const std::int64_t ranks = sample.shape.experts / sample.shape.local_experts;
  if (sample.distribution == "balanced") {
    sample.load = balanced_load(tokens, sample.shape.experts, sample.shape.top_k, ranks);
  } else if (sample.distribution == "uniform") {
    sample.load = even_load(tokens, sample.shape.experts, sample.shape.top_k, ranks);
  } else if (const auto alpha = power_law_exponent(sample.distribution)) {
    sample.load = power_law_load(tokens, sample.shape.experts, sample.shape.top_k, ranks, *alpha);
  } else {
    row.fail("distribution", "E_VALUE", "unknown distribution of the routing",
             "balanced, uniform, power_law_<alpha>");
  }
  out.experts.push_back(sample);
}

void read_dense(const TableRow& row, Measurements& out) {
  out.dense.push_back({.origin = row.origin("gemm_dtype", row.text_or("kernel_source", "unnamed")),
                       .rows = static_cast<double>(row.count("m", kAtLeastOne)),
                       .columns = row.count("n", kAtLeastOne),
                       .inner = row.count("k", kAtLeastOne)});
}

void read_attention(const TableRow& row, Measurements& out) {
  models::AttentionSample sample;
  sample.origin = row.origin("attn_dtype", row.text_or("kernel_source", "unnamed"));
  const std::int64_t heads = row.count("num_heads", kAtLeastOne);
  const std::int64_t kv_heads = row.count("num_key_value_heads", text::kNonNegative);
  sample.shape = {.heads = heads,
                  .kv_heads = kv_heads == 0 ? heads : kv_heads,
                  .head_dim = row.count("head_dim", kAtLeastOne),
                  .kv_precision = row.precision("kv_cache_dtype")};
  sample.sequences = static_cast<double>(row.count("batch_size", kAtLeastOne));
  const double length = static_cast<double>(row.count("isl", kAtLeastOne));
  const double step = static_cast<double>(row.count("step", text::kNonNegative));
  sample.decode = length <= 1.0 && step > 0.0;
  sample.chunk = length;
  sample.history = sample.decode ? length + step : step;
  out.attention.push_back(sample);
}

void read_collective(const TableRow& row, Measurements& out, const char* dtype,
                     const std::string& source, const std::string& operation) {
  static const std::map<std::string, Collective> kOperations{
      {"all_reduce", Collective::all_reduce},
      {"all_gather", Collective::all_gather},
      {"reduce_scatter", Collective::reduce_scatter},
      {"alltoall", Collective::all_to_all}};
  const auto found = kOperations.find(operation);
  if (found == kOperations.end()) {
    row.fail("op_name", "E_VALUE", "unknown collective '" + operation + "'",
             "all_gather, all_reduce, alltoall, reduce_scatter");
  }
  models::CollectiveSample sample{.origin = row.origin(dtype, source),
                                  .collective = found->second,
                                  .ranks = static_cast<int>(row.count("num_gpus", {.low = 2.0})),
                                  .bytes = 0.0};
  if (row.has("message_bytes")) {
    sample.bytes = static_cast<double>(row.count("message_bytes", kAtLeastOne));
  } else {
    sample.bytes = static_cast<double>(row.count("message_size", kAtLeastOne)) *
                   models::activation_bytes(sample.origin.precision);
  }
  out.collectives.push_back(sample);
}

TableFormat format(const char* name, std::vector<std::string> columns,
                   void (*read)(const TableRow&, Measurements&),
                   std::vector<std::string> measured = {"latency", "latency_ms"}) {
  return {.name = std::string("aiconfigurator ") + name,
          .source = "aiconfigurator",
          .columns = std::move(columns),
          .path_parts = {},
          .measured = std::move(measured),
          .repeats = false,
          .reader = [read](const text::CsvTable&) -> RowReader { return read; }};
}

}  // namespace

const std::vector<TableFormat>& aiconfigurator_formats() {
  static const std::vector<TableFormat> formats{
      format("moe",
             {"moe_dtype", "num_tokens", "hidden_size", "inter_size", "topk", "num_experts",
              "moe_tp_size", "moe_ep_size", "distribution"},
             read_expert),
      format("gemm", {"gemm_dtype", "m", "n", "k"}, read_dense),
      format("attention",
             {"attn_dtype", "kv_cache_dtype", "num_heads", "num_key_value_heads", "head_dim",
              "batch_size", "isl", "step"},
             read_attention),
      format("mla_module",
             {"mla_dtype", "kv_cache_dtype", "gemm_type", "model", "num_heads", "batch_size", "isl",
              "tp_size", "step"},
             read_latent),
      format("nccl", {"nccl_dtype", "op_name", "num_gpus"},
             [](const TableRow& row, Measurements& out) {
               read_collective(row, out, "nccl_dtype", row.text_or("kernel_source", "nccl"),
                               row.text("op_name"));
             }),
      format("custom_allreduce", {"allreduce_dtype", "num_gpus"},
             [](const TableRow& row, Measurements& out) {
               read_collective(row, out, "allreduce_dtype", row.text_or("kernel_source", "custom"),
                               "all_reduce");
             }),
      format("deepep_normal", deepep_normal_columns(), read_deepep_normal, deepep_normal_results()),
      format("deepep_ll", deepep_low_latency_columns(), read_deepep_low_latency,
             deepep_low_latency_results()),
      format("trtllm_alltoall", trtllm_alltoall_columns(), read_trtllm_alltoall),
  };
  return formats;
}

Measurements parse_aiconfigurator(const std::string& content, const std::string& file) {
  return read_as_one_of(pointers(aiconfigurator_formats()), content, file);
}

Measurements import_aiconfigurator(const std::filesystem::path& path) {
  return parse_aiconfigurator(text::read_file(path), path.string());
}

}  // namespace moeplan::calibrate
