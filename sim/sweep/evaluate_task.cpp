#include "sim/sweep/evaluate_task.hpp"

#include <fmt/format.h>

#include <exception>

#include "sim/plan/candidates.hpp"
#include "sim/plan/plan.hpp"
#include "sim/plan/reasons.hpp"
#include "sim/sweep/static_row.hpp"

namespace moeplan::sim {
namespace {

// What the columns are read from.
struct Outcome {
  std::int64_t seed = 0;
  std::string status = "ok";
  std::string reason;
  const Design* design = nullptr;
  bool steady = true;                // latencies and money mean something
  const Plan* plan = nullptr;        // of a plan
  const Design* baseline = nullptr;  // of a plan: the best unpruned design
  std::string binding;               // of a plan
};

struct ResultColumn {
  Column column;
  Cell (*cell)(const Outcome&);
};

Cell text_cell(const std::string& text) { return text.empty() ? Cell() : Cell(text); }

template <class Get>
Cell of_design(const Outcome& o, Get get) {
  return o.design == nullptr ? Cell() : Cell(get(*o.design));
}

template <class Get>
Cell of_steady(const Outcome& o, Get get) {
  return o.design == nullptr || !o.steady ? Cell() : Cell(get(*o.design));
}

template <class Get>
Cell of_money(const Outcome& o, Get get) {
  const bool priced = o.design != nullptr && o.steady && !o.design->money.price_id.empty();
  return priced ? Cell(get(o.design->money)) : Cell();
}

template <class Get>
Cell of_accuracy(const Outcome& o, bool needs_band, Get get) {
  const bool known =
      o.design != nullptr && o.design->accuracy && (!needs_band || o.design->accuracy->has_band);
  return known ? Cell(get(*o.design->accuracy)) : Cell();
}

using enum CellType;
using M = Money;
using A = models::AccuracyEstimate;

const std::vector<ResultColumn>& table() {
  static const std::vector<ResultColumn> kTable = {
      {{"seed", integer}, [](const Outcome& o) { return Cell(o.seed); }},
      {{"status", text}, [](const Outcome& o) { return Cell(o.status); }},
      {{"reason", text}, [](const Outcome& o) { return text_cell(o.reason); }},
      {{"experts_kept", integer},
       [](const Outcome& o) {
         return o.design == nullptr || o.design->candidate.experts_kept == 0
                    ? Cell()
                    : Cell(o.design->candidate.experts_kept);
       }},
      {{"gpu", text}, [](const Outcome& o) { return of_design(o, [](auto& d) { return d.gpu; }); }},
      {{"node", text},
       [](const Outcome& o) { return o.design == nullptr ? Cell() : text_cell(o.design->node); }},
      {{"gpus", integer},
       [](const Outcome& o) { return of_design(o, [](auto& d) { return d.gpus_total(); }); }},
      {{"tensor_parallel", integer},
       [](const Outcome& o) {
         return of_design(o, [](auto& d) { return std::int64_t{d.candidate.tensor_parallel}; });
       }},
      {{"expert_parallel", integer},
       [](const Outcome& o) {
         return of_design(o, [](auto& d) { return std::int64_t{d.candidate.expert_ranks()}; });
       }},
      {{"data_parallel", integer},
       [](const Outcome& o) {
         return of_design(o, [](auto& d) { return std::int64_t{d.candidate.data_parallel}; });
       }},
      {{"pipeline_parallel", integer},
       [](const Outcome& o) {
         return of_design(o, [](auto& d) { return std::int64_t{d.candidate.pipeline_parallel}; });
       }},
      {{"replicas", integer},
       [](const Outcome& o) { return of_design(o, [](auto& d) { return d.replicas; }); }},
      {{"exchange", text},
       [](const Outcome& o) {
         return of_design(o, [](auto& d) { return d.candidate.exchange_name(); });
       }},
      {{"placement", text},
       [](const Outcome& o) {
         return of_design(o, [](auto& d) { return std::string(name_of(d.candidate.placement)); });
       }},
      {{"redundant_experts", integer},
       [](const Outcome& o) {
         return of_design(o, [](auto& d) { return d.candidate.redundant_experts; });
       }},
      {{"cost_usd_per_million_tokens", real},
       [](const Outcome& o) {
         return of_money(o, [](const M& m) { return m.usd_per_million_tokens; });
       }},
      {{"cost_usd_per_million_input_tokens", real},
       [](const Outcome& o) {
         return of_money(o, [](const M& m) { return m.usd_per_million_input_tokens; });
       }},
      {{"cost_usd_per_million_output_tokens", real},
       [](const Outcome& o) {
         return of_money(o, [](const M& m) { return m.usd_per_million_output_tokens; });
       }},
      {{"cost_usd_per_million_tokens_at_capacity", real},
       [](const Outcome& o) {
         return o.plan == nullptr
                    ? Cell()
                    : of_money(o, [](const M& m) { return m.usd_per_million_tokens_at_capacity; });
       }},
      {{"cost_usd_per_month", real},
       [](const Outcome& o) { return of_money(o, [](const M& m) { return m.usd_per_month; }); }},
      {{"ttft_p50_s", real},
       [](const Outcome& o) { return of_steady(o, [](auto& d) { return d.metrics.ttft.p50; }); }},
      {{"ttft_p99_s", real},
       [](const Outcome& o) { return of_steady(o, [](auto& d) { return d.metrics.ttft.p99; }); }},
      {{"tpot_p50_s", real},
       [](const Outcome& o) { return of_steady(o, [](auto& d) { return d.metrics.tpot.p50; }); }},
      {{"tpot_p99_s", real},
       [](const Outcome& o) { return of_steady(o, [](auto& d) { return d.metrics.tpot.p99; }); }},
      {{"throughput_tokens_per_s", real},
       [](const Outcome& o) { return of_steady(o, [](auto& d) { return d.fleet_tokens_per_s; }); }},
      {{"engine_load", real},
       [](const Outcome& o) { return of_design(o, [](auto& d) { return d.load; }); }},
      {{"engine_capacity", real},
       [](const Outcome& o) {
         return o.plan == nullptr ? Cell() : of_design(o, [](auto& d) { return d.capacity.load; });
       }},
      {{"mean_batch", real},
       [](const Outcome& o) { return of_design(o, [](auto& d) { return d.metrics.mean_batch; }); }},
      {{"busy_fraction", real},
       [](const Outcome& o) {
         return of_design(o, [](auto& d) { return d.metrics.busy_fraction; });
       }},
      {{"kv_peak_fraction", real},
       [](const Outcome& o) {
         return of_design(o, [](auto& d) { return d.metrics.kv_peak_fraction; });
       }},
      {{"exchange_share_fraction", real},
       [](const Outcome& o) {
         return of_design(o, [](auto& d) { return d.metrics.exchange_share; });
       }},
      {{"accuracy", real},
       [](const Outcome& o) { return of_accuracy(o, false, [](const A& a) { return a.value; }); }},
      {{"accuracy_low", real},
       [](const Outcome& o) { return of_accuracy(o, true, [](const A& a) { return a.low; }); }},
      {{"accuracy_high", real},
       [](const Outcome& o) { return of_accuracy(o, true, [](const A& a) { return a.high; }); }},
      {{"accuracy_distinguishable", boolean},
       [](const Outcome& o) {
         return o.design != nullptr && o.design->accuracy_distinguishable
                    ? Cell(*o.design->accuracy_distinguishable)
                    : Cell();
       }},
      {{"objectives_verdict", text},
       [](const Outcome& o) {
         return of_design(o, [](auto& d) { return std::string(verdict_name(d.verdict)); });
       }},
      {{"binding_constraint", text}, [](const Outcome& o) { return text_cell(o.binding); }},
      {{"extrapolated", text},
       [](const Outcome& o) {
         return o.design == nullptr
                    ? Cell()
                    : text_cell(fmt::format("{}", fmt::join(o.design->metrics.extrapolated, ";")));
       }},
      {{"baseline_gpus", integer},
       [](const Outcome& o) {
         return o.baseline == nullptr ? Cell() : Cell(o.baseline->gpus_total());
       }},
      {{"baseline_cost_usd_per_month", real},
       [](const Outcome& o) {
         return o.baseline == nullptr ? Cell() : Cell(o.baseline->money.usd_per_month);
       }},
      {{"designs", integer},
       [](const Outcome& o) {
         return o.plan == nullptr ? Cell()
                                  : Cell(static_cast<std::int64_t>(o.plan->designs.size()));
       }},
      {{"infeasible_designs", integer},
       [](const Outcome& o) {
         return o.plan == nullptr ? Cell()
                                  : Cell(static_cast<std::int64_t>(o.plan->infeasible.size()));
       }},
  };
  return kTable;
}

class Stopped : public std::exception {};

Row row_of(const TaskList& tasks, std::int64_t task, Outcome outcome) {
  outcome.seed = static_cast<std::int64_t>(tasks.seed(task));
  Row row{.task = task, .id = tasks.id(task), .cells = tasks.axis_cells(task)};
  for (const ResultColumn& column : table()) {
    row.cells.push_back(column.cell(outcome));
  }
  return row;
}

Row planned(const TaskList& tasks, std::int64_t task, const Scenario& scenario,
            const EvaluateOptions& options) {
  PlanOptions how;
  how.threads = options.threads;
  how.bands = false;
  if (options.stop) {
    how.progress = [&](std::size_t, std::size_t) {
      if (options.stop()) {
        throw Stopped();
      }
    };
  }
  const Plan plan = make_plan(scenario, how);
  Outcome outcome;
  outcome.plan = &plan;
  outcome.baseline = plan.baseline ? &plan.designs[*plan.baseline] : nullptr;
  if (plan.recommended) {
    outcome.design = &plan.designs[*plan.recommended];
    outcome.binding = plan.binding_constraint;
  } else {
    outcome.status = "infeasible";
    outcome.reason = no_plan_reason(plan);
  }
  return row_of(tasks, task, std::move(outcome));
}

Row simulated(const TaskList& tasks, std::int64_t task, const Scenario& scenario) {
  const auto result = assess(scenario, candidates(scenario).front(), tasks.options().replicas);
  Outcome outcome;
  if (const auto* why = std::get_if<Infeasible>(&result)) {
    outcome.status = "infeasible";
    outcome.reason = why->code + ": " + why->reason;
    return row_of(tasks, task, std::move(outcome));
  }
  outcome.design = &std::get<Design>(result);
  if (outcome.design->metrics.overloaded) {
    outcome.status = "overloaded";
    outcome.reason = "the queue grows for as long as the run lasts";
    outcome.steady = false;
  }
  return row_of(tasks, task, std::move(outcome));
}

// The first problem, for a row.
std::string invalid_reason(const InputError& error) {
  const Problem& first = error.problems().front();
  return first.pointer + ": " + first.what;
}

Row static_row(const TaskList& tasks, std::int64_t task, bool skip_invalid) {
  Row row{.task = task, .id = tasks.id(task), .cells = tasks.axis_cells(task)};
  std::vector<Cell> cells;
  try {
    cells = static_cells(tasks.static_scenario(task));
  } catch (const InputError& error) {
    if (!skip_invalid) {
      throw;
    }
    cells = invalid_static_cells(invalid_reason(error));
  }
  row.cells.insert(row.cells.end(), cells.begin(), cells.end());
  return row;
}

}  // namespace

std::vector<Column> result_columns() {
  std::vector<Column> columns;
  for (const ResultColumn& column : table()) {
    columns.push_back(column.column);
  }
  return columns;
}

std::optional<Row> evaluate_task(const TaskList& tasks, std::int64_t task,
                                 const EvaluateOptions& options) {
  if (tasks.is_static()) {
    return static_row(tasks, task, options.skip_invalid);
  }
  try {
    const Scenario scenario = tasks.scenario(task, options.requests);
    return tasks.options().evaluation == Evaluation::plan ? planned(tasks, task, scenario, options)
                                                          : simulated(tasks, task, scenario);
  } catch (const Stopped&) {
    return std::nullopt;
  } catch (const InputError& error) {
    if (!options.skip_invalid) {
      throw;
    }
    Outcome outcome;
    outcome.status = "invalid";
    outcome.reason = invalid_reason(error);
    return row_of(tasks, task, std::move(outcome));
  }
}

}  // namespace moeplan::sim
