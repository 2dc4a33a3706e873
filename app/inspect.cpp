// moeplan inspect: what we understood of an input, and from which field. Here are the command
// lines; what is shown is made by one file per kind of input (inspect_model.cpp, ...).

#include <fmt/format.h>

#include <iostream>

#include "app/inspect_accuracy.hpp"
#include "app/inspect_hardware.hpp"
#include "app/inspect_model.hpp"
#include "app/inspect_profile.hpp"
#include "app/inspect_threshold.hpp"
#include "app/subcommand.hpp"
#include "models/architecture/read_architecture.hpp"
#include "models/catalog/catalog.hpp"
#include "models/units/parse.hpp"

namespace moeplan::app {
namespace {

// What every kind takes: the name of the input, and how to show it.
struct Target {
  std::string name;  // empty: list what there is
  std::string format = "table";

  int show(const Page& page) const {
    std::cout << render(page, format);
    return kOk;
  }
};

CLI::App* add_kind(CLI::App& inspect, Target& target, const char* kind, const char* doc,
                   const char* name_doc, const char* examples) {
  CLI::App* command = inspect.add_subcommand(kind, doc);
  command->add_option("NAME", target.name,
                      std::string(name_doc) + "; without it, the ids of the catalog are listed");
  command->add_option("--format", target.format, "Output format")
      ->check(CLI::IsMember(page_formats()))
      ->capture_default_str();
  command->footer(examples);
  return command;
}

// The ids of the catalog, by kind.
Page listing(const std::string& title,
             const std::vector<std::pair<std::string, std::vector<std::string>>>& kinds) {
  Page page;
  page.title = title;
  page.json.set("schema_version", 1);
  page.csv = {{"kind", "id"}};
  PageTable table{"", {{"kind", "id"}}};
  for (const auto& [kind, ids] : kinds) {
    page.json.set(kind, ids);
    for (const std::string& id : ids) {
      table.rows.push_back({kind, id});
      page.csv.push_back({kind, id});
    }
  }
  page.tables.push_back(std::move(table));
  return page;
}

struct ModelCommand {
  Target target;
  std::string precision;
  std::string kv_precision = "bf16";
  models::RankLayout layout;
  std::int64_t context_tokens = 4096;

  int run() const {
    if (target.name.empty()) {
      return target.show(
          listing("Models of the catalog",
                  {{"models", models::architecture_ids(models::data_dir() / "architectures")}}));
    }
    InspectModelOptions options;
    if (!precision.empty()) {
      options.precision = models::precision_from(precision);
    }
    options.kv_precision = *models::precision_from(kv_precision);
    options.layout = layout;
    options.context_tokens = context_tokens;
    return target.show(inspect_model(models::load_architecture(target.name), options));
  }
};

void add_model(CLI::App& inspect, int& exit_code) {
  auto command = std::make_shared<ModelCommand>();
  CLI::App* model =
      add_kind(inspect, command->target, "model",
               "A model, layer by layer: parameters, bytes, FLOPs, KV cache, and their origin",
               "Catalog id, or path of a config.json or architecture YAML",
               "Examples:\n"
               "  moeplan inspect model qwen3-30b-a3b\n"
               "  moeplan inspect model mixtral-8x7b --tensor-parallel 2 --format json\n");
  model->add_option("--precision", command->precision, "Of the weights; else what the file states")
      ->check(CLI::IsMember(models::precision_names()));
  model->add_option("--kv-precision", command->kv_precision, "Of the KV cache")
      ->check(CLI::IsMember(models::precision_names()))
      ->capture_default_str();
  model->add_option("--tensor-parallel", command->layout.tensor_parallel, "For bytes per GPU")
      ->check(CLI::Range(1, 1024));
  model->add_option("--data-parallel", command->layout.data_parallel, "For bytes per GPU")
      ->check(CLI::Range(1, 1024));
  model->add_flag("--expert-parallel", command->layout.expert_parallel, "Whole experts on ranks");
  model->add_option("--context", command->context_tokens, "Tokens that a token attends to")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100000000}));
  model->callback([command, &exit_code] { exit_code = command->run(); });
}

void add_hardware(CLI::App& inspect, int& exit_code) {
  auto target = std::make_shared<Target>();
  CLI::App* hardware = add_kind(
      inspect, *target, "hardware",
      "A GPU, node or fabric: capacities, dense peaks, balance, links, what is measured on it",
      "Catalog id of a GPU, a node or a fabric",
      "Examples:\n"
      "  moeplan inspect hardware h100-sxm\n"
      "  moeplan inspect hardware aws-p5.48xlarge --format json\n");
  hardware->callback([target, &exit_code] {
    exit_code =
        target->show(target->name.empty() ? listing("Hardware of the catalog",
                                                    {{"gpus", models::catalog_ids("gpus")},
                                                     {"nodes", models::catalog_ids("nodes")},
                                                     {"fabrics", models::catalog_ids("fabrics")}})
                                          : inspect_hardware(target->name));
  });
}

struct AccuracyCommand {
  Target target;
  std::string reference;
  std::string aggregate = "mean";
  std::string confidence = "point";
  InspectAccuracyOptions options;

  int run() {
    if (target.name.empty()) {
      return target.show(listing("Accuracy curves and tables of the catalog",
                                 {{"curves", models::catalog_ids("accuracy")},
                                  {"tables", models::catalog_ids("accuracy/tables")},
                                  {"top_k", models::catalog_ids("accuracy/top_k")}}));
    }
    if (!reference.empty()) {
      options.reference = reference == "unpruned"
                              ? models::ThresholdRule::Reference::unpruned
                              : models::ThresholdRule::Reference::from_scratch_same_size;
    }
    options.mean_over_tasks = aggregate == "mean";
    if (confidence != "point") {
      options.confidence = std::stod(confidence);  // checked by the option
    }
    return target.show(inspect_accuracy(models::load_accuracy_data(target.name), options));
  }
};

void add_accuracy(CLI::App& inspect, int& exit_code) {
  auto command = std::make_shared<AccuracyCommand>();
  CLI::App* accuracy = add_kind(
      inspect, command->target, "accuracy",
      "An accuracy curve or table: points with bands, threshold pruning factor under a rule",
      "Catalog id (tables/ID and top_k/ID where a curve has the same), or path",
      "Examples:\n"
      "  moeplan inspect accuracy paper-superglue --reference from_scratch_same_size\n"
      "  moeplan inspect accuracy qwen3-30b-a3b-reap-code --tolerance 0.02 --confidence 0.95\n");
  accuracy
      ->add_option("--reference", command->reference,
                   "What a pruned model must hold against; else from_scratch_same_size where the "
                   "table has such rows")
      ->check(CLI::IsMember({"unpruned", "from_scratch_same_size"}));
  accuracy
      ->add_option("--aggregate", command->aggregate,
                   "mean over tasks, or every task must hold by itself")
      ->check(CLI::IsMember({"mean", "task"}))
      ->capture_default_str();
  accuracy->add_option("--task", command->options.task, "With --aggregate task: only this one");
  accuracy
      ->add_option("--tolerance", command->options.tolerance, "Loss that is accepted, a fraction")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  accuracy
      ->add_option("--confidence", command->confidence,
                   "point: the estimate decides; a fraction: the interval's lower end does")
      ->check(check_confidence)
      ->capture_default_str();
  accuracy->add_option("--method", command->options.method, "Of a table; else all");
  accuracy->add_option("--pretrained-experts", command->options.pretrained, "Of a table; else all")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000000}));
  accuracy->callback([command, &exit_code] { exit_code = command->run(); });
}

void add_profile(CLI::App& inspect, int& exit_code) {
  auto target = std::make_shared<Target>();
  CLI::App* profile =
      add_kind(inspect, *target, "profile",
               "A fitted profile: laws, parameters, ranges, errors, source files, what is missing",
               "Catalog id, or path of a profile",
               "Examples:\n"
               "  moeplan inspect profile h100-sxm\n"
               "  moeplan inspect profile models/data/profiles/a100-sxm.json --format csv\n");
  profile->callback([target, &exit_code] {
    exit_code =
        target->show(target->name.empty() ? listing("Profiles of the catalog",
                                                    {{"profiles", models::catalog_ids("profiles")}})
                                          : inspect_profile(target->name));
  });
}

}  // namespace

void add_inspect(CLI::App& app, int& exit_code) {
  CLI::App* inspect = app.add_subcommand("inspect", "Show what moeplan understood of an input");
  inspect->require_subcommand(1);
  inspect->footer(
      "Examples:\n"
      "  moeplan inspect model qwen3-30b-a3b\n"
      "  moeplan inspect hardware h100-sxm --format json\n");
  add_model(*inspect, exit_code);
  add_hardware(*inspect, exit_code);
  add_accuracy(*inspect, exit_code);
  add_profile(*inspect, exit_code);
  add_inspect_trace(*inspect, exit_code);
}

}  // namespace moeplan::app
