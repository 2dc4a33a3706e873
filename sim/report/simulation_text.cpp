#include <fmt/format.h>

#include "models/units/parse.hpp"
#include "sim/deployment/kv_block.hpp"
#include "sim/plan/reasons.hpp"
#include "sim/report/routing_report.hpp"
#include "sim/report/simulation_json.hpp"
#include "sim/report/uncertainty_report.hpp"

namespace moeplan::sim {
namespace {

void add_latency(const ServingMetrics& m, ReportWriter& out) {
  out.heading("Latency");
  TextTable table({"", "mean", "p50", "p90", "p95", "p99", "max", "count"});
  const auto add = [&](const char* name, const Distribution& d) {
    table.add({name, to_text(Seconds(d.mean)), to_text(Seconds(d.p50)), to_text(Seconds(d.p90)),
               to_text(Seconds(d.p95)), to_text(Seconds(d.p99)), to_text(Seconds(d.max)),
               fmt::format("{}", d.count)});
  };
  add("TTFT (arrival to first token)", m.ttft);
  add("TPOT (per token after the first)", m.tpot);
  add("ITL (every gap)", m.itl);
  add("E2E (arrival to last token)", m.e2e);
  add("wait (arrival to first batch)", m.wait);
  if (m.handover) {
    add("KV wait (token 1 to decode blocks)", m.handover->wait);
    add("KV transfer (prefill to decode)", m.handover->transfer);
  }
  out.table(table);
}

void add_steps(const ServingMetrics& m, ReportWriter& out) {
  out.heading("Where the time of a step goes");
  TextTable table({"phase", "mean per step", "share, %"});
  const double total = in_seconds(m.phases.total());
  for (std::size_t i = 0; i < kPhaseCount; ++i) {
    const auto phase = static_cast<Phase>(i);
    const double part = in_seconds(m.phases[phase]);
    if (part > 0.0) {
      table.add({std::string(name_of(phase)), to_text(Seconds(part / static_cast<double>(m.steps))),
                 fmt::format("{:.1f}", 100.0 * part / total)});
    }
  }
  out.table(table);
}

void add_lock_step(const LockStepUse& use, ReportWriter& out) {
  out.heading("Data-parallel ranks in lock-step");
  out.item(
      fmt::format("{:.1f} % of the time of steps a rank waits for the slowest ({:.1f} % of the "
                  "ranks' own work)",
                  100.0 * use.idle_fraction, 100.0 * use.own_work_idle_fraction));
  out.item(fmt::format("dummy batches: {}, {:.1f} % of all; in {:.1f} % of the steps",
                       use.dummy_batches, 100.0 * use.dummy_fraction,
                       100.0 * use.steps_with_dummy_fraction));
  out.item(
      fmt::format("tokens of the fullest rank: {:.2f} x the mean", use.largest_over_mean_tokens));
}

}  // namespace

std::string simulation_text(const Design& d, const Scenario& scenario, const ReportContext& context,
                            TextStyle style, const Uncertainty* uncertainty) {
  const ServingMetrics& m = d.metrics;
  ReportWriter out(style);
  out.title(scenario.name);
  out.heading("Design");
  out.item(describe(d, scenario));
  const std::string one = d.prefill ? "one unit of pools" : "one engine";
  out.item(fmt::format("load of {}: {:.4g} {}", one, d.load,
                       scenario.workload.closed_loop ? "users" : "requests/s"));
  if (scenario.replica_router) {
    out.item(scenario.split_text());
  }
  if (m.overloaded) {
    out.item(
        fmt::format("OVERLOADED: {:.0f} requests more in the system at the end than at half "
                    "time; there is no steady state, so no latency is printed",
                    m.growth_requests));
  } else {
    add_latency(m, out);
  }
  out.heading("Throughput of " + one);
  out.item(fmt::format("{:.4g} requests/s, {:.5g} input and {:.5g} output tokens/s",
                       m.requests_per_s, m.input_tokens_per_s, m.output_tokens_per_s));
  out.item(fmt::format("{} arrived, {} completed, {} rejected, {} unfinished, {} warm-up",
                       m.arrived, m.completed, m.rejected, m.unfinished, m.warmup));
  out.item(fmt::format(
      "{} steps, mean batch {:.1f}, busy {:.1f} %, {} preemptions, KV cache at most "
      "{:.1f} % full",
      m.steps, m.mean_batch, 100.0 * m.busy_fraction, m.preemptions, 100.0 * m.kv_peak_fraction));
  if (m.handover) {
    out.item(fmt::format(
        "prefill engines busy {:.1f} %, KV cache at most {:.1f} % full; decode "
        "engines busy {:.1f} %",
        100.0 * m.handover->prefill_busy_fraction, 100.0 * m.handover->prefill_kv_peak_fraction,
        100.0 * m.handover->decode_busy_fraction));
  }
  if (m.prefix) {
    out.item(fmt::format("prefix cache: {:.1f} % of the prompt tokens found ({} not computed)",
                         100.0 * m.prefix->hit_fraction, m.prefix->tokens_saved));
  }
  if (m.steps > 0) {
    add_steps(m, out);
  }
  if (m.lock_step) {
    add_lock_step(*m.lock_step, out);
  }
  if (const TextTable routing = routing_table({&d}, scenario); !routing.empty()) {
    out.heading("Routing");
    out.table(routing);
  }
  out.heading(d.prefill ? "Memory of one GPU of a decode engine" : "Memory of one GPU");
  out.item(fmt::format(
      "{} usable: {} experts, {} other weights, {} activations, {} buffers, {} KV "
      "cache ({} tokens)",
      to_text(d.memory.usable), to_text(d.memory.expert_weights), to_text(d.memory.other_weights),
      to_text(d.memory.activations), to_text(d.memory.buffers), to_text(d.memory.kv),
      d.memory.kv_blocks * kBlockTokens));
  out.heading("Money");
  if (d.money.price_id.empty()) {
    out.item("the price book has no offer for this design");
  } else {
    out.item(fmt::format("{} x {} ({}): {:.0f} USD a month; {} GPUs idle", d.money.instances,
                         d.money.instance, d.money.price_id, d.money.usd_per_month,
                         d.money.stranded_gpus));
    if (!m.overloaded) {
      out.item(fmt::format("{:.3f} USD per million tokens (input {:.3f}, output {:.3f})",
                           d.money.usd_per_million_tokens, d.money.usd_per_million_input_tokens,
                           d.money.usd_per_million_output_tokens));
    }
  }
  out.item(
      fmt::format("{:.3g} J/token, an {}", models::in_joules(d.energy), std::string(kEnergyBasis)));
  if (uncertainty != nullptr) {
    add_uncertainty(*uncertainty, {d}, scenario, out);
  }
  const std::vector<std::string>& notes = scenario.workload.notes;
  if (m.short_run || !m.extrapolated.empty() || !notes.empty()) {
    out.heading("Take care");
    for (const std::string& note : notes) {
      out.item(note);
    }
    if (m.short_run) {
      out.item("p99 from fewer than 10,000 arrivals");
    }
    if (!m.extrapolated.empty()) {
      out.item("Cost laws used outside their measured range: " + joined(m.extrapolated) + ".");
    }
  }
  add_provenance(scenario, context, out);
  return out.text();
}

}  // namespace moeplan::sim
