// moeplan timeline: one design of a scenario as a Perfetto trace.

#include "sim/timeline/timeline.hpp"

#include <fmt/format.h>

#include <iostream>
#include <memory>

#include "app/choose_design.hpp"
#include "app/interrupt.hpp"
#include "app/subcommand.hpp"
#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "sim/evaluate.hpp"
#include "sim/plan/design.hpp"
#include "sim/plan/plan.hpp"
#include "sim/serving/model_step_cost.hpp"

namespace moeplan::app {
namespace {

constexpr int kTimelineSchemaVersion = 1;

// "1.5 s", not negative and within the engine's clock.
std::string check_instant(const std::string& text) {
  const ParsedQuantity parsed = parse_quantity(text, kTime);
  if (!parsed.problem.empty()) {
    return parsed.problem;
  }
  constexpr double kLargest = 9e6;  // the engine's clock ends at 106 days
  return parsed.value >= 0.0 && parsed.value <= kLargest
             ? std::string()
             : "an instant of the run, 0 s to 104 d, not " + text;
}

sim::SimTime instant(const std::string& text) {
  return sim::SimTime() + Seconds(parse_quantity(text, kTime).value);
}

struct TimelineCommand {
  CommonOptions common;
  DesignChoice choice;
  std::string from;
  std::string until;
  std::int64_t steps = sim::TimelineOptions::kSteps;

  sim::TimelineOptions window() const {
    sim::TimelineOptions options;
    options.steps = steps;
    if (!from.empty()) {
      options.from = instant(from);
    }
    if (!until.empty()) {
      options.until = instant(until);
      if (*options.until <= options.from) {
        throw CLI::ValidationError("--until", "must be after --from");
      }
    }
    return options;
  }

  static text::Json about(const sim::Scenario& loaded, const sim::Deployment& deployment,
                          double load) {
    return text::Json::object()
        .set("program", std::string("moeplan ") + kVersion)
        .set("scenario", loaded.name)
        .set("scenario_sha256", loaded.sha256)
        .set("seed", loaded.seed)
        .set("design", deployment.candidate.layout_name())
        .set("hardware", deployment.hardware().label())
        .set("exchange", deployment.candidate.exchange_name())
        .set("engine_load", load);
  }

  static std::string summary_text(const sim::Timeline& timeline) {
    return fmt::format(
        "{} of {} steps, {} of {} requests, {:.6f} s to {:.6f} s of {:.6f} s; engines busy {:.6f} "
        "s of it; {} events\n",
        timeline.steps, timeline.trace.steps, timeline.requests, timeline.trace.requests.size(),
        in_seconds(timeline.from), in_seconds(timeline.until), in_seconds(timeline.trace.end),
        in_seconds(timeline.busy), timeline.events);
  }

  std::string summary(const sim::Timeline& timeline, text::Json json) const {
    if (!common.format.starts_with("json")) {
      return summary_text(timeline) +
             fmt::format("{}: open it with ui.perfetto.dev\n", common.output);
    }
    text::Json all = text::Json::object();
    all.set("schema_version", kTimelineSchemaVersion).merge(json);
    all.set("from_s", in_seconds(timeline.from))
        .set("until_s", in_seconds(timeline.until))
        .set("run_s", in_seconds(timeline.trace.end))
        .set("steps_shown", timeline.steps)
        .set("steps", timeline.trace.steps)
        .set("requests_shown", timeline.requests)
        .set("requests", timeline.trace.requests.size())
        .set("busy_shown_s", in_seconds(timeline.busy))
        .set("busy_s", in_seconds(timeline.trace.busy))
        .set("events", timeline.events)
        .set("cut", timeline.cut.empty() ? text::Json() : text::Json(timeline.cut))
        .set("extrapolated", timeline.trace.extrapolated);
    return common.format == "json" ? all.pretty() : all.line() + "\n";
  }

  int run() const {
    const std::optional<sim::Scenario> scenario = load_or_print(choice, common);
    if (!scenario) {
      return kOk;
    }
    const sim::Scenario& loaded = *scenario;
    if (loaded.disaggregation) {
      sim::refuse_key(loaded, "parallelism.disaggregation.prefill_engines",
                      "a timeline shows engines that do the same, not two pools",
                      "no parallelism.disaggregation");
    }
    const sim::Candidate candidate = choose_design(loaded, choice);
    if (candidate.pipeline_parallel > 1) {
      throw CLI::ValidationError(
          "SCENARIO",
          "timelines show engines without pipeline stages; choose --pipeline-parallel 1");
    }
    const sim::TimelineOptions options = window();
    const auto placed = sim::deploy(loaded, candidate);
    if (const auto* why = std::get_if<sim::Infeasible>(&placed)) {
      std::cerr << fmt::format("infeasible ({}): {}\n", why->code, why->reason);
      return kNoFeasiblePlan;
    }
    if (common.dry_run) {
      std::cout << fmt::format("{}: valid; {} on {}, {} requests, at most {} steps shown\n",
                               loaded.file, candidate.layout_name(),
                               loaded.hardware[candidate.hardware].label(),
                               loaded.workload.requests, steps);
      return kOk;
    }
    handle_interrupts();
    const auto& deployment = std::get<sim::Deployment>(placed);
    const double load = sim::engine_load(loaded.workload, choice.replicas);
    sim::ModelStepCost cost(deployment);
    const text::Json facts = about(loaded, deployment, load);
    const sim::Timeline timeline = sim::record_timeline(
        deployment, sim::setup_of(deployment, sim::simulated_load(loaded, choice.replicas)), cost,
        options, facts);
    stop_if_interrupted();
    if (timeline.steps == 0 && timeline.requests == 0) {
      throw CLI::ValidationError("--from", "there is nothing to show: " + timeline.cut);
    }
    if (!timeline.cut.empty()) {
      std::cerr << "the timeline is not the whole run: it " << timeline.cut << "\n";
    }
    if (common.output.empty()) {
      if (!common.quiet) {
        std::cerr << summary_text(timeline);
      }
      std::cout << timeline.json << std::flush;
      return kOk;
    }
    text::write_file(common.output, timeline.json);
    std::cout << summary(timeline, facts) << std::flush;
    return kOk;
  }
};

}  // namespace

void add_timeline(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<TimelineCommand>();
  CLI::App* sub = app.add_subcommand(
      "timeline",
      "Run one design of a scenario, as simulate does, and write what every device, link and "
      "request did as a trace for ui.perfetto.dev (Chrome trace event JSON): to standard output, "
      "or with -o to a file and a summary (--format) to standard output");
  add_design_options(*sub, command->choice);
  sub->add_option("--from", command->from, "Show the run from this instant on (\"2.5 s\")")
      ->check(check_instant);
  sub->add_option("--until", command->until, "Show the run to this instant (\"3 s\")")
      ->check(check_instant);
  sub->add_option("--steps", command->steps,
                  fmt::format("Show at most so many steps; a file has at most {} events",
                              sim::TimelineOptions::kEvents))
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000000}))
      ->capture_default_str();
  add_common_options(*sub, command->common, {"table", "json", "jsonl"});
  sub->footer(
      "Examples:\n"
      "  moeplan timeline scenarios/examples/dense_llama_baseline.yaml --gpus 1 --replicas 4 "
      "--steps 200 -o timeline.json\n"
      "  moeplan timeline scenarios/examples/mixtral_a100_or_h100.yaml --gpu h100-sxm --gpus 2 "
      "--tensor-parallel 2 --expert-parallel false --experts-kept 8 --replicas 8 --requests 500 "
      "--format json\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
