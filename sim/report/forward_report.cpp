#include "sim/report/forward_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "models/units/parse.hpp"

namespace moeplan::sim {
namespace {

using models::static_terms;
using models::StaticTerm;

constexpr double kZ95 = 1.645;  // 5 to 95 %

bool priced(const ForwardPass& pass) { return pass.memory.capacity.value() > 0.0; }

std::string experts_text(const ForwardPass& pass) {
  return pass.experts_kept == 0 ? "dense" : fmt::format("{}", pass.experts_kept);
}

std::string milliseconds_text(Seconds value) {
  return fmt::format("{:.2f}", in_milliseconds(value));
}

// Seconds at 5 and 95 % by the law's band.
Seconds at(const ForwardPass& pass, double z) {
  return pass.estimate.terms.total() * std::exp(z * pass.sd_log);
}

void add_times(const std::vector<ForwardPass>& passes, const StaticScenario& scenario,
               ReportWriter& out) {
  out.heading("Forward pass by term, ms");
  std::vector<std::string> header = {"experts", "GPU", "GPUs", "per GPU"};
  for (const StaticTerm& term : static_terms()) {
    header.emplace_back(term.name);
  }
  for (const char* more : {"total", "5 to 95 %", "per MoE layer", "extrapolated"}) {
    header.emplace_back(more);
  }
  TextTable table(header);
  for (const ForwardPass& pass : passes) {
    if (!priced(pass)) {
      continue;
    }
    std::vector<std::string> row = {experts_text(pass), scenario.hardware[pass.hardware].gpu.id,
                                    fmt::format("{}", pass.shape.gpus),
                                    fmt::format("{:g}", pass.estimate.local_experts)};
    for (const StaticTerm& term : static_terms()) {
      row.push_back(milliseconds_text(pass.estimate.terms.*term.value));
    }
    row.push_back(milliseconds_text(pass.estimate.terms.total()));
    // The band is that of figure 2a; outside, nobody knows it.
    row.push_back(pass.estimate.extrapolated
                      ? "unknown"
                      : fmt::format("{} to {}", milliseconds_text(at(pass, -kZ95)),
                                    milliseconds_text(at(pass, kZ95))));
    row.push_back(milliseconds_text(pass.estimate.moe_layer()));
    row.emplace_back(pass.estimate.extrapolated ? "yes" : "no");
    table.add(row);
  }
  out.table(table);
}

void add_memory(const std::vector<ForwardPass>& passes, const StaticScenario& scenario,
                ReportWriter& out) {
  out.heading("Buffers and memory of one GPU");
  TextTable table({"experts", "GPU", "GPUs", "capacity", "rows", "padding %", "dropped %",
                   "weights", "buffers", "logits", "of"});
  for (const ForwardPass& pass : passes) {
    if (!priced(pass)) {
      continue;
    }
    const double rows = static_cast<double>(pass.capacity.buffer_rows);
    table.add({experts_text(pass), scenario.hardware[pass.hardware].gpu.id,
               fmt::format("{}", pass.shape.gpus), fmt::format("{}", pass.capacity.capacity),
               fmt::format("{}", pass.capacity.buffer_rows),
               fmt::format("{:.1f}", rows > 0.0 ? 100.0 * pass.capacity.padding_rows / rows : 0.0),
               fmt::format("{:.1f}", 100.0 * pass.capacity.dropped_fraction),
               to_text(pass.memory.weights), to_text(pass.memory.buffers),
               to_text(pass.memory.logits), to_text(pass.memory.capacity)});
  }
  out.table(table);
}

std::string design_text(const ForwardPass& pass, const StaticScenario& scenario) {
  return fmt::format("{} experts on {} x {}", experts_text(pass), pass.shape.gpus,
                     scenario.hardware[pass.hardware].gpu.id);
}

}  // namespace

std::string forward_text(const std::vector<ForwardPass>& passes, const StaticScenario& scenario,
                         const ReportContext& context, TextStyle style) {
  ReportWriter out(style);
  out.title(scenario.name);
  out.heading("Pass");
  out.item(fmt::format(
      "{}: one static forward pass, {} sequences of {} tokens per GPU, experts shared by groups of "
      "{} GPUs, buffers padded to capacity",
      scenario.architecture.name, scenario.sequences_per_gpu, scenario.sequence_length,
      scenario.expert_ranks));
  add_times(passes, scenario, out);
  add_memory(passes, scenario, out);
  out.heading("Take care");
  for (const ForwardPass& pass : passes) {
    if (!pass.why_not.empty()) {
      out.item(fmt::format("{} cannot run: {}", design_text(pass, scenario), pass.why_not));
    }
  }
  out.item(kNotAffine);
  out.item(
      "Terms of host and device add up: three points cannot tell how they overlap. Padding and "
      "drops: uniform routing.");
  out.heading("What this rests on");
  out.item(fmt::format("moeplan {}, scenario {} (sha256 {})", context.version,
                       std::filesystem::path(scenario.file).filename().string(),
                       scenario.sha256.substr(0, 12)));
  if (!scenario.source.empty()) {
    out.item("batch: " + scenario.source);
  }
  for (const StaticHardware& option : scenario.hardware) {
    const models::StaticTheta& t = option.law.theta();
    out.item(
        fmt::format("{}: host {} a layer, {} an MoE layer, {} a local expert; waiting {:.3g} "
                    "% for each GPU beyond the first; sd of the log {:.2f}; {}",
                    option.gpu.id, to_text(Seconds(t.layer)), to_text(Seconds(t.moe_layer)),
                    to_text(Seconds(t.expert)), 100.0 * t.wait,
                    option.law.info().discrepancy_sd_log, option.law.info().source));
  }
  return out.text();
}

text::Json forward_json(const std::vector<ForwardPass>& passes, const StaticScenario& scenario,
                        const ReportContext& context) {
  text::Json rows = text::Json::array();
  for (const ForwardPass& pass : passes) {
    text::Json row = text::Json::object();
    row.set("experts_kept", pass.experts_kept == 0 ? text::Json() : text::Json(pass.experts_kept));
    row.set("gpu", scenario.hardware[pass.hardware].gpu.id).set("gpus", pass.shape.gpus);
    row.set("expert_parallel_size", pass.shape.expert_ranks);
    row.set("infeasible_reason", pass.why_not.empty() ? text::Json() : text::Json(pass.why_not));
    if (priced(pass)) {
      text::Json terms = text::Json::object();
      for (const StaticTerm& term : static_terms()) {
        terms.set(std::string(term.name) + "_s", in_seconds(pass.estimate.terms.*term.value));
      }
      row.set("forward_s", in_seconds(pass.estimate.terms.total()));
      const auto band = [&](double z) {
        return pass.estimate.extrapolated ? text::Json() : text::Json(in_seconds(at(pass, z)));
      };
      row.set("forward_p5_s", band(-kZ95)).set("forward_p95_s", band(kZ95));
      row.set("moe_layer_s", in_seconds(pass.estimate.moe_layer()));
      row.set("terms", terms).set("extrapolated", pass.estimate.extrapolated);
      row.set("local_experts", pass.estimate.local_experts);
      row.set("capacity_rows", pass.capacity.capacity);
      row.set("buffer_rows", pass.capacity.buffer_rows);
      row.set("padding_rows", pass.capacity.padding_rows);
      row.set("dropped_fraction", pass.capacity.dropped_fraction);
      row.set("memory_bytes", pass.memory.capacity.value());
      row.set("weights_bytes", pass.memory.weights.value());
      row.set("buffers_bytes", pass.memory.buffers.value());
      row.set("logits_bytes", pass.memory.logits.value());
    }
    rows.push(row);
  }
  text::Json laws = text::Json::array();
  for (const StaticHardware& option : scenario.hardware) {
    laws.push(text::Json::object()
                  .set("gpu", option.gpu.id)
                  .set("form", option.law.info().form)
                  .set("source", option.law.info().source)
                  .set("discrepancy_sd_log", option.law.info().discrepancy_sd_log));
  }
  return text::Json::object()
      .set("schema_version", kForwardSchemaVersion)
      .set("regime", "static_forward")
      .set("scenario", scenario.name)
      .set("passes", rows)
      .set("warnings", text::Json::array().push(kNotAffine))
      .set("provenance", text::Json::object()
                             .set("version", context.version)
                             .set("scenario_sha256", scenario.sha256)
                             .set("laws", laws));
}

std::string forward_csv(const std::vector<ForwardPass>& passes, const StaticScenario& scenario) {
  std::string out = "experts_kept,gpu,gpus,expert_parallel_size,forward_s";
  for (const StaticTerm& term : static_terms()) {
    out += fmt::format(",{}_s", term.name);
  }
  out += ",moe_layer_s,extrapolated,buffer_rows,dropped_fraction,weights_bytes,infeasible\n";
  for (const ForwardPass& pass : passes) {
    out += fmt::format("{},{},{},{},{}", pass.experts_kept, scenario.hardware[pass.hardware].gpu.id,
                       pass.shape.gpus, pass.shape.expert_ranks,
                       in_seconds(pass.estimate.terms.total()));
    for (const StaticTerm& term : static_terms()) {
      out += fmt::format(",{}", in_seconds(pass.estimate.terms.*term.value));
    }
    out += fmt::format(",{},{},{},{},{},{}\n", in_seconds(pass.estimate.moe_layer()),
                       pass.estimate.extrapolated, pass.capacity.buffer_rows,
                       pass.capacity.dropped_fraction, pass.memory.weights.value(),
                       pass.why_not.empty() ? "no" : "yes");
  }
  return out;
}

}  // namespace moeplan::sim
