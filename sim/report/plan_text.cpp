#include "sim/report/plan_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "models/units/parse.hpp"
#include "sim/deployment/kv_block.hpp"
#include "sim/plan/reasons.hpp"
#include "sim/report/money_table.hpp"
#include "sim/report/report_writer.hpp"
#include "sim/report/routing_report.hpp"
#include "sim/report/tenure_report.hpp"
#include "sim/report/uncertainty_report.hpp"

namespace moeplan::sim {
namespace {

std::string experts_text(const Design& d) {
  return d.candidate.experts_kept == 0 ? "dense" : fmt::format("{}", d.candidate.experts_kept);
}

std::string accuracy_text(const Design& d) {
  if (!d.accuracy) {
    return "-";
  }
  return d.accuracy->has_band ? fmt::format("{:.1f} [{:.1f}, {:.1f}]{}", 100 * d.accuracy->value,
                                            100 * d.accuracy->low, 100 * d.accuracy->high,
                                            d.accuracy_allowed ? "" : " too low")
                              : fmt::format("{:.1f}{}", 100 * d.accuracy->value,
                                            d.accuracy_allowed ? "" : " too low");
}

TextTable design_table(const Plan& plan, const Scenario& scenario,
                       const std::vector<std::size_t>& rows) {
  const bool closed = scenario.workload.closed_loop;
  TextTable table({"experts", "GPU", "layout", "engines", "GPUs",
                   closed ? "users per engine" : "req/s per engine", "TTFT p50/p99", "TPOT p50/p99",
                   "accuracy %", "USD/Mtok", "at capacity", "USD/month", ""});
  for (const std::size_t index : rows) {
    const Design& d = plan.designs[index];
    std::string mark = plan.recommended && *plan.recommended == index ? "<- recommended" : "";
    if (plan.baseline && *plan.baseline == index && mark.empty()) {
      mark = "unpruned";
    }
    if (plan.runner_up && *plan.runner_up == index && mark.empty()) {
      mark = "runner-up";
    }
    table.add({experts_text(d), scenario.hardware[d.candidate.hardware].label(),
               d.candidate.layout_name(), fmt::format("{}", d.replicas),
               fmt::format("{}", d.gpus_total()),
               fmt::format("{:.2f} of {:.2f}", d.load, d.capacity.load),
               to_text(Seconds(d.metrics.ttft.p50)) + " / " + to_text(Seconds(d.metrics.ttft.p99)),
               to_text(Seconds(d.metrics.tpot.p50)) + " / " + to_text(Seconds(d.metrics.tpot.p99)),
               accuracy_text(d), fmt::format("{:.3f}", d.money.usd_per_million_tokens),
               fmt::format("{:.3f}", d.money.usd_per_million_tokens_at_capacity),
               fmt::format("{:.0f}", d.money.usd_per_month), mark});
  }
  return table;
}

TextTable memory_table(const std::vector<const Design*>& designs, const Scenario& scenario) {
  TextTable table({"per GPU", "capacity", "usable", "experts", "other weights", "activations",
                   "buffers", "KV cache", "KV tokens"});
  for (const Design* d : designs) {
    const MemoryBudget& m = d->memory;
    table.add({describe(*d, scenario), to_text(m.capacity), to_text(m.usable),
               to_text(m.expert_weights), to_text(m.other_weights), to_text(m.activations),
               to_text(m.buffers), to_text(m.kv), fmt::format("{}", m.kv_blocks * kBlockTokens)});
  }
  return table;
}

TextTable phase_table(const std::vector<const Design*>& designs, const Scenario& scenario) {
  std::vector<std::string> columns = {"share of step time, %",
                                      "host",
                                      "launches",
                                      "norms",
                                      "projections",
                                      "attention",
                                      "all-reduce",
                                      "router",
                                      "dispatch",
                                      "experts",
                                      "combine",
                                      "dense",
                                      "head"};
  // Stages have columns only where some design has stages.
  const bool piped = std::any_of(designs.begin(), designs.end(), [](const Design* d) {
    return d->candidate.pipeline_parallel > 1;
  });
  const std::size_t phase_count = piped ? kPhaseCount : columns.size() - 1;
  if (piped) {
    columns.insert(columns.end(), {"stage transfer", "stage wait"});
  }
  columns.push_back("exchange");
  TextTable table(columns);
  for (const Design* d : designs) {
    const PhaseTimes& phases = d->metrics.phases;
    const double total = in_seconds(phases.total());
    std::vector<std::string> row = {describe(*d, scenario)};
    for (std::size_t i = 0; i < phase_count; ++i) {
      row.push_back(
          fmt::format("{:.1f}", 100.0 * in_seconds(phases[static_cast<Phase>(i)]) / total));
    }
    row.push_back(fmt::format("{:.1f}", 100.0 * d->metrics.exchange_share));
    table.add(std::move(row));
  }
  return table;
}

TextTable break_even_table(const Plan& plan, const Scenario& scenario) {
  TextTable table({"GPU", "design with the fewest paid GPUs", "paid GPUs", "USD/GPU-h now",
                   "wins below", "against"});
  for (const BreakEven& b : plan.break_even) {
    const Design& own = plan.designs[b.design];
    const Design& rival = plan.designs[b.against];
    table.add(
        {scenario.hardware[own.candidate.hardware].label(), describe(own, scenario),
         fmt::format("{}", b.paid_gpus), fmt::format("{:.3f}", in_usd_per_hour(b.rent_per_gpu)),
         fmt::format("{:.3f}", in_usd_per_hour(b.break_even)),
         fmt::format("{} ({:.0f} USD/month)", scenario.hardware[rival.candidate.hardware].label(),
                     rival.money.usd_per_month)});
  }
  return table;
}

void add_infeasible(const Plan& plan, const Scenario& scenario, ReportWriter& out) {
  out.heading(fmt::format("What does not work ({})", plan.infeasible.size()));
  // One line per code and GPU, with the first reason as the example.
  std::map<std::pair<std::string, std::string>, std::pair<int, std::string>> groups;
  for (const Infeasible& why : plan.infeasible) {
    auto& group = groups[{why.code, scenario.hardware[why.candidate.hardware].label()}];
    if (group.first++ == 0) {
      group.second = fmt::format("{} experts, {}: {}", why.candidate.experts_kept,
                                 why.candidate.layout_name(), why.reason);
    }
  }
  for (const auto& [key, group] : groups) {
    out.item(fmt::format("{} x {} on {}: {}", group.first, key.first, key.second, group.second));
  }
}

// All designs, preferred first, at most `limit`.
std::vector<std::size_t> first_designs(const Plan& plan, SearchGoal goal, std::size_t limit) {
  std::vector<std::size_t> rows(plan.designs.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i] = i;
  }
  std::stable_sort(rows.begin(), rows.end(), [&](std::size_t a, std::size_t b) {
    return preferred(plan.designs[a], plan.designs[b], goal);
  });
  rows.resize(std::min(rows.size(), limit));
  return rows;
}

}  // namespace

std::string plan_text(const Plan& plan, const Scenario& scenario, const ReportContext& context,
                      TextStyle style, const Uncertainty* uncertainty) {
  ReportWriter out(style);
  out.title(scenario.name);
  out.heading("Recommendation");
  if (!plan.recommended) {
    out.item("None: no design meets every objective.");
  }
  for (const std::string& reason : plan.reasons) {
    out.item(reason);
  }
  std::vector<const Design*> shown;
  for (const auto& index : {plan.recommended, plan.baseline, plan.runner_up}) {
    if (index && std::find(shown.begin(), shown.end(), &plan.designs[*index]) == shown.end()) {
      shown.push_back(&plan.designs[*index]);
    }
  }
  if (!plan.pareto.empty()) {
    out.heading("Pareto front (cost, accuracy, p99 TPOT)");
    out.table(design_table(plan, scenario, plan.pareto));
  }
  if (!plan.designs.empty()) {
    constexpr std::size_t kRows = 12;
    const char* first = scenario.objectives.search == SearchGoal::best_quality   ? "most accurate"
                        : scenario.objectives.search == SearchGoal::most_traffic ? "largest"
                                                                                 : "cheapest";
    out.heading(plan.designs.size() > kRows
                    ? fmt::format("The {} {} of {} designs", kRows, first, plan.designs.size())
                    : "All designs");
    out.table(design_table(plan, scenario, first_designs(plan, scenario.objectives.search, kRows)));
  }
  if (uncertainty != nullptr) {
    add_uncertainty(*uncertainty, plan.designs, scenario, out);
  }
  if (!plan.break_even.empty()) {
    out.heading("Break-even between GPUs (rents at which the recommendation changes)");
    out.table(break_even_table(plan, scenario));
  }
  add_day(plan, scenario, out);
  add_rent_or_buy(plan, out);
  if (!shown.empty()) {
    out.heading("Memory");
    out.table(memory_table(shown, scenario));
    out.heading("Money and energy");
    out.table(money_table(shown, scenario));
    out.item(std::string("J/token is an ") + kEnergyBasis + ".");
    out.heading("Where the time goes");
    out.table(phase_table(shown, scenario));
    if (const TextTable routing = routing_table(shown, scenario); !routing.empty()) {
      out.heading("Routing");
      out.table(routing);
    }
  }
  if (!plan.infeasible.empty()) {
    add_infeasible(plan, scenario, out);
  }
  if (!plan.warnings.empty()) {
    out.heading("Take care");
    for (const std::string& warning : plan.warnings) {
      out.item(warning);
    }
  }
  add_provenance(scenario, context, out);
  return out.text();
}

std::string plan_csv(const Plan& plan, const Scenario& scenario) {
  std::string out =
      "experts_kept,pretrained_experts,gpu,gpus,tensor_parallel,expert_parallel,data_parallel,"
      "pipeline_parallel,exchange,replicas,engine_capacity_requests_per_s,ttft_p50_s,ttft_p99_s,"
      "tpot_p50_s,"
      "tpot_p99_s,accuracy,accuracy_allowed,cost_usd_per_million_tokens,"
      "cost_usd_per_million_tokens_at_capacity,cost_usd_per_month,recommended\n";
  for (std::size_t i = 0; i < plan.designs.size(); ++i) {
    const Design& d = plan.designs[i];
    const Candidate& c = d.candidate;
    out += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n",
                       c.experts_kept, scenario.pretrained_experts(),
                       scenario.hardware[c.hardware].label(), d.gpus_total(), c.tensor_parallel,
                       c.expert_ranks(), c.data_parallel, c.pipeline_parallel, c.exchange_name(),
                       d.replicas, d.capacity.at_load.requests_per_s, d.metrics.ttft.p50,
                       d.metrics.ttft.p99, d.metrics.tpot.p50, d.metrics.tpot.p99,
                       d.accuracy ? fmt::format("{}", d.accuracy->value) : "", d.accuracy_allowed,
                       d.money.usd_per_million_tokens, d.money.usd_per_million_tokens_at_capacity,
                       d.money.usd_per_month, plan.recommended && *plan.recommended == i);
  }
  return out;
}

}  // namespace moeplan::sim
