// moeplan share: several tasks, one model: fleets of their own, one variant for all, or engines
// that change their variant over the day.

#include "sim/share/share.hpp"

#include <fmt/format.h>

#include <cmath>
#include <exception>
#include <iostream>
#include <memory>

#include "app/interrupt.hpp"
#include "app/plan_progress.hpp"
#include "app/print_config.hpp"
#include "app/share_page.hpp"
#include "app/subcommand.hpp"
#include "app/write_files.hpp"
#include "models/units/parse.hpp"
#include "sim/plan/candidates.hpp"
#include "sim/share/share_uncertainty.hpp"

namespace moeplan::app {
namespace {

struct Options {
  CommonOptions common;
  std::vector<std::string> scenarios;
  std::string load_rate = "2 GB/s";
  std::string drain = "30 s";
  std::string window = "1 h";
  std::string hold = "2 h";
  std::int64_t draws = 0;
};

// For CLI11: "" for a quantity of the dimension that is positive (or 0 where that is allowed).
CLI::Validator is_quantity(const Dim& dim, bool may_be_zero) {
  return CLI::Validator(
      [dim, may_be_zero](const std::string& text) {
        const ParsedQuantity parsed = parse_quantity(text, dim);
        if (!parsed.problem.empty()) {
          return parsed.problem;
        }
        const bool good = parsed.value > 0.0 || (may_be_zero && parsed.value == 0.0);
        return good ? std::string() : fmt::format("'{}' is not positive", text);
      },
      "");
}

sim::AdaptationOptions adaptation_options(const Options& options) {
  return {.load_rate = parse<kBandwidth>(options.load_rate).value(),
          .drain = parse<kTime>(options.drain).value(),
          .window = parse<kTime>(options.window).value(),
          .hold = parse<kTime>(options.hold).value()};
}

std::string dry_run(const std::vector<sim::Scenario>& scenarios, const std::string& format) {
  std::string text;
  text::Json tasks = text::Json::array();
  for (const sim::Scenario& scenario : scenarios) {
    const std::size_t count = sim::candidates(scenario).size();
    text += fmt::format("{}: valid; {} candidates, busiest hour {:.3g} requests/s\n", scenario.file,
                        count, in_per_second(sim::at_busiest_hour(scenario).workload.rate));
    tasks.push(text::Json::object()
                   .set("scenario", scenario.file)
                   .set("candidates", count)
                   .set("peak_requests_per_s",
                        in_per_second(sim::at_busiest_hour(scenario).workload.rate)));
  }
  if (!format.starts_with("json")) {
    return text;
  }
  const text::Json json = text::Json::object()
                              .set("schema_version", kShareSchemaVersion)
                              .set("valid", true)
                              .set("tasks", std::move(tasks));
  return format == "json" ? json.pretty() : json.line() + "\n";
}

std::string effective_config(const std::vector<sim::Scenario>& scenarios,
                             const CommonOptions& common) {
  std::string text;
  text::Json all = text::Json::object();
  for (const sim::Scenario& scenario : scenarios) {
    const sim::EffectiveValues values = sim::effective_values(scenario, {.seed = common.seed});
    text += scenario.file + "\n" + values.print();
    all.set(scenario.file, values.json());
  }
  all.set("options", option_values(common));
  return printed(all, text + "options\n" + option_lines(common), common);
}

int run(const Options& options) {
  const CommonOptions& common = options.common;
  std::vector<sim::Scenario> scenarios;
  for (const std::string& file : options.scenarios) {
    scenarios.push_back(sim::load_scenario(file, {.seed = common.seed}));
  }
  if (common.print_config) {
    std::cout << effective_config(scenarios, common);
    return kOk;
  }
  sim::refuse_unshared(scenarios);
  if (options.draws > 0) {
    sim::refuse_different_worlds(scenarios);
  }
  if (common.dry_run) {
    std::cout << dry_run(scenarios, common.format);
    return kOk;
  }
  if (!common.output.empty()) {
    check_output(common.output);
  }
  handle_interrupts();
  const sim::Share share = sim::make_share(scenarios, adaptation_options(options),
                                           plan_options(common, "pieces of work done"));
  stop_if_interrupted();
  std::optional<sim::ShareUncertainty> uncertainty;
  if (options.draws > 0) {
    uncertainty =
        sim::share_uncertainty(share, options.draws, plan_options(common, "worlds simulated"));
    stop_if_interrupted();
  }
  const Page page = share_page(share, uncertainty ? &*uncertainty : nullptr);
  // Files first, in case the reader of standard output has gone; the result is shown in any case.
  std::exception_ptr not_written;
  if (!common.output.empty()) {
    try {
      write_files(common.output, {{"share.json", render(page, "json")},
                                  {"share.md", render(page, "markdown")},
                                  {"strategies.csv", render(page, "csv")}});
    } catch (...) {
      not_written = std::current_exception();
    }
  }
  std::cout << render(page, common.format) << std::flush;
  if (not_written) {
    std::rethrow_exception(not_written);
  }
  return share.recommended ? kOk : kNoFeasiblePlan;
}

// Throws: CLI::ValidationError where a day is no whole number of windows of a minute or more.
void check_window(const std::string& window) {
  const double count = hours(24.0) / parse<kTime>(window).value();
  if (count < 1.0 || count > 1440.0 || std::abs(count - std::round(count)) > 1e-9) {
    throw CLI::ValidationError("--window",
                               fmt::format("a day is not a whole number of windows of {}, each of "
                                           "1 min to 24 h",
                                           window));
  }
}

}  // namespace

void add_share(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "share", "Several tasks, one model: fleets of their own, one variant for all, or adaptive");
  const auto options = std::make_shared<Options>();
  command
      ->add_option("SCENARIO", options->scenarios,
                   "Scenario files, one per task: same model, hardware, engine and prices; traffic "
                   "(workload.day_profile: by the hour), objectives and accuracy of their own")
      ->required()
      ->expected(static_cast<int>(sim::kFewestTasks), static_cast<int>(sim::kMostTasks));
  command
      ->add_option("--load-rate", options->load_rate,
                   "Adaptive: rate at which a GPU loads the weights of another variant (assumed)")
      ->check(is_quantity(kBandwidth, false))
      ->capture_default_str();
  command
      ->add_option("--drain", options->drain,
                   "Adaptive: time in which an engine ends its requests before it reloads")
      ->check(is_quantity(kTime, true))
      ->capture_default_str();
  command
      ->add_option("--window", options->window,
                   "Adaptive: how often engines are assigned; divides a day")
      ->check(is_quantity(kTime, false))
      ->capture_default_str();
  command
      ->add_option("--hold", options->hold,
                   "Adaptive: an engine that has switched keeps its variant at least so long")
      ->check(is_quantity(kTime, true))
      ->capture_default_str();
  add_draws_option(*command, options->draws);
  add_common_options(*command, options->common, page_formats());
  command->footer(
      "Examples:\n"
      "  moeplan share scenarios/what_if/share_chat.yaml scenarios/what_if/share_code.yaml\n"
      "  moeplan share scenarios/what_if/share_chat.yaml scenarios/what_if/share_code.yaml "
      "--load-rate 5GB/s --window 15min --draws 64\n");
  command->callback([options, &exit_code] {
    check_window(options->window);
    exit_code = run(*options);
  });
}

}  // namespace moeplan::app
