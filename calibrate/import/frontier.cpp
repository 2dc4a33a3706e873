#include "calibrate/import/frontier.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "calibrate/import/table_format.hpp"

namespace moeplan::calibrate {
namespace {

using models::Measurements;

constexpr text::Range kAtLeastOne{.low = 1.0};
constexpr double kMillisecond = 1e-3;
constexpr double kDigits = 1e-6;  // max_load_ratio is rounded to six decimals

struct Routed {
  double pairs = 0.0;
  double active = 0.0;
  bool locally = false;  // every pair stays on the rank
};

// True where `pairs` on the rank make the busiest expert's load whole and possible.
bool makes_whole(double pairs, double ratio, double local, double active, double tokens) {
  const double mean = pairs / local;
  const double most = std::round(ratio * mean);
  return std::abs(ratio * mean - most) <= kDigits * (1.0 + mean) && most <= tokens + 0.5 &&
         pairs >= active - 0.5 && pairs <= most * active + 0.5;
}

std::optional<Routed> routed(double tokens, double top_k, double experts, double local,
                             double ratio, double active) {
  if (makes_whole(tokens * top_k, ratio, local, active, tokens)) {
    return Routed{tokens * top_k, active, true};
  }
  // Around the expected share, the nearest first: binomial, so 1.7 times is far out.
  const double expected = tokens * top_k * local / experts;
  const auto reach = static_cast<std::int64_t>(std::ceil(0.7 * expected)) + 4;
  for (std::int64_t step = 0; step <= reach; ++step) {
    for (const double pairs : {std::round(expected) - static_cast<double>(step),
                               std::round(expected) + static_cast<double>(step)}) {
      if (pairs >= 1.0 && makes_whole(pairs, ratio, local, active, tokens)) {
        return Routed{pairs, active, false};
      }
    }
  }
  return std::nullopt;
}

models::SampleOrigin origin_of(const TableRow& row, const std::string& kernel, bool events,
                               const char* column) {
  models::SampleOrigin origin;
  origin.kernel_source = "frontier_" + kernel + (events ? "_cuda_event" : "_kernel_only");
  origin.precision = models::Precision::bf16;
  origin.line = row.line();
  origin.seconds = row.seconds(column, kMillisecond);
  origin.host_launched = events;
  // Small weights of the kernel-only file are read no faster than large ones (18.9 MB in 24.6 us,
  // 151 MB in 71 us, both less the floor of 12 us): other work lies between.
  origin.repeated = events;
  return origin;
}

void read_row(const TableRow& row, Measurements& out) {
  const std::string type = row.text("measurement_type");
  if (type != "CUDA_EVENT" && type != "KERNEL_ONLY") {
    row.fail("measurement_type", "E_VALUE", "unknown measurement type", "CUDA_EVENT, KERNEL_ONLY");
  }
  const bool events = type == "CUDA_EVENT";
  const std::int64_t tokens = row.count("num_tokens", kAtLeastOne);
  const std::int64_t experts = row.count("num_experts", kAtLeastOne);
  const std::int64_t local = row.count("num_experts_per_device", kAtLeastOne);
  const std::int64_t top_k = row.count("router_topk", kAtLeastOne);
  const std::int64_t hidden = row.count("hidden_dim", kAtLeastOne);
  if (local * row.count("expert_parallel_size", kAtLeastOne) != experts) {
    row.fail("num_experts_per_device", "E_RANGE",
             fmt::format("{} experts on a device are not {} over the ranks", local, experts),
             "num_experts / expert_parallel_size");
  }
  const std::string grouped = "moe_grouped_gemm_ms_median";
  if (!row.empty(grouped)) {
    models::ExpertSample sample;
    sample.origin = origin_of(row, "grouped_gemm", events, grouped.c_str());
    sample.distribution = row.text("load_distribution");
    sample.part = models::ExpertPart::products;
    sample.intermediate_full = row.count("expert_hidden_dim", kAtLeastOne);
    const std::int64_t split = row.count("num_tensor_parallel_workers", kAtLeastOne);
    if (sample.intermediate_full % split != 0) {
      row.fail("expert_hidden_dim", "E_RANGE",
               fmt::format("{} does not divide by {} workers", sample.intermediate_full, split),
               "");
    }
    const double active =
        row.number("expert_utilization", {.low = 0.0, .high = 1.0}) * static_cast<double>(local);
    if (std::abs(active - std::round(active)) > kDigits * static_cast<double>(local)) {
      row.fail("expert_utilization", "E_RANGE",
               fmt::format("{:.4f} of {} experts active", active, local), "a whole number");
    }
    const auto load = routed(static_cast<double>(tokens), static_cast<double>(top_k),
                             static_cast<double>(experts), static_cast<double>(local),
                             row.number("max_load_ratio", {.low = 1.0}), std::round(active));
    if (!load) {
      row.fail("max_load_ratio", "E_RANGE",
               fmt::format("no routing of {} tokens gives this ratio on {} of {} experts", tokens,
                           local, experts),
               "busiest expert's load / mean load");
    }
    sample.shape = {.hidden = hidden,
                    .intermediate = sample.intermediate_full / split,
                    .top_k = top_k,
                    .experts = load->locally ? local : experts,
                    .local_experts = local,
                    .gated = true,
                    .precision = models::Precision::bf16};
    sample.load = {.tokens = static_cast<double>(tokens),
                   .pairs = load->pairs,
                   .active_experts = load->active};
    out.experts.push_back(sample);
  }
  if (!row.empty("moe_gating_linear_ms_median")) {
    out.dense.push_back({.origin = origin_of(row, "gate", events, "moe_gating_linear_ms_median"),
                         .rows = static_cast<double>(tokens),
                         .columns = experts,
                         .inner = hidden});
  }
  const auto t = static_cast<double>(tokens);
  const auto k = static_cast<double>(top_k);
  if (!row.empty("moe_gating_routing_topk_ms_median")) {
    const std::string path = row.text("routing_runtime_path");
    out.streams.push_back(
        {.origin = origin_of(row, path, events, "moe_gating_routing_topk_ms_median"),
         .kernel = "router",
         .layer = path,
         .bytes = t * (4.0 * static_cast<double>(experts) + 8.0 * k)});
  }
  if (!row.empty("moe_shuffling_ms_median")) {
    out.streams.push_back({.origin = origin_of(row, "shuffle", events, "moe_shuffling_ms_median"),
                           .kernel = "permute",
                           .layer = "shuffle",
                           .bytes = 4.0 * t * k * static_cast<double>(hidden)});
  }
}

}  // namespace

const std::vector<TableFormat>& frontier_formats() {
  static const std::vector<TableFormat> formats{
      {.name = "frontier moe",
       .source = "frontier",
       .columns = {"num_tokens", "num_experts", "num_experts_per_device", "expert_parallel_size",
                   "router_topk", "hidden_dim", "expert_hidden_dim", "num_tensor_parallel_workers",
                   "load_distribution", "max_load_ratio", "expert_utilization",
                   "routing_runtime_path", "measurement_type", "moe_gating_linear_ms_median",
                   "moe_gating_routing_topk_ms_median", "moe_shuffling_ms_median",
                   "moe_grouped_gemm_ms_median"},
       .path_parts = {},
       .measured = {"moe_grouped_gemm_ms_median", "moe_gating_linear_ms_median",
                    "moe_gating_routing_topk_ms_median", "moe_shuffling_ms_median"},
       .repeats = true,
       .reader = [](const text::CsvTable&) -> RowReader { return read_row; }},
  };
  return formats;
}

Measurements parse_frontier(const std::string& content, const std::string& file) {
  return read_as_one_of(pointers(frontier_formats()), content, file);
}

}  // namespace moeplan::calibrate
