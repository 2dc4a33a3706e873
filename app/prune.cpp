// moeplan prune: a checkpoint with fewer experts, by UNCURL or a rival, and the plan behind it.

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <memory>
#include <system_error>

#include "app/interrupt.hpp"
#include "app/prune_output.hpp"
#include "app/subcommand.hpp"
#include "models/checkpoint/prune_checkpoint.hpp"
#include "models/pruning/plan_json.hpp"
#include "models/text/load.hpp"

namespace moeplan::app {
namespace {

struct PruneCommand {
  CommonOptions common;
  std::string checkpoint;
  std::string router_data;
  std::string method = "uncurl";
  std::int64_t kept = 0;
  std::string budget = "uniform";
  std::string first_layer = "same";
  std::string router = "reinitialised";
  std::string layout = "huggingface";
  int starts = 10;

  models::PruningOptions options() const {
    const auto position = [](const std::vector<std::string>& names, const std::string& name) {
      return std::find(names.begin(), names.end(), name) - names.begin();
    };
    return {.method = *models::pruning_method_from(method),
            .kept = kept,
            .budget = budget == "global" ? models::Budget::global : models::Budget::uniform,
            .first_layer =
                static_cast<models::FirstLayer>(position({"same", "keep", "greedy"}, first_layer)),
            .router = *models::router_mode_from(router),
            .kmeans_starts = starts,
            .seed = common.seed.value_or(1)};
  }

  models::CheckpointLayout layout_kind() const {
    return layout == "native" ? models::CheckpointLayout::native
                              : models::CheckpointLayout::huggingface;
  }

  void progress(const std::string& what) const {
    if (common.shows_progress()) {
      std::cerr << "\r\033[K" << what << std::flush;
    }
  }

  std::vector<models::LayerInput> inputs(const models::ModelFiles& model,
                                         const models::RouterData& data) const {
    std::vector<models::LayerInput> layers;
    for (std::size_t i = 0; i < model.routers().size(); ++i) {
      stop_if_interrupted();
      const models::RouterKind& router_of_layer = model.routers()[i];
      progress(fmt::format("router data of layer {}", router_of_layer.layer));
      layers.push_back({.layer = router_of_layer.layer,
                        .experts = router_of_layer.experts,
                        .top_k = router_of_layer.top_k,
                        .groups = model.groups(i),
                        .statistics = data.statistics(router_of_layer, common.thread_count())});
    }
    return layers;
  }

  // What plan_pruning refuses is wrong input: the data or the request.
  models::PruningPlan planned(const std::vector<models::LayerInput>& layers) const {
    try {
      return models::plan_pruning(layers, options());
    } catch (const models::PruningError& error) {
      throw InputError(Problem{.code = "E_VALUE", .file = router_data, .what = error.what()});
    }
  }

  models::PrunedModelFile described(const models::ModelFiles& model, const models::RouterData& data,
                                    const std::vector<models::LayerInput>& layers,
                                    const models::PruningPlan& plan) const {
    models::PrunedModelFile file{.method = plan.method,
                                 .router = plan.router,
                                 .seed = plan.seed,
                                 .layout = layout,
                                 .checkpoint = name_of_path(checkpoint),
                                 .router_data = name_of_path(router_data),
                                 .model_type = model.architecture().model_type,
                                 .notes = {},
                                 .layers = {}};
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const models::RouterStatistics& statistics = layers[i].statistics;
      file.layers.push_back(
          {.plan = plan.layers[i],
           .top_k = layers[i].top_k,
           .tokens = statistics.tokens,
           .selected = statistics.selected,
           .routing = data.histogram(model.routers()[i], statistics, plan.layers[i], plan.router),
           .alignments = {}});
    }
    return file;
  }

  // No directories of this machine in results.
  static std::string name_of_path(const std::string& path) {
    const std::filesystem::path whole = std::filesystem::path(path).lexically_normal();
    return whole.has_filename() ? whole.filename().string()
                                : whole.parent_path().filename().string();
  }

  void write(const models::ModelFiles& model, const models::PruningPlan& plan,
             models::PrunedModelFile& file) const {
    OutputDirectory output(common.output);
    models::CheckpointResult result = models::prune_checkpoint(
        model, plan, layout_kind(), output.path(), common.thread_count(), [&](std::size_t i) {
          stop_if_interrupted();
          progress(
              fmt::format("layer {} ({} of {})", plan.layers[i].layer, i + 1, plan.layers.size()));
        });
    file.notes = std::move(result.notes);
    for (std::size_t i = 0; i < file.layers.size(); ++i) {
      file.layers[i].alignments = std::move(result.alignments[i]);
    }
    text::write_file(output.path() / "pruning_plan.json", models::pruning_plan_json(file).pretty());
    text::write_file(output.path() / "routing.csv", models::routing_csv(file));
    text::write_file(output.path() / "layers.csv", models::layers_csv(file));
    output.finish();
  }

  std::string rendered(const models::PrunedModelFile& file) const {
    if (common.format == "csv") {
      return models::layers_csv(file);
    }
    const text::Json json = models::pruning_plan_json(file);
    return common.format == "json"    ? json.pretty()
           : common.format == "jsonl" ? json.line() + "\n"
                                      : prune_table(file, common.format == "markdown");
  }

  int run() const {
    if (common.print_config) {
      std::cout << fmt::format(
          "checkpoint: {}\nrouter_data: {}\nmethod: {}\nkeep: {}\nbudget: {}\nfirst_layer: {}\n"
          "router: {}\nlayout: {}\nkmeans_starts: {}\nseed: {}\nthreads: {}\n",
          checkpoint, router_data, method, kept, budget, first_layer, router, layout, starts,
          common.seed.value_or(1), common.thread_count());
      return kOk;
    }
    handle_interrupts();
    if (!common.output.empty()) {
      OutputDirectory::check_free(common.output);
    }
    const models::ModelFiles model(checkpoint);
    const models::RouterData data = models::RouterData::open(router_data);
    const std::vector<models::LayerInput> layers = inputs(model, data);
    const models::PruningPlan plan = planned(layers);
    models::check_layout(plan, layout_kind(), checkpoint);
    models::PrunedModelFile file = described(model, data, layers, plan);
    if (!common.output.empty() && !common.dry_run) {
      write(model, plan, file);
    }
    progress("");
    std::cout << rendered(file) << std::flush;
    return kOk;
  }
};

}  // namespace

void add_prune(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<PruneCommand>();
  CLI::App* sub = app.add_subcommand(
      "prune", "Merge or drop the experts of a Hugging Face checkpoint (UNCURL and its rivals)");
  sub->add_option("CHECKPOINT", command->checkpoint,
                  "Directory with config.json and safetensors files")
      ->required();
  sub->add_option("--router-data", command->router_data,
                  "Router logits or statistics on the task's tokens (models/checkpoint/README.md)")
      ->required();
  sub->add_option("--keep", command->kept, "Experts per MoE layer to keep")
      ->required()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{100000}));
  sub->add_option("--method", command->method, "What decides, and whether the others are merged")
      ->check(CLI::IsMember(models::pruning_method_names()))
      ->capture_default_str();
  sub->add_option("--budget", command->budget,
                  "uniform: so many in every layer; global: on average over the layers")
      ->check(CLI::IsMember({"uniform", "global"}))
      ->capture_default_str();
  sub->add_option("--first-layer", command->first_layer,
                  "The first MoE layer: as the others, kept whole, or by frequency")
      ->check(CLI::IsMember({"same", "keep", "greedy"}))
      ->capture_default_str();
  sub->add_option("--router", command->router, "What becomes of the router's weights")
      ->check(CLI::IsMember(models::router_mode_names()))
      ->capture_default_str();
  sub->add_option("--layout", command->layout,
                  "Of the result; native holds different counts per layer and merged_logits")
      ->check(CLI::IsMember({"huggingface", "native"}))
      ->capture_default_str();
  sub->add_option("--kmeans-starts", command->starts, "Starts of k-means (n_init)")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  add_common_options(*sub, command->common, {"table", "json", "jsonl", "csv", "markdown"});
  sub->footer(
      "Without -o the plan is printed and nothing is written.\n"
      "Examples:\n"
      "  moeplan prune Qwen3-30B-A3B --router-data router.safetensors --keep 64 -o pruned\n"
      "  moeplan prune Mixtral-8x7B --router-data logits/ --keep 6 --method frequency "
      "--router sliced --format json\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
