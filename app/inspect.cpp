// moeplan inspect: what we understood of an input, and from which field.

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "app/inspect_model.hpp"
#include "app/subcommand.hpp"
#include "models/catalog/catalog.hpp"

namespace moeplan::app {
namespace {

struct ModelCommand {
  std::string model;
  std::string format = "table";
  std::string precision;
  std::string kv_precision = "bf16";
  models::RankLayout layout;
  std::int64_t context_tokens = 4096;

  int run() const {
    InspectModelOptions options;
    if (!precision.empty()) {
      options.precision = models::precision_from(precision);
    }
    options.kv_precision = *models::precision_from(kv_precision);
    options.layout = layout;
    options.context_tokens = context_tokens;
    std::cout << inspect_model(models::load_architecture(model), options, format);
    return kOk;
  }
};

}  // namespace

void add_inspect(CLI::App& app, int& exit_code) {
  CLI::App* inspect = app.add_subcommand("inspect", "Show what moeplan understood of an input");
  inspect->require_subcommand(1);
  inspect->footer(
      "Examples:\n"
      "  moeplan inspect model qwen3-30b-a3b\n"
      "  moeplan inspect model path/to/config.json --format json\n");
  auto command = std::make_shared<ModelCommand>();
  CLI::App* model = inspect->add_subcommand(
      "model", "A model, layer by layer: parameters, bytes, FLOPs, KV cache, and their origin");
  model
      ->add_option("MODEL", command->model,
                   "Catalog id, or path of a config.json or architecture YAML")
      ->required();
  model->add_option("--format", command->format, "Output format")
      ->check(CLI::IsMember({"table", "json", "jsonl", "csv", "markdown"}))
      ->capture_default_str();
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
  model->footer(
      "Examples:\n"
      "  moeplan inspect model qwen3-30b-a3b\n"
      "  moeplan inspect model mixtral-8x7b --tensor-parallel 2 --format json\n");
  model->callback([command, &exit_code] { exit_code = command->run(); });
  add_inspect_trace(*inspect, exit_code);
}

}  // namespace moeplan::app
