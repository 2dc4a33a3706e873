#include "app/simulate_static.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "app/print_config.hpp"
#include "models/text/load.hpp"
#include "sim/report/forward_report.hpp"

namespace moeplan::app {
namespace {

void refuse_serving_flags(const CommonOptions& common, const DesignChoice& choice) {
  const std::pair<bool, const char*> flags[] = {
      {choice.node.has_value(), "--node"},
      {choice.tensor_parallel.has_value(), "--tensor-parallel"},
      {choice.expert_parallel.has_value(), "--expert-parallel"},
      {choice.exchange.has_value(), "--exchange"},
      {choice.placement.has_value(), "--placement"},
      {choice.redundant_experts.has_value(), "--redundant-experts"},
      {choice.requests.has_value(), "--requests"},
      {choice.replicas != 1, "--replicas"},
      {common.seed.has_value(), "--seed"}};
  for (const auto& [given, flag] : flags) {
    if (given) {
      throw CLI::ValidationError(flag, "means nothing for a static forward pass");
    }
  }
}

std::vector<sim::ForwardPass> chosen(const sim::StaticScenario& scenario,
                                     const DesignChoice& choice) {
  std::vector<sim::ForwardPass> passes = sim::forward_passes(scenario);
  std::erase_if(passes, [&](const sim::ForwardPass& pass) {
    return (choice.experts_kept && *choice.experts_kept != pass.experts_kept) ||
           (choice.gpus && *choice.gpus != pass.shape.gpus) ||
           (choice.gpu && *choice.gpu != scenario.hardware[pass.hardware].gpu.id);
  });
  if (passes.empty()) {
    throw CLI::ValidationError("SCENARIO", "no design of the scenario is like that");
  }
  return passes;
}

}  // namespace

int simulate_static(const CommonOptions& common, const DesignChoice& choice) {
  refuse_serving_flags(common, choice);
  const sim::StaticScenario loaded = sim::load_static_scenario(choice.scenario);
  const bool json = common.format.starts_with("json");
  const auto line_or_pretty = [&](const text::Json& value) {
    return common.format == "json" ? value.pretty() : value.line() + "\n";
  };
  if (common.print_config) {
    std::cout << print_config(sim::effective_values(loaded), common);
    return kOk;
  }
  const std::vector<sim::ForwardPass> passes = chosen(loaded, choice);
  if (common.dry_run) {
    std::cout << fmt::format("{}: valid; {} static forward passes\n", loaded.file, passes.size());
    return kOk;
  }
  const sim::ReportContext context{kVersion};
  const auto style =
      common.format == "markdown" ? sim::TextStyle::markdown : sim::TextStyle::terminal;
  const std::string output = json ? line_or_pretty(sim::forward_json(passes, loaded, context))
                                  : sim::forward_text(passes, loaded, context, style);
  if (!common.output.empty()) {
    text::write_file(common.output, output);
  }
  std::cout << output << std::flush;
  const bool any = std::any_of(passes.begin(), passes.end(),
                               [](const sim::ForwardPass& pass) { return pass.why_not.empty(); });
  return any ? kOk : kNoFeasiblePlan;
}

}  // namespace moeplan::app
