#include "calibrate/import/deepep.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

namespace moeplan::calibrate {
namespace {

using models::ExchangeMode;
using models::ExchangePhase;
using models::ExchangeSample;

constexpr text::Range kAtLeastOne{.low = 1.0};
constexpr int kGpusPerNode = 8;
constexpr int kGpusPerGraceNode = 4;

void check_experts(const TableRow& row, const ExchangeSample& sample) {
  if (sample.top_k > sample.experts) {
    row.fail("num_experts", "E_RANGE",
             fmt::format("top-k {} above {} experts", sample.top_k, sample.experts),
             "top-k <= num_experts");
  }
  if (sample.experts % sample.ranks != 0) {
    row.fail("num_experts", "E_RANGE",
             fmt::format("{} experts do not divide over {} ranks", sample.experts, sample.ranks),
             "a multiple of the ranks");
  }
}

ExchangeSample shape_of(const TableRow& row, ExchangeMode mode) {
  ExchangeSample sample;
  sample.origin.kernel_source = kernel_source_of(mode);
  sample.origin.line = row.line();
  sample.nodes = static_cast<int>(row.count("node_num", kAtLeastOne));
  sample.ranks = sample.nodes * kGpusPerNode;
  sample.tokens = row.count("num_token", kAtLeastOne);
  sample.hidden = row.count("hidden_size", kAtLeastOne);
  sample.top_k = row.count("num_topk", kAtLeastOne);
  sample.experts = row.count("num_experts", kAtLeastOne);
  check_experts(row, sample);
  return sample;
}

// The two halves of a row.
void add(ExchangeSample sample, double dispatch, double combine, models::Measurements& out) {
  sample.phase = ExchangePhase::dispatch;
  sample.origin.precision = models::Precision::fp8;
  sample.origin.seconds = dispatch;
  out.exchanges.push_back(sample);
  sample.phase = ExchangePhase::combine;
  sample.origin.precision = models::Precision::bf16;
  sample.origin.seconds = combine;
  out.exchanges.push_back(sample);
}

}  // namespace

std::vector<std::string> deepep_normal_results() {
  return {"dispatch_transmit_us", "dispatch_notify_us", "combine_transmit_us", "combine_notify_us"};
}

std::vector<std::string> deepep_normal_columns() {
  return {"node_num",
          "hidden_size",
          "num_token",
          "num_topk",
          "num_experts",
          "dispatch_sms",
          "dispatch_transmit_us",
          "dispatch_notify_us",
          "combine_sms",
          "combine_transmit_us",
          "combine_notify_us"};
}

std::vector<std::string> deepep_low_latency_results() {
  return {"combine_avg_t_us", "combine_bandwidth_gbps", "dispatch_avg_t_us",
          "dispatch_bandwidth_gbps"};
}

std::vector<std::string> deepep_low_latency_columns() {
  return {"node_num",    "hidden_size",       "num_token",       "num_topk",
          "num_experts", "dispatch_avg_t_us", "combine_avg_t_us"};
}

std::vector<std::string> trtllm_alltoall_columns() {
  return {"op_name",     "kernel_source", "moe_dtype",   "num_tokens",
          "hidden_size", "topk",          "num_experts", "moe_ep_size"};
}

void read_deepep_normal(const TableRow& row, models::Measurements& out) {
  ExchangeSample sample = shape_of(row, ExchangeMode::normal);
  sample.multiprocessors = static_cast<int>(row.count("dispatch_sms", kAtLeastOne));
  if (row.count("combine_sms", kAtLeastOne) != sample.multiprocessors) {
    row.fail("combine_sms", "E_VALUE", "another number of multiprocessors than the dispatch has",
             "dispatch_sms");
  }
  const auto both = [&](const char* notify, const char* transmit) {
    return row.microseconds(notify, text::kNonNegative) +
           row.microseconds(transmit, text::kPositive);
  };
  add(sample, both("dispatch_notify_us", "dispatch_transmit_us"),
      both("combine_notify_us", "combine_transmit_us"), out);
}

void read_deepep_low_latency(const TableRow& row, models::Measurements& out) {
  add(shape_of(row, ExchangeMode::low_latency),
      row.microseconds("dispatch_avg_t_us", text::kPositive),
      row.microseconds("combine_avg_t_us", text::kPositive), out);
}

void read_trtllm_alltoall(const TableRow& row, models::Measurements& out) {
  static const std::map<std::string, std::pair<ExchangePhase, const char*>> kOperations{
      {"alltoall_prepare", {ExchangePhase::dispatch, "_prepare"}},
      {"alltoall_dispatch", {ExchangePhase::dispatch, ""}},
      {"alltoall_combine", {ExchangePhase::combine, ""}},
      {"alltoall_combine_low_precision", {ExchangePhase::combine, "_low_precision"}}};
  const auto operation = kOperations.find(row.text("op_name"));
  if (operation == kOperations.end()) {
    row.fail("op_name", "E_VALUE", "unknown half of an exchange '" + row.text("op_name") + "'",
             "alltoall_combine, alltoall_combine_low_precision, alltoall_dispatch, "
             "alltoall_prepare");
  }
  ExchangeSample sample;
  sample.origin =
      row.origin("moe_dtype", "trtllm_" + row.text("kernel_source") + operation->second.second);
  sample.phase = operation->second.first;
  sample.ranks = static_cast<int>(row.count("moe_ep_size", kAtLeastOne));
  sample.nodes = (sample.ranks + kGpusPerGraceNode - 1) / kGpusPerGraceNode;
  sample.tokens = row.count("num_tokens", kAtLeastOne);
  sample.hidden = row.count("hidden_size", kAtLeastOne);
  sample.top_k = row.count("topk", kAtLeastOne);
  sample.experts = row.count("num_experts", kAtLeastOne);
  check_experts(row, sample);
  out.exchanges.push_back(sample);
}

}  // namespace moeplan::calibrate
