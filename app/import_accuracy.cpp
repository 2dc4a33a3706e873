// moeplan import accuracy: lm-evaluation-harness results at several pruning levels in, one accuracy
// curve out, for a scenario's accuracy.curve and for moeplan gate.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>

#include "app/inspect_page.hpp"
#include "app/subcommand.hpp"
#include "models/accuracy/accuracy_table.hpp"
#include "models/accuracy/harness_curve.hpp"
#include "models/catalog/catalog.hpp"
#include "models/routing/routing.hpp"
#include "models/text/load.hpp"
#include "models/units/parse.hpp"

namespace moeplan::app {
namespace {

struct AccuracyImport {
  CommonOptions common;
  std::vector<std::string> levels;  // KEPT=PATH
  std::string model;
  std::string architecture;
  std::int64_t pretrained = 0;
  std::int64_t top_k = 0;
  std::string method;
  std::string router;
  bool finetuned = false;
  std::string calibration;
  std::vector<std::string> tasks;
  std::vector<std::string> metrics;  // METRIC or TASK=METRIC

  models::HarnessCurveOptions options() const {
    models::HarnessCurveOptions options;
    models::AccuracyDescription& what = options.description;
    what.method = method;
    what.router = router;
    what.finetuned = finetuned;
    what.calibration = calibration;
    what.architecture = architecture;
    what.pretrained_experts = pretrained;
    what.top_k = top_k;
    if (!architecture.empty()) {
      read_counts(what);
    } else if (pretrained == 0 || top_k == 0) {
      throw InputError(Problem{.code = "E_MISSING",
                               .what = "how many experts the model has",
                               .expected = "--architecture, or --pretrained-experts and --top-k"});
    }
    options.tasks = tasks;
    for (const std::string& metric : metrics) {
      const std::size_t equals = metric.find('=');
      if (equals == std::string::npos) {
        options.metric = metric;
      } else {
        options.metrics[metric.substr(0, equals)] = metric.substr(equals + 1);
      }
    }
    return options;
  }

  void read_counts(models::AccuracyDescription& what) const {
    const models::SmoeArchitecture loaded = models::load_architecture(architecture);
    const std::vector<std::size_t> layers = loaded.moe_layers();
    if (layers.empty()) {
      throw InputError(Problem{.code = "E_VALUE",
                               .file = architecture,
                               .what = "a dense model has no experts to keep",
                               .expected = "a mixture of experts"});
    }
    const auto& moe = std::get<models::MoeFfn>(loaded.layers[layers.front()].ffn);
    const auto agrees = [&](const char* flag, std::int64_t given, std::int64_t found) {
      if (given != 0 && given != found) {
        throw InputError(Problem{.code = "E_VALUE",
                                 .file = architecture,
                                 .what = fmt::format("{} contradicts the architecture", flag),
                                 .got = fmt::format("{}", given),
                                 .expected = fmt::format("{}", found)});
      }
    };
    agrees("--pretrained-experts", pretrained, moe.experts);
    agrees("--top-k", top_k, moe.top_k);
    what.pretrained_experts = moe.experts;
    what.top_k = moe.top_k;
  }

  std::vector<models::HarnessLevel> read_levels() const {
    std::vector<models::HarnessLevel> read;
    for (const std::string& level : levels) {
      const std::size_t equals = level.find('=');
      const std::optional<double> kept = parse_number(level.substr(0, equals));
      if (equals == std::string::npos || !kept || *kept < 1.0 || *kept > 1e6 ||
          *kept != std::floor(*kept)) {
        throw InputError(Problem{.code = "E_VALUE",
                                 .what = "a pruning level",
                                 .got = level,
                                 .expected = "KEPT=PATH: experts kept per layer and the results, "
                                             "as in 64=runs/pruned-64"});
      }
      read.push_back({static_cast<std::int64_t>(*kept),
                      models::read_harness_results(level.substr(equals + 1))});
    }
    return read;
  }

  Page page(const models::HarnessCurve& curve) const {
    const models::AccuracyDescription& what = curve.file.description;
    Page page;
    page.title = what.name;
    PageTable table{"", {{"experts kept", "accuracy, %", "standard error, points", "source"}}};
    page.csv = {{"experts_kept", "task", "accuracy", "standard_error"}};
    for (const models::CurveFile::Point& point : curve.file.points) {
      double mean = 0.0;
      for (const models::AccuracyTask& task : what.tasks) {
        const auto error = point.standard_errors.find(task.name);
        mean += task.weight * point.values.at(task.name);
        page.csv.push_back(
            {fmt::format("{}", point.experts_kept), task.name,
             number_text(point.values.at(task.name)),
             error == point.standard_errors.end() ? "" : number_text(error->second)});
      }
      const bool known = point.standard_errors.size() == what.tasks.size();
      table.rows.push_back(
          {fmt::format("{}", point.experts_kept), fmt::format("{:.2f}", 100 * mean),
           known ? fmt::format("{:.2f}",
                               100 * models::aggregate_error(what.tasks, point.standard_errors))
                 : "unknown",
           curve.file.sources.at(point.source)});
    }
    page.tables.push_back(std::move(table));
    page.json = models::curve_json(curve.file);
    page.notes = curve.notes;
    return page;
  }

  int run() const {
    if (common.print_config) {
      std::cout << fmt::format("levels: {}\narchitecture: {}\nmethod: {}\nrouter: {}\n",
                               joined(levels), architecture, method, router);
      return kOk;
    }
    models::HarnessCurveOptions asked = options();
    std::vector<models::HarnessLevel> read = read_levels();
    std::sort(read.begin(), read.end(),
              [](const auto& a, const auto& b) { return a.experts_kept > b.experts_kept; });
    asked.description.model = model.empty() ? read.front().results.model : model;
    if (asked.description.model.empty()) {
      throw InputError(Problem{.code = "E_MISSING",
                               .file = read.front().results.file,
                               .what = "the results do not name the model",
                               .expected = "--model NAME"});
    }
    asked.description.name = fmt::format("{}, {}, lm-evaluation-harness", asked.description.model,
                                         asked.description.method);
    // The curve names a file beside which it lies, wherever it is read from.
    if (!common.output.empty() && std::filesystem::is_regular_file(architecture)) {
      asked.description.architecture =
          std::filesystem::proximate(architecture,
                                     std::filesystem::absolute(common.output).parent_path())
              .string();
    }
    const models::HarnessCurve curve = models::harness_curve(read, asked);
    if (!common.output.empty() && !common.dry_run) {
      text::write_file(common.output, models::curve_json(curve.file).pretty());
    }
    std::cout << render(page(curve), common.format);
    return kOk;
  }
};

}  // namespace

void add_import_accuracy(CLI::App& parent, int& exit_code) {
  auto command = std::make_shared<AccuracyImport>();
  CLI::App* sub = parent.add_subcommand(
      "accuracy", "lm-evaluation-harness results at several pruning levels to an accuracy curve");
  sub->add_option("LEVEL", command->levels,
                  "KEPT=PATH: experts kept and the results_*.json (or its directory) of that model")
      ->required()
      ->expected(1, -1);
  sub->add_option("--method", command->method, "What pruned (REAP, UNCURL, ...)")->required();
  sub->add_option("--router", command->router, "What became of the router")
      ->required()
      ->check(CLI::IsMember(models::router_mode_names()));
  sub->add_option("--architecture", command->architecture,
                  "Catalog id or config.json of the unpruned model; scenarios check it");
  sub->add_option("--pretrained-experts", command->pretrained, "Without --architecture")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000000}));
  sub->add_option("--top-k", command->top_k, "Without --architecture")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000000}));
  sub->add_option("--model", command->model, "Name; else model_name of the least pruned run");
  sub->add_flag("--finetuned", command->finetuned, "The pruned models were fine-tuned");
  sub->add_option("--calibration", command->calibration, "Data that the method saw");
  sub->add_option("--task", command->tasks,
                  "Exact names, equal weights; else every question once (groups that carry a "
                  "metric stand for their tasks)")
      ->allow_extra_args(false);
  sub->add_option("--metric", command->metrics,
                  "METRIC for all, or TASK=METRIC, as in acc_norm,none; else the only one, or "
                  "SuperGLUE's")
      ->allow_extra_args(false);
  add_common_options(*sub, command->common, page_formats());
  sub->footer(
      "What is missing is an error, never 0; runs that differ in version, shots, prompts or "
      "number\n"
      "of samples are not joined. Standard errors are the harness's, binomial where it says N/A.\n"
      "Examples:\n"
      "  moeplan import accuracy 128=runs/full 64=runs/pruned-64 --architecture qwen3-30b-a3b \\\n"
      "      --method REAP --router sliced --metric acc,none -o curve.json\n"
      "  moeplan gate --curve curve.json --max-loss 0.02 --confidence 0.95\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
