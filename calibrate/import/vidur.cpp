#include "calibrate/import/vidur.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "calibrate/import/bench_text.hpp"
#include "calibrate/import/table_format.hpp"

namespace moeplan::calibrate {
namespace {

using models::Measurements;

constexpr text::Range kAtLeastOne{.low = 1.0};
constexpr double kMillisecond = 1e-3;
constexpr double kNoDevice = 2e16;    // FLOP/s in 16 bits that no single device reaches
constexpr double kLeastBytes = 8e6;   // a product that reads so much
constexpr double kLeastRate = 1e10;   // B/s, and slower than this
constexpr double kLongLaunch = 2e-3;  // s, and not for its launch
constexpr const char* kStats[] = {"min", "max", "mean", "median", "std"};

std::string column_of(const std::string& operation) {
  return "time_stats." + operation + ".median";
}

std::vector<std::string> measured_of(std::initializer_list<const char*> operations) {
  std::vector<std::string> columns;
  for (const char* operation : operations) {
    columns.push_back(column_of(operation));
  }
  for (const char* operation : operations) {
    for (const char* stat : kStats) {
      const std::string column = fmt::format("time_stats.{}.{}", operation, stat);
      if (column != column_of(operation)) {
        columns.push_back(column);
      }
    }
  }
  return columns;
}

bool has_time(const TableRow& row, const std::string& operation) {
  return row.has(column_of(operation)) && !row.empty(column_of(operation));
}

models::SampleOrigin origin_of(const TableRow& row, const std::string& operation) {
  return {.kernel_source = "vidur",
          .precision = models::Precision::fp16,
          .line = row.line(),
          .seconds = row.seconds(column_of(operation), kMillisecond)};
}

void add_product(const TableRow& row, const std::string& operation, double rows,
                 std::int64_t columns, std::int64_t inner, Measurements& out) {
  if (!has_time(row, operation)) {
    return;
  }
  const models::DenseSample sample{
      .origin = origin_of(row, operation), .rows = rows, .columns = columns, .inner = inner};
  const double elements = static_cast<double>(columns) * static_cast<double>(inner);
  const double flops = 2.0 * rows * elements;
  const double seconds = sample.origin.seconds;
  const bool slow = 2.0 * elements > kLeastBytes &&
                    seconds > kLongLaunch + 2.0 * elements / kLeastRate + flops / 1e12;
  if (slow || flops / seconds > kNoDevice) {
    row.fail(column_of(operation), "E_UNIT",
             fmt::format("{} x {} x {} in {:.3g} s", rows, columns, inner, seconds),
             slow ? "milliseconds; these look like microseconds"
                  : "milliseconds; these look like seconds");
  }
  out.dense.push_back(sample);
}

void add_stream(const TableRow& row, const std::string& operation, double moved,
                Measurements& out) {
  if (has_time(row, operation)) {
    out.streams.push_back({.origin = origin_of(row, operation),
                           .kernel = "permute",
                           .layer = operation,
                           .bytes = moved});
  }
}

std::int64_t share(const TableRow& row, const char* column, std::int64_t parts) {
  const std::int64_t whole = row.count(column, kAtLeastOne);
  if (whole % parts != 0 && whole > parts) {
    row.fail(column, "E_RANGE", fmt::format("{} does not divide by {} workers", whole, parts), "");
  }
  return std::max<std::int64_t>(1, whole / parts);
}

void read_mlp(const TableRow& row, Measurements& out) {
  const std::int64_t parts = row.count("num_tensor_parallel_workers", kAtLeastOne);
  const auto tokens = static_cast<double>(row.count("num_tokens", kAtLeastOne));
  const std::int64_t hidden = row.count("n_embd", kAtLeastOne);
  const std::int64_t dim = hidden / row.count("n_head", kAtLeastOne);
  const std::int64_t heads = share(row, "n_head", parts);
  const std::int64_t kv_heads = share(row, "n_kv_head", parts);
  const std::int64_t inner = share(row, "n_expanded_embd", parts);
  const std::string gated_text = row.text("use_gated_mlp");
  if (gated_text != "True" && gated_text != "False") {
    row.fail("use_gated_mlp", "E_VALUE", "neither True nor False", "True, False");
  }
  const std::int64_t matrices = gated_text == "True" ? 2 : 1;
  add_product(row, "attn_pre_proj", tokens, (heads + 2 * kv_heads) * dim, hidden, out);
  add_product(row, "attn_post_proj", tokens, hidden, heads * dim, out);
  add_product(row, "mlp_up_proj", tokens, matrices * inner, hidden, out);
  add_product(row, "mlp_down_proj", tokens, hidden, inner, out);
  const double row_bytes = 2.0 * tokens * static_cast<double>(hidden);
  add_stream(row, "input_layernorm", 2.0 * row_bytes, out);
  add_stream(row, "post_attention_layernorm", 2.0 * row_bytes, out);
  add_stream(row, "add", 3.0 * row_bytes, out);
  add_stream(row, "mlp_act", 2.0 * tokens * static_cast<double>((matrices + 1) * inner), out);
  add_stream(row, "attn_rope", 4.0 * tokens * static_cast<double>((heads + kv_heads) * dim), out);
}

void read_attention(const TableRow& row, Measurements& out) {
  const std::int64_t parts = row.count("num_tensor_parallel_workers", kAtLeastOne);
  const char* head_column = row.has("n_q_head") ? "n_q_head" : "n_head";
  models::AttentionSample sample;
  sample.shape = {
      .heads = share(row, head_column, parts),
      .kv_heads = share(row, "n_kv_head", parts),
      .head_dim = row.count("n_embd", kAtLeastOne) / row.count(head_column, kAtLeastOne),
      .kv_precision = models::Precision::fp16};
  const std::string prefill = row.text("is_prefill");
  if (prefill != "True" && prefill != "False") {
    row.fail("is_prefill", "E_VALUE", "neither True nor False", "True, False");
  }
  sample.decode = prefill == "False";
  sample.origin = origin_of(row, sample.decode ? "attn_decode" : "attn_prefill");
  sample.sequences = static_cast<double>(row.count("batch_size", kAtLeastOne));
  const auto cached = static_cast<double>(row.count("kv_cache_size", text::kNonNegative));
  sample.chunk =
      sample.decode ? 1.0 : static_cast<double>(row.count("prefill_chunk_size", kAtLeastOne));
  sample.history = sample.decode ? cached + 1.0 : cached;
  out.attention.push_back(sample);
}

using Point = std::tuple<std::string, std::string, std::string, std::string>;

Point point_of(const TableRow& row) {
  return {row.text("collective"), row.text("num_workers"), row.text("size"),
          row.text("devices_per_node")};
}

RowReader collective_reader(const text::CsvTable& table) {
  // The slowest rank of each point, known before the first row is read.
  auto slowest = std::make_shared<std::map<Point, double>>();
  for (std::size_t i = 0; i < table.rows(); ++i) {
    try {
      const TableRow row(table, i);
      const std::string name = row.text("collective");
      const double seconds = row.seconds(column_of(name), kMillisecond);
      double& most = (*slowest)[point_of(row)];
      most = std::max(most, seconds);
    } catch (const InputError&) {
      // reported with its row
    }
  }
  return [slowest](const TableRow& row, Measurements& out) {
    const std::string name = row.text("collective");
    const auto collective = collective_named(name);
    if (!collective) {
      row.fail("collective", "E_VALUE", "no law describes '" + name + "'",
               "all_reduce, all_gather, reduce_scatter, all_to_all");
    }
    row.seconds(column_of(name), kMillisecond);
    const auto ranks = static_cast<int>(row.count("num_workers", {.low = 2.0}));
    const auto per_node = static_cast<int>(row.count("devices_per_node", kAtLeastOne));
    if (ranks % per_node != 0 && ranks > per_node) {
      row.fail("devices_per_node", "E_RANGE",
               fmt::format("{} workers do not fill nodes of {}", ranks, per_node), "");
    }
    const auto found = slowest->find(point_of(row));
    if (found == slowest->end()) {
      return;  // another rank of the point was read before
    }
    models::CollectiveSample sample;
    sample.origin = {.kernel_source = "vidur_nccl",
                     .precision = models::Precision::fp16,
                     .line = row.line(),
                     .seconds = found->second};
    sample.collective = *collective;
    sample.ranks = ranks;
    sample.nodes = std::max(1, ranks / per_node);
    sample.bytes = static_cast<double>(row.count("size", kAtLeastOne));
    out.collectives.push_back(sample);
    slowest->erase(found);
  };
}

TableFormat format(const char* name, std::vector<std::string> columns,
                   std::vector<std::string> measured,
                   std::function<RowReader(const text::CsvTable&)> reader) {
  return {.name = std::string("vidur ") + name,
          .source = "vidur",
          .columns = std::move(columns),
          .path_parts = {},
          .measured = std::move(measured),
          .repeats = false,
          .reader = std::move(reader)};
}

}  // namespace

const std::vector<TableFormat>& vidur_formats() {
  static const std::vector<TableFormat> formats{
      format("mlp",
             {"n_head", "n_kv_head", "n_embd", "n_expanded_embd", "use_gated_mlp", "num_tokens",
              "num_tensor_parallel_workers"},
             measured_of({"attn_pre_proj", "attn_post_proj", "mlp_up_proj", "mlp_down_proj",
                          "input_layernorm", "post_attention_layernorm", "add", "mlp_act",
                          "attn_rope", "emb"}),
             [](const text::CsvTable&) -> RowReader { return read_mlp; }),
      format("attention",
             {"n_kv_head", "n_embd", "num_tensor_parallel_workers", "batch_size",
              "prefill_chunk_size", "kv_cache_size", "is_prefill"},
             measured_of({"attn_prefill", "attn_decode", "attn_input_reshape",
                          "attn_output_reshape", "attn_kv_cache_save"}),
             [](const text::CsvTable&) -> RowReader { return read_attention; }),
      format("collective", {"rank", "num_workers", "size", "collective", "devices_per_node"},
             measured_of({"all_reduce", "all_gather", "reduce_scatter", "all_to_all", "send_recv"}),
             collective_reader),
  };
  return formats;
}

Measurements parse_vidur(const std::string& content, const std::string& file) {
  return read_as_one_of(pointers(vidur_formats()), content, file);
}

}  // namespace moeplan::calibrate
