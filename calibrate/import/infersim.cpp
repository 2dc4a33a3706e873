#include "calibrate/import/infersim.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <regex>

#include "calibrate/import/table_format.hpp"
#include "models/units/parse.hpp"

namespace moeplan::calibrate {
namespace {

using models::Measurements;

constexpr text::Range kAtLeastOne{.low = 1.0};
constexpr double kMicrosecond = 1e-6;
// 8-bit peaks that the project divides by: its benchmarks' default (H20) and what the H800 files
// imply (989.4 x 2, interface of the H100 data sheet).
constexpr std::array<double, 2> kPeaks{296e12, 1979e12};
constexpr double kPeakSlack = 0.08;  // of the median implied by nominal token counts
constexpr double kAgreement = 0.01;  // of one row, beside the rounding of its mfu

std::optional<double> cell(const text::CsvTable& table, std::size_t row, const char* column) {
  return parse_number(table.cell(row, table.column(column)));
}

// The listed peak next to what the rows imply: FLOP / (us mfu). Rows with unreadable cells or a
// coarse mfu do not vote. A file of wrong units matches no peak.
// Throws: InputError E_UNIT.
double peak_of(const text::CsvTable& table, double least_mfu, double share,
               const std::function<std::optional<double>(std::size_t)>& flops, const char* us,
               const char* mfu) {
  std::vector<double> implied;
  for (std::size_t i = 0; i < table.rows(); ++i) {
    const auto duration = cell(table, i, us);
    const auto fraction = cell(table, i, mfu);
    const auto work = flops(i);
    if (duration && fraction && work && *duration > 0.0 && *fraction >= least_mfu) {
      implied.push_back(*work / (*duration * kMicrosecond * *fraction));
    }
  }
  if (implied.empty()) {
    return kPeaks.back() * share;  // nothing to check against; every row is still checked alone
  }
  std::nth_element(implied.begin(), implied.begin() + static_cast<long>(implied.size() / 2),
                   implied.end());
  const double median = implied[implied.size() / 2];
  for (const double peak : kPeaks) {
    if (std::abs(median / (peak * share) - 1.0) <= kPeakSlack) {
      return peak * share;
    }
  }
  throw InputError(
      {.code = "E_UNIT",
       .file = table.file(),
       .mark = {2, 0},
       .pointer = std::string("/") + us,
       .what = fmt::format("durations and {} imply a peak of {:.4g} TFLOP/s", mfu, median * 1e-12),
       .got = fmt::format("{} taken as microseconds", us),
       .expected = fmt::format("{:.4g} or {:.4g} TFLOP/s", kPeaks[0] * share * 1e-12,
                               kPeaks[1] * share * 1e-12),
       .fix = "milliseconds, or another device?"});
}

// FLOP of the row by its own mfu, +- the rounding of both columns.
double flops_by_mfu(const TableRow& row, double peak, const char* us, const char* mfu) {
  return row.number(mfu, text::kPositive) * peak * row.seconds(us, kMicrosecond);
}

RowReader dense_reader(const text::CsvTable& table) {
  const double peak = peak_of(
      table, 0.01, 1.0,
      [&table](std::size_t i) -> std::optional<double> {
        const auto m = cell(table, i, "m");
        const auto k = cell(table, i, "k");
        const auto n = cell(table, i, "n");
        return m && k && n ? std::optional(2.0 * *m * *k * *n) : std::nullopt;
      },
      "latency_us", "mfu");
  return [peak](const TableRow& row, Measurements& out) {
    out.stated_peak = models::StatedPeak{models::Precision::fp8_block, peak};
    models::DenseSample sample;
    sample.origin = {
        .kernel_source = "deepgemm", .precision = models::Precision::fp8_block, .line = row.line()};
    sample.origin.seconds = row.seconds("latency_us", kMicrosecond);
    sample.rows = static_cast<double>(row.count("m", kAtLeastOne));
    sample.columns = row.count("n", kAtLeastOne);
    sample.inner = row.count("k", kAtLeastOne);
    sample.product_alone = true;
    const double flops = 2.0 * sample.rows * static_cast<double>(sample.columns * sample.inner);
    const double stated = flops_by_mfu(row, peak, "latency_us", "mfu");
    const double rounding = 1e-6 / row.number("mfu", text::kPositive);
    if (std::abs(stated / flops - 1.0) > kAgreement + rounding) {
      row.fail("latency_us", "E_UNIT",
               fmt::format("latency_us and mfu disagree by a factor of {:.3g}", stated / flops),
               "microseconds and the fraction of the peak that they mean");
    }
    out.dense.push_back(sample);
  };
}

// Tokens that a part computed, by its mfu; checked against U(0.7, 1.3) rounded down.
double tokens_of(const TableRow& row, double peak, const char* us, const char* mfu,
                 double flops_per_token, double nominal, double local) {
  const double computed = std::round(flops_by_mfu(row, peak, us, mfu) / flops_per_token);
  if (computed < 0.7 * nominal * local - local || computed > 1.3 * nominal * local ||
      computed < 1.0) {
    row.fail(us, "E_UNIT",
             fmt::format("{} and {} mean {} tokens in {} groups of about {}", us, mfu, computed,
                         local, nominal),
             "0.7 to 1.3 times the nominal tokens");
  }
  return computed;
}

RowReader grouped_reader(const text::CsvTable& table, const char* tokens_column,
                         const char* kernel) {
  const double peak = peak_of(
      table, 0.05, 1.0,
      [&table](std::size_t i) -> std::optional<double> {
        double product = 4.0;  // two FLOP, two matrices side by side
        for (const char* column :
             {"num_local_experts", "tokens_per_expert", "hidden_size", "intermediate_size"}) {
          const auto value = cell(table, i, column);
          if (!value) {
            return std::nullopt;
          }
          product *= *value;
        }
        return product;
      },
      "up_proj_us", "up_mfu");
  return [peak, tokens_column, kernel](const TableRow& row, Measurements& out) {
    out.stated_peak = models::StatedPeak{models::Precision::fp8_block, peak};
    const std::int64_t experts = row.count("num_experts", kAtLeastOne);
    const std::int64_t ranks = row.count("num_gpus", kAtLeastOne);
    const std::int64_t local = row.count("num_local_experts", kAtLeastOne);
    if (local * ranks != experts) {
      row.fail("num_local_experts", "E_RANGE",
               fmt::format("{} local experts on {} GPUs are not {}", local, ranks, experts),
               "num_experts / num_gpus");
    }
    const std::int64_t top_k = row.count("topk", kAtLeastOne);
    const std::int64_t nominal = row.count("tokens_per_expert", kAtLeastOne);
    const double tokens = static_cast<double>(row.count(tokens_column, kAtLeastOne) * ranks);
    if (std::abs(tokens * static_cast<double>(top_k) / static_cast<double>(experts) -
                 static_cast<double>(nominal)) > 0.5) {
      row.fail("tokens_per_expert", "E_RANGE",
               fmt::format("{} tokens of the group, top-k {} and {} experts are not {} an expert",
                           tokens, top_k, experts, nominal),
               "");
    }
    models::ExpertSample sample;
    sample.origin = {
        .kernel_source = kernel, .precision = models::Precision::fp8_block, .line = row.line()};
    sample.distribution = "uniform_0.7_1.3";
    sample.intermediate_full = row.count("intermediate_size", kAtLeastOne);
    sample.shape = {.hidden = row.count("hidden_size", kAtLeastOne),
                    .intermediate = sample.intermediate_full,
                    .top_k = top_k,
                    .experts = experts,
                    .local_experts = local,
                    .gated = true,
                    .precision = models::Precision::fp8_block};
    const double product =
        2.0 * static_cast<double>(sample.shape.hidden * sample.shape.intermediate);
    const auto add = [&](models::ExpertPart part, const char* us, const char* mfu, double flops) {
      sample.part = part;
      sample.origin.seconds = row.seconds(us, kMicrosecond);
      const double pairs = tokens_of(row, peak, us, mfu, flops, static_cast<double>(nominal),
                                     static_cast<double>(local));
      sample.load = {.tokens = tokens,
                     .pairs = pairs,
                     .active_experts = nominal == 1 ? pairs : static_cast<double>(local)};
      out.experts.push_back(sample);
    };
    add(models::ExpertPart::up, "up_proj_us", "up_mfu", 2.0 * product);
    add(models::ExpertPart::down, "down_proj_us", "down_mfu", product);
  };
}

// The three numbers that a file's name ends in.
std::array<std::int64_t, 3> shape_in_name(const std::string& file, const char* form) {
  static const std::regex kShape("([0-9]+)-([0-9]+)-([0-9]+)\\.csv$");
  std::smatch found;
  if (!std::regex_search(file, found, kShape)) {
    throw InputError({.code = "E_MISSING",
                      .file = file,
                      .mark = {},
                      .pointer = "",
                      .what = "the shape of the attention is in the file's name",
                      .got = "'" + file + "'",
                      .expected = fmt::format("a name that ends in {}.csv", form),
                      .fix = ""});
  }
  return {std::stoll(found[1]), std::stoll(found[2]), std::stoll(found[3])};
}

// mfu of attention is a fraction of the 16-bit peak, of three digits.
void check_mfu(const TableRow& row, double flops, double seconds, double peak) {
  const double implied = flops / (seconds * peak);
  if (std::abs(implied - row.number("mfu", text::kNonNegative)) > 0.0006 + 0.02 * implied) {
    row.fail(
        "latency_us", "E_UNIT",
        fmt::format("latency_us means an mfu of {:.3f}, the row says {}", implied, row.text("mfu")),
        "microseconds and the fraction of the peak that they mean");
  }
}

// Peak of a decode table; per_token: FLOP of a cached token.
double decode_peak(const text::CsvTable& table, double per_token) {
  return peak_of(
      table, 0.02, 0.5,
      [&table, per_token](std::size_t i) -> std::optional<double> {
        const auto batch = cell(table, i, "batch_size");
        const auto length = cell(table, i, "kv_len");
        return batch && length ? std::optional(per_token * *batch * *length) : std::nullopt;
      },
      "latency_us", "mfu");
}

// Launched one by one from the host, the same cache again and again.
models::SampleOrigin attention_origin(const TableRow& row, const char* kernel) {
  models::SampleOrigin origin = {
      .kernel_source = kernel, .line = row.line(), .host_launched = true, .repeated = true};
  origin.precision = row.precision("dtype");
  origin.seconds = row.seconds("latency_us", kMicrosecond);
  return origin;
}

RowReader decode_reader(const text::CsvTable& table) {
  const auto [heads, kv_heads, head_dim] = shape_in_name(table.file(), "HEADS-KVHEADS-HEADDIM");
  const models::AttentionShape shape{.heads = heads, .kv_heads = kv_heads, .head_dim = head_dim};
  // Two products of heads x head_dim per cached token.
  const double per_token = 4.0 * static_cast<double>(shape.heads * shape.head_dim);
  const double peak = decode_peak(table, per_token);
  return [shape, peak, per_token](const TableRow& row, Measurements& out) {
    out.stated_peak = models::StatedPeak{models::Precision::bf16, peak};
    models::AttentionSample sample;
    sample.origin = attention_origin(row, "flashinfer");
    sample.shape = shape;
    sample.shape.kv_precision = row.precision("kv_dtype");
    sample.decode = true;
    sample.sequences = static_cast<double>(row.count("batch_size", kAtLeastOne));
    sample.chunk = 1.0;
    sample.history = static_cast<double>(row.count("kv_len", kAtLeastOne));
    check_mfu(row, per_token * sample.sequences * sample.history, sample.origin.seconds, peak);
    out.attention.push_back(sample);
  };
}

RowReader latent_decode_reader(const text::CsvTable& table) {
  const auto [heads, rank, rope] = shape_in_name(table.file(), "HEADS-KVLORARANK-ROPEDIM");
  const models::LatentShape shape{.heads = heads, .kv_lora_rank = rank, .qk_rope_head_dim = rope};
  // Scores over latent and rotary part, values over the latent one.
  const double per_token = 2.0 * static_cast<double>(heads * (2 * rank + rope));
  const double peak = decode_peak(table, per_token);
  return [shape, peak, per_token](const TableRow& row, Measurements& out) {
    out.stated_peak = models::StatedPeak{models::Precision::bf16, peak};
    models::LatentSample sample;
    sample.origin = attention_origin(row, "flashmla");
    sample.kernel_alone = true;
    sample.shape = shape;
    sample.shape.kv_precision = row.precision("kv_dtype");
    sample.decode = true;
    sample.path = models::LatentPath::absorbed;
    sample.sequences = static_cast<double>(row.count("batch_size", kAtLeastOne));
    sample.chunk = 1.0;
    sample.history = static_cast<double>(row.count("kv_len", kAtLeastOne));
    check_mfu(row, per_token * sample.sequences * sample.history, sample.origin.seconds, peak);
    out.latent.push_back(sample);
  };
}

// One prompt without history, causal. Values are as wide as keys without rotary part: the mfu of
// every row says so.
RowReader latent_prefill_reader(const text::CsvTable& table) {
  const auto [heads, nope, rope] = shape_in_name(table.file(), "HEADS-NOPEDIM-ROPEDIM");
  const models::LatentShape shape{
      .heads = heads, .qk_nope_head_dim = nope, .qk_rope_head_dim = rope, .v_head_dim = nope};
  // Half of the square of both products.
  const auto per_pair = static_cast<double>(heads * (2 * nope + rope));
  const double peak = peak_of(
      table, 0.02, 0.5,
      [&table, per_pair](std::size_t i) -> std::optional<double> {
        const auto length = cell(table, i, "seq_len");
        return length ? std::optional(per_pair * *length * *length) : std::nullopt;
      },
      "latency_us", "mfu");
  return [shape, peak, per_pair](const TableRow& row, Measurements& out) {
    out.stated_peak = models::StatedPeak{models::Precision::bf16, peak};
    models::LatentSample sample;
    sample.origin = attention_origin(row, "flash_attention_3");
    sample.kernel_alone = true;
    sample.shape = shape;
    sample.sequences = 1.0;
    sample.chunk = static_cast<double>(row.count("seq_len", kAtLeastOne));
    check_mfu(row, per_pair * sample.chunk * sample.chunk, sample.origin.seconds, peak);
    out.latent.push_back(sample);
  };
}

const std::vector<std::string> kGrouped{
    "num_experts", "num_gpus",          "num_local_experts", "topk",
    "hidden_size", "intermediate_size", "tokens_per_expert", "up_proj_us",
    "up_mfu",      "down_proj_us",      "down_mfu"};

TableFormat grouped(const char* name, const char* tokens_column, const char* kernel) {
  std::vector<std::string> columns = kGrouped;
  columns.emplace_back(tokens_column);
  return {.name = name,
          .source = "infersim",
          .columns = columns,
          .path_parts = {},
          .measured = {"up_proj_us", "up_mfu", "down_proj_us", "down_mfu"},
          .repeats = false,
          .reader = [tokens_column, kernel](const text::CsvTable& table) {
            return grouped_reader(table, tokens_column, kernel);
          }};
}

}  // namespace

const std::vector<TableFormat>& infersim_formats() {
  static const std::vector<TableFormat> formats{
      {.name = "infersim gemm",
       .source = "infersim",
       .columns = {"m", "k", "n", "latency_us", "mfu"},
       .path_parts = {},
       .measured = {"latency_us", "mfu"},
       .repeats = false,
       .reader = dense_reader},
      grouped("infersim grouped_gemm decode", "batch_size_per_gpu", "deepgemm_masked"),
      grouped("infersim grouped_gemm prefill", "seq_len_per_gpu", "deepgemm_contiguous"),
      {.name = "infersim mha decode",
       .source = "infersim",
       .columns = {"dtype", "kv_dtype", "batch_size", "kv_len", "latency_us", "mfu"},
       .path_parts = {"mha_decode", "mha/decode"},
       .measured = {"latency_us", "mfu"},
       .repeats = false,
       .reader = decode_reader},
      {.name = "infersim mla decode",
       .source = "infersim",
       .columns = {"dtype", "kv_dtype", "batch_size", "kv_len", "latency_us", "mfu"},
       .path_parts = {"mla_decode", "mla/decode"},
       .measured = {"latency_us", "mfu"},
       .repeats = false,
       .reader = latent_decode_reader},
      {.name = "infersim mla prefill",
       .source = "infersim",
       .columns = {"dtype", "seq_len", "latency_us", "mfu"},
       .path_parts = {"mla_prefill", "mla/prefill"},
       .measured = {"latency_us", "mfu"},
       .repeats = false,
       .reader = latent_prefill_reader},
  };
  return formats;
}

Measurements parse_infersim(const std::string& content, const std::string& file) {
  return read_as_one_of(pointers(infersim_formats()), content, file);
}

}  // namespace moeplan::calibrate
