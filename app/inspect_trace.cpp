// moeplan inspect trace: what we understood of recorded traffic, whatever its format; -o writes it
// in the normal form.

#include "app/inspect_trace.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iostream>

#include "app/subcommand.hpp"
#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "models/units/require.hpp"
#include "sim/report/text_table.hpp"
#include "sim/workload/describe_trace.hpp"
#include "sim/workload/read_trace.hpp"

namespace moeplan::app {
namespace {

using sim::LengthSummary;
using sim::RequestTrace;
using sim::TraceDescription;
using text::Json;

Json lengths_json(const LengthSummary& s) {
  Json fit;
  if (s.log_normal) {
    fit = Json::object()
              .set("median_tokens", std::exp(s.log_normal->mu))
              .set("sigma", s.log_normal->sigma)
              .set("ks_distance", s.log_normal->ks_distance);
  }
  return Json::object()
      .set("mean", s.mean)
      .set("min", s.min)
      .set("p50", s.p50)
      .set("p90", s.p90)
      .set("p95", s.p95)
      .set("p99", s.p99)
      .set("max", s.max)
      .set("log_normal", fit);
}

std::string rate_text(const std::optional<double>& per_s, const std::string& otherwise) {
  return per_s ? fmt::format("{:.4g} requests/s", *per_s) : otherwise;
}

// What the spread of the gaps means in words.
std::string burstiness_text(const TraceDescription& d) {
  if (!d.gap_cv) {
    return "-";
  }
  return fmt::format("coefficient of variation {:.3g} (Poisson: 1); as gamma gaps: burstiness {}",
                     *d.gap_cv, d.burstiness ? fmt::format("{:.3g}", *d.burstiness) : "infinite");
}

std::vector<std::pair<std::string, std::string>> facts(const RequestTrace& trace) {
  const TraceDescription d = sim::describe(trace);
  std::vector<std::pair<std::string, std::string>> rows = {
      {"file", trace.file},
      {"format", sim::name_of(trace.format)},
      {"rows", fmt::format("{}{}", trace.rows, trace.cut ? " (then cut by --max-requests)" : "")},
      {"requests", fmt::format("{}", d.requests)},
      {"dropped as failed", fmt::format("{}", trace.failed)},
      {"rows out of order",
       fmt::format("{}{}", trace.out_of_order, trace.out_of_order > 0 ? " (sorted)" : "")}};
  if (!trace.has_times) {
    rows.emplace_back("times", "none: lengths only");
  } else {
    rows.emplace_back("first arrival", trace.first_stamp);
    rows.emplace_back("span", to_text(Seconds(d.span_s)));
    rows.emplace_back("mean rate", rate_text(d.rate_per_s, "-"));
    rows.emplace_back("peak hour", rate_text(d.peak_hour_per_s, "- (shorter than an hour)"));
    rows.emplace_back("peak minute", rate_text(d.peak_minute_per_s, "- (shorter than a minute)"));
    rows.emplace_back("gaps", burstiness_text(d));
    rows.emplace_back("simultaneous",
                      fmt::format("{:.1f} % arrive at the instant of the one before",
                                  100.0 * d.simultaneous_fraction));
  }
  for (const auto& [name, s] :
       {std::pair("prompt tokens", d.prompt), {"output tokens", d.output}}) {
    rows.emplace_back(
        name, fmt::format("mean {:.1f}, p50 {:.0f}, p90 {:.0f}, p95 {:.0f}, p99 {:.0f}, {} to {}",
                          s.mean, s.p50, s.p90, s.p95, s.p99, s.min, s.max));
    if (s.log_normal) {
      rows.emplace_back(
          "  as log-normal",
          fmt::format("median {:.1f}, sigma {:.4f}; Kolmogorov-Smirnov distance {:.3f}",
                      std::exp(s.log_normal->mu), s.log_normal->sigma, s.log_normal->ks_distance));
    }
  }
  if (d.correlation) {
    rows.emplace_back("prompt with output", fmt::format("correlation {:.3f}, of logarithms {:.3f}",
                                                        *d.correlation, *d.log_correlation));
  }
  if (d.blocks > 0) {
    rows.emplace_back("prefix blocks",
                      fmt::format("{} of {} tokens, {:.1f} % seen before", d.blocks,
                                  trace.block_tokens, 100.0 * d.reused_block_fraction));
  }
  for (const std::string& warning : trace.warnings) {
    rows.emplace_back("warning", warning);
  }
  return rows;
}

struct TraceCommand {
  std::string file;
  std::string trace_format;
  sim::TraceOptions options;
  bool drop_failed = false;
  std::string format = "table";
  std::string output;

  int run() const {
    sim::TraceOptions all = options;
    all.format = sim::trace_format_from(trace_format);
    if (drop_failed) {
      all.drop_failed = true;
    }
    const RequestTrace trace = sim::read_trace(file, all);
    if (!output.empty()) {
      text::write_file(output, sim::trace_csv(trace));
    }
    std::cout << inspect_trace(trace, format);
    return kOk;
  }
};

}  // namespace

Json inspect_trace_json(const RequestTrace& trace) {
  const TraceDescription d = sim::describe(trace);
  return Json::object()
      .set("schema_version", 1)
      .set("file", trace.file)
      .set("format", sim::name_of(trace.format))
      .set("rows", trace.rows)
      .set("requests", d.requests)
      .set("dropped", Json::object().set("failed", trace.failed))
      .set("out_of_order", trace.out_of_order)
      .set("cut", trace.cut)
      .set("has_times", trace.has_times)
      .set("first_arrival", trace.has_times ? Json(trace.first_stamp) : Json())
      .set("span_s", trace.has_times ? Json(d.span_s) : Json())
      .set("rate_per_s", d.rate_per_s)
      .set("peak_hour_rate_per_s", d.peak_hour_per_s)
      .set("peak_minute_rate_per_s", d.peak_minute_per_s)
      .set("gap_mean_s", d.gap_mean_s)
      .set("gap_cv", d.gap_cv)
      .set("burstiness", d.burstiness)
      .set("simultaneous_fraction", d.simultaneous_fraction)
      .set("prompt_tokens", lengths_json(d.prompt))
      .set("output_tokens", lengths_json(d.output))
      .set("correlation", d.correlation)
      .set("log_correlation", d.log_correlation)
      .set("prefix_blocks", d.blocks)
      .set("prefix_block_tokens", d.blocks > 0 ? Json(trace.block_tokens) : Json())
      .set("reused_block_fraction", d.reused_block_fraction)
      .set("warnings", trace.warnings);
}

std::string inspect_trace(const RequestTrace& trace, const std::string& format) {
  if (format == "json" || format == "jsonl") {
    const Json json = inspect_trace_json(trace);
    return format == "json" ? json.pretty() : json.line() + "\n";
  }
  require(format == "table" || format == "markdown" || format == "csv",
          "inspect trace has no such output format");
  sim::TextTable table({"trace", "what we understood"});
  std::string csv = "key,value\n";
  std::string lines;
  for (const auto& [key, value] : facts(trace)) {
    table.add({key, value});
    lines += fmt::format("{:<20}{}\n", key, value);
    std::string quoted = value;
    for (std::size_t i = 0; (i = quoted.find('"', i)) != std::string::npos; i += 2) {
      quoted.insert(i, 1, '"');
    }
    csv += key + ",\"" + quoted + "\"\n";
  }
  return format == "csv" ? csv : format == "table" ? lines : table.markdown();
}

void add_inspect_trace(CLI::App& inspect, int& exit_code) {
  auto command = std::make_shared<TraceCommand>();
  CLI::App* sub = inspect.add_subcommand(
      "trace", "Recorded traffic: format, rates, burstiness, lengths, suspicious units");
  sub->add_option("FILE", command->file, "A trace of any known format")->required();
  sub->add_option("--format", command->format, "Output format")
      ->check(CLI::IsMember({"table", "json", "jsonl", "csv", "markdown"}))
      ->capture_default_str();
  sub->add_option("--trace-format", command->trace_format, "Of the file; else what it looks like")
      ->check(CLI::IsMember(sim::trace_format_names()));
  sub->add_flag("--sort", command->options.sort, "Sort rows by time");
  sub->add_flag("--drop-failed", command->drop_failed,
                "Drop and count rows without output in any format");
  sub->add_option("--max-requests", command->options.max_requests, "Only the first so many")
      ->check(CLI::Range(std::int64_t{1}, sim::kMostTraceRequests));
  sub->add_option("-o,--output", command->output,
                  "Write the requests there in the normal form (CSV: arrived_at in seconds, "
                  "num_prefill_tokens, num_decode_tokens)");
  sub->footer(
      "Examples:\n"
      "  moeplan inspect trace AzureLLMInferenceTrace_conv.csv\n"
      "  moeplan inspect trace trace.jsonl --format json -o normal.csv\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
