// DeepEP's published tables, transcribed: README.md and docs/legacy.md of the project.
// Traps taken care of:
// - rows of low latency have a duration, of 256 experts (DeepSeek-V3's; not a column) on nodes of 8
//   GPUs, dispatched in 8 bits with scales and combined in 16.
// - rows of normal mode have a rate and no duration, and the router behind them keeps 4 groups of
//   experts, which our rows of exchanges cannot say; rows of its second generation (v2_elastic)
//   likewise. Both are counted as skipped, never turned into durations.
// Source: github.com/deepseek-ai/DeepEP, commit dd758caf451848bd150e1046af3d0a73e5fff38d.
#include <fmt/format.h>

#include "calibrate/import/table_format.hpp"

namespace moeplan::calibrate {
namespace {

constexpr text::Range kAtLeastOne{.low = 1.0};
constexpr std::int64_t kExperts = 256;
constexpr int kGpusOfNode = 8;

void read_published(const TableRow& row, models::Measurements& out) {
  const std::string kind = row.text("kind");
  if (kind == "normal" || kind == "v2_elastic") {
    ++out.skipped[fmt::format("{}: a rate without a duration{}", kind,
                              kind == "normal" ? ", of a router that keeps 4 groups of experts"
                                               : ", of kernels that there is no law for")];
    return;
  }
  if (kind != "low_latency") {
    row.fail("kind", "E_VALUE", fmt::format("unknown kind '{}'", kind),
             "low_latency, normal or v2_elastic");
  }
  models::ExchangeSample sample;
  const std::string phase = row.text("phase");
  if (phase != "dispatch" && phase != "combine") {
    row.fail("phase", "E_VALUE", fmt::format("unknown phase '{}'", phase), "dispatch or combine");
  }
  const bool dispatch = phase == "dispatch";
  sample.phase = dispatch ? models::ExchangePhase::dispatch : models::ExchangePhase::combine;
  sample.origin.kernel_source = kernel_source_of(models::ExchangeMode::low_latency);
  sample.origin.precision = dispatch ? models::Precision::fp8 : models::Precision::bf16;
  sample.origin.line = row.line();
  sample.origin.seconds = row.microseconds("latency_us", {.low = 1.0, .high = 1e6});
  sample.ranks = static_cast<int>(row.count("ep_ranks", kAtLeastOne));
  sample.nodes = sample.ranks / kGpusOfNode;
  if (sample.ranks % kGpusOfNode != 0 || kExperts % sample.ranks != 0) {
    row.fail(
        "ep_ranks", "E_RANGE",
        fmt::format("{} experts on {} ranks of nodes of {}", kExperts, sample.ranks, kGpusOfNode),
        "whole nodes, as many experts on every rank");
  }
  sample.tokens = row.count("tokens_per_rank", kAtLeastOne);
  sample.hidden = row.count("hidden", kAtLeastOne);
  sample.top_k = row.count("topk", kAtLeastOne);
  sample.experts = kExperts;
  const std::string arch = row.text("arch");
  if (!out.device.empty() && out.device != arch) {
    row.fail("arch", "E_VALUE", fmt::format("low latency on {} and on {}", out.device, arch),
             "one device");
  }
  out.device = arch;
  out.exchanges.push_back(sample);
}

}  // namespace

const std::vector<TableFormat>& deepep_formats() {
  static const std::vector<TableFormat> kFormats{
      {.name = "deepep published tables",
       .source = "deepep",
       .columns = {"kind", "arch", "ep_ranks", "tokens_per_rank", "hidden", "topk", "phase",
                   "latency_us", "bandwidth_GBps", "bandwidth_type", "sms"},
       .path_parts = {},
       .measured = {"latency_us", "bandwidth_GBps"},
       .repeats = false,
       .reader = [](const text::CsvTable&) -> RowReader { return read_published; }}};
  return kFormats;
}

}  // namespace moeplan::calibrate
