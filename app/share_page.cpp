#include "app/share_page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/subcommand.hpp"
#include "models/units/parse.hpp"
#include "sim/report/plan_json.hpp"

namespace moeplan::app {
namespace {

using sim::Design;
using sim::ShareTask;
using sim::Strategy;
using text::Json;

const Design& design_of(const sim::Share& share, const Strategy& s, std::size_t task) {
  return share.tasks[task].plan.designs[s.tasks[task].design];
}

std::string points(const std::optional<double>& change) {
  return change ? fmt::format("{:+.1f}", 100.0 * *change) : "-";
}

std::optional<double> value_of(const std::optional<models::AccuracyEstimate>& estimate) {
  return estimate ? std::optional(estimate->value) : std::nullopt;
}

PageTable task_table(const sim::Share& share) {
  PageTable table{"Tasks: each on its own best design",
                  {{"task", "experts", "GPU", "engine", "req/s per engine", "busiest req/s",
                    "mean req/s", "engines", "accuracy", "change, points"}}};
  for (const ShareTask& task : share.tasks) {
    Row row{task.scenario.name};
    const Design* best = task.best();
    if (best == nullptr) {
      row.insert(row.end(), {"-", "-", "no design works", "-"});
    } else {
      row.insert(
          row.end(),
          {best->candidate.experts_kept == 0 ? std::string("dense")
                                             : fmt::format("{}", best->candidate.experts_kept),
           best->gpu, best->candidate.layout_name(), fmt::format("{:.2f}", best->capacity.load)});
    }
    row.push_back(fmt::format("{:.2f}", in_per_second(task.peak())));
    row.push_back(fmt::format("{:.2f}", in_per_second(task.mean())));
    row.push_back(best == nullptr ? "-" : fmt::format("{}", best->replicas));
    row.push_back(best == nullptr || !best->accuracy
                      ? "-"
                      : fmt::format("{:.1f} %", 100.0 * best->accuracy->value));
    row.push_back(best == nullptr ? "-" : points(value_of(best->accuracy_change)));
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string variants(const sim::Share& share, const Strategy& s) {
  std::string out;
  for (std::size_t t = 0; t < s.tasks.size(); ++t) {
    const std::int64_t kept = design_of(share, s, t).candidate.experts_kept;
    out += (t == 0 ? "" : " / ") + (kept == 0 ? std::string("dense") : fmt::format("{}", kept));
  }
  return out;
}

PageTable strategy_table(const sim::Share& share) {
  PageTable table{"Strategies",
                  {{"strategy", "experts", "engines", "GPUs", "instances", "USD/month",
                    "change by traffic, points", "switches/day", "engine-hours lost/day"}}};
  for (const Strategy& s : share.strategies) {
    Row row{s.name};
    if (!s.works()) {
      row.insert(row.end(), {"does not work", "-", "-", "-", "-", "-", "-", "-"});
    } else {
      row.insert(row.end(),
                 {variants(share, s), fmt::format("{}", s.engines), fmt::format("{}", s.gpus),
                  fmt::format("{}", s.instances), fmt::format("{:.0f}", s.usd_per_month()),
                  points(s.accuracy_change),
                  s.adaptation ? fmt::format("{}", s.adaptation->switches) : "0",
                  s.adaptation ? fmt::format("{:.2f}", in_hours(s.adaptation->lost)) : "0"});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Infinite: no fleet serves.
std::string level_text(double value) {
  return std::isfinite(value) ? fmt::format("{:.0f}", value) : "none";
}

std::string band_text(const sim::Interval& interval) {
  return fmt::format("{} ({} to {})", level_text(interval.median()), level_text(interval.low()),
                     level_text(interval.high()));
}

std::string chance_text(const sim::Probability& p) {
  return fmt::format("{:.0f} % (+-{:.0f})", 100.0 * p.value, 100.0 * p.error);
}

PageTable certainty_table(const sim::Share& share, const sim::ShareUncertainty& u) {
  PageTable table{fmt::format("How sure this is: median and 5 to 95 % of {} draws", u.draws),
                  {{"strategy", "engines needed", "USD/month", "planned fleet meets all objectives",
                    "is the cheapest"}}};
  for (const sim::StrategyIntervals& s : u.strategies) {
    table.rows.push_back({share.strategies[s.strategy].name, band_text(s.engines),
                          band_text(s.usd_per_month), chance_text(s.meets),
                          chance_text(s.cheapest)});
  }
  return table;
}

// Engines of each task in the window that an hour begins in, "3 + 5"; "-" without a policy.
std::string assigned(const sim::Share& share, const Strategy& s, std::size_t hour) {
  if (!s.adaptation) {
    return "-";
  }
  const auto window =
      static_cast<std::size_t>(static_cast<double>(hour) / in_hours(share.options.window) + 1e-9);
  return fmt::format("{}", fmt::join(s.adaptation->windows[window].engines, " + "));
}

PageTable hour_table(const sim::Share& share) {
  PageTable table{"Engines that each hour needs", {{"hour"}}};
  for (const ShareTask& task : share.tasks) {
    table.rows.front().push_back(task.scenario.name + ", req/s");
  }
  for (const Strategy& s : share.strategies) {
    table.rows.front().push_back(s.adaptation ? "adaptive, assigned" : s.name);
  }
  for (std::size_t h = 0; h < sim::kHoursOfDay; ++h) {
    Row row{fmt::format("{}", h)};
    for (const ShareTask& task : share.tasks) {
      row.push_back(fmt::format("{:.2f}", in_per_second(task.rates[h])));
    }
    for (const Strategy& s : share.strategies) {
      row.push_back(s.adaptation ? assigned(share, s, h)
                    : !s.works() ? "-"
                                 : fmt::format("{}", s.hourly_engines[h]));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Json design_of_task(const ShareTask& task, const sim::TaskDesign& chosen) {
  const Design& d = task.plan.designs[chosen.design];
  return Json::object()
      .set("task", task.scenario.name)
      .set("experts_kept", d.candidate.experts_kept == 0 ? Json() : Json(d.candidate.experts_kept))
      .set("gpu", d.gpu)
      .set("gpus_per_engine", d.candidate.gpus)
      .set("layout", d.candidate.layout_name())
      .set("capacity_requests_per_s", in_per_second(chosen.capacity))
      .set("engines_at_peak", chosen.engines)
      .set("reload_s", in_seconds(chosen.reload))
      .set("weights_per_gpu_bytes", in_bytes(d.memory.weights()))
      .set("accuracy", value_of(d.accuracy))
      .set("accuracy_change", value_of(d.accuracy_change));
}

Json mix_json(const std::optional<sim::MixCheck>& mix) {
  if (!mix) {
    return {};
  }
  return Json::object()
      .set("mixes_simulated", mix->runs)
      .set("linear_engines", mix->linear_engines)
      .set("tightest", mix->tightest)
      .set("undecided", mix->undecided);
}

Json levels_json(const sim::Interval& interval) {
  const auto finite = [](double value) { return std::isfinite(value) ? Json(value) : Json(); };
  return Json::object()
      .set("p05", finite(interval.low()))
      .set("p50", finite(interval.median()))
      .set("p95", finite(interval.high()));
}

Json chance_json(const sim::Probability& p) {
  return Json::object().set("value", p.value).set("standard_error", p.error);
}

const sim::StrategyIntervals* intervals_of(const sim::ShareUncertainty* u, std::size_t strategy) {
  for (std::size_t i = 0; u != nullptr && i < u->strategies.size(); ++i) {
    if (u->strategies[i].strategy == strategy) {
      return &u->strategies[i];
    }
  }
  return nullptr;
}

Json intervals_json(const sim::StrategyIntervals* s) {
  return s == nullptr ? Json()
                      : Json::object()
                            .set("engines", levels_json(s->engines))
                            .set("cost_usd_per_month", levels_json(s->usd_per_month))
                            .set("probability_meets_objectives", chance_json(s->meets))
                            .set("probability_cheapest", chance_json(s->cheapest));
}

Json strategy_json(const sim::Share& share, const Strategy& s) {
  Json tasks = Json::array();
  for (std::size_t t = 0; t < s.tasks.size() && s.works(); ++t) {
    tasks.push(design_of_task(share.tasks[t], s.tasks[t]));
  }
  Json json = Json::object().set("name", s.name).set("why_not", s.works() ? Json() : s.why_not);
  const auto set = [&](const char* key, Json value) {
    json.set(key, s.works() ? std::move(value) : Json());
  };
  set("engines", s.engines);
  set("spare_engines", s.spare);
  set("gpus", s.gpus);
  set("instances", s.instances);
  set("stranded_gpus", s.stranded_gpus);
  set("prices", s.price_ids);
  set("cost_usd_per_month", s.usd_per_month());
  set("accuracy", s.accuracy);
  set("accuracy_change", s.accuracy_change);
  json.set("tasks", std::move(tasks)).set("mix", mix_json(s.mix));
  const auto policy = [&](const char* key, const std::optional<sim::Adaptation>& run, auto value) {
    json.set(key, run ? Json(value(*run)) : Json());
  };
  policy("switches_per_day", s.adaptation, [](const auto& a) { return a.switches; });
  policy("lost_engine_s_per_day", s.adaptation, [](const auto& a) { return in_seconds(a.lost); });
  policy("unserved_fraction", s.adaptation, [](const auto& a) { return a.unserved_fraction; });
  policy("unserved_fraction_one_less", s.one_less,
         [](const auto& a) { return a.unserved_fraction; });
  policy("unserved_fraction_reactive", s.reactive,
         [](const auto& a) { return a.unserved_fraction; });
  Json windows = Json::array();
  if (s.adaptation) {
    for (const sim::AdaptationWindow& window : s.adaptation->windows) {
      windows.push(Json::object().set("engines", window.engines).set("switches", window.switches));
    }
  }
  return json.set("windows", std::move(windows));
}

Json task_json(const ShareTask& task) {
  Json json = Json::object()
                  .set("name", task.scenario.name)
                  .set("file", task.scenario.file)
                  .set("peak_requests_per_s", in_per_second(task.peak()))
                  .set("mean_requests_per_s", in_per_second(task.mean()))
                  .set("own", task.plan.recommended ? sim::design_json(*task.best()) : Json());
  return json.set("accuracy_curve",
                  task.scenario.accuracy ? Json(task.scenario.accuracy->description().id) : Json());
}

Json hour_json(const sim::Share& share, std::size_t hour) {
  Json rates = Json::array();
  for (const ShareTask& task : share.tasks) {
    rates.push(in_per_second(task.rates[hour]));
  }
  Json json = Json::object().set("hour", hour).set("requests_per_s", std::move(rates));
  for (const Strategy& s : share.strategies) {
    json.set(s.name + "_engines", !s.works() ? Json() : Json(s.hourly_engines[hour]));
  }
  return json;
}

void add_json(const sim::Share& share, const sim::ShareUncertainty* u, Page& page) {
  Json tasks = Json::array();
  Json provenance = Json::array();
  for (const ShareTask& task : share.tasks) {
    tasks.push(task_json(task));
    provenance.push(sim::provenance_json(task.scenario, {kVersion}));
  }
  Json strategies = Json::array();
  for (std::size_t i = 0; i < share.strategies.size(); ++i) {
    strategies.push(strategy_json(share, share.strategies[i])
                        .set("uncertainty", intervals_json(intervals_of(u, i))));
  }
  Json hours = Json::array();
  for (std::size_t h = 0; h < sim::kHoursOfDay; ++h) {
    hours.push(hour_json(share, h));
  }
  page.json.set("schema_version", kShareSchemaVersion)
      .set("recommendation",
           share.recommended ? Json(share.strategies[*share.recommended].name) : Json())
      .set("tasks", std::move(tasks))
      .set("strategies", std::move(strategies))
      .set("hours", std::move(hours))
      .set("uncertainty",
           u == nullptr
               ? Json()
               : Json::object().set("draws", u->draws).set("seed", u->seed).set("notes", u->notes))
      .set("assumptions", Json::object()
                              .set("load_rate_bytes_per_s", share.options.load_rate.value())
                              .set("drain_s", in_seconds(share.options.drain))
                              .set("window_s", in_seconds(share.options.window))
                              .set("hold_s", in_seconds(share.options.hold)))
      .set("reasons", share.reasons)
      .set("warnings", share.warnings)
      .set("provenance", std::move(provenance));
}

// Empty without draws, and where no fleet serves.
Row certainty_cells(const sim::StrategyIntervals* s) {
  Row cells(8);
  if (s == nullptr) {
    return cells;
  }
  std::size_t i = 0;
  for (const sim::Interval* interval : {&s->engines, &s->usd_per_month}) {
    for (const double value : interval->values) {
      cells[i++] = std::isfinite(value) ? number_text(value) : "";
    }
  }
  cells[i++] = number_text(s->meets.value);
  cells[i] = number_text(s->cheapest.value);
  return cells;
}

void add_csv(const sim::Share& share, const sim::ShareUncertainty* u, Page& page) {
  page.csv = {{"strategy",
               "works",
               "task",
               "experts_kept",
               "gpu",
               "gpus_per_engine",
               "layout",
               "capacity_requests_per_s",
               "engines_at_peak",
               "reload_s",
               "accuracy",
               "accuracy_change",
               "fleet_engines",
               "fleet_gpus",
               "fleet_instances",
               "fleet_cost_usd_per_month",
               "fleet_switches_per_day",
               "fleet_engines_p05",
               "fleet_engines_p50",
               "fleet_engines_p95",
               "fleet_cost_usd_per_month_p05",
               "fleet_cost_usd_per_month_p50",
               "fleet_cost_usd_per_month_p95",
               "probability_meets_objectives",
               "probability_cheapest"}};
  const auto optional = [](const std::optional<double>& value) {
    return value ? number_text(*value) : std::string();
  };
  for (std::size_t i = 0; i < share.strategies.size(); ++i) {
    const Strategy& s = share.strategies[i];
    if (!s.works()) {
      page.csv.push_back(Row(page.csv.front().size()));
      page.csv.back()[0] = s.name;
      page.csv.back()[1] = "false";
      continue;
    }
    for (std::size_t t = 0; t < s.tasks.size(); ++t) {
      const Design& d = design_of(share, s, t);
      page.csv.push_back(
          {s.name, "true", share.tasks[t].scenario.name,
           fmt::format("{}", d.candidate.experts_kept), d.gpu, fmt::format("{}", d.candidate.gpus),
           d.candidate.layout_name(), number_text(in_per_second(s.tasks[t].capacity)),
           fmt::format("{}", s.tasks[t].engines), number_text(in_seconds(s.tasks[t].reload)),
           optional(value_of(d.accuracy)), optional(value_of(d.accuracy_change)),
           fmt::format("{}", s.engines), fmt::format("{}", s.gpus), fmt::format("{}", s.instances),
           number_text(s.usd_per_month()),
           fmt::format("{}", s.adaptation ? s.adaptation->switches : 0)});
      const Row certainty = certainty_cells(intervals_of(u, i));
      page.csv.back().insert(page.csv.back().end(), certainty.begin(), certainty.end());
    }
  }
}

}  // namespace

Page share_page(const sim::Share& share, const sim::ShareUncertainty* uncertainty) {
  Page page;
  page.title = share.recommended
                   ? fmt::format("Recommendation: {}", share.strategies[*share.recommended].name)
                   : "Recommendation: none works";
  page.tables = {task_table(share), strategy_table(share), hour_table(share)};
  page.notes = share.reasons;
  if (uncertainty != nullptr) {
    page.tables.insert(page.tables.begin() + 2, certainty_table(share, *uncertainty));
    page.notes.insert(page.notes.end(), uncertainty->notes.begin(), uncertainty->notes.end());
  }
  for (const std::string& warning : share.warnings) {
    page.notes.push_back("Warning: " + warning);
  }
  add_json(share, uncertainty, page);
  add_csv(share, uncertainty, page);
  return page;
}

}  // namespace moeplan::app
