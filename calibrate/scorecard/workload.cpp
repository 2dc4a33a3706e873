#include "calibrate/scorecard/workload.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::calibrate {
namespace {

std::vector<std::int64_t> read_counts(text::Reader& file, const std::string& key) {
  text::Reader section = file.section(key);
  section.string("why");
  std::vector<std::int64_t> counts;
  const text::Node* list = section.node("values");
  if (list != nullptr) {
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      counts.push_back(text::as_count(file.problems(), list->items[i],
                                      fmt::format("{}/values/{}", section.pointer(), i),
                                      {.low = 1.0, .high = 1e6})
                           .value_or(1));
    }
  }
  if (counts.empty()) {
    section.problem("values", "E_VALUE", "no values", "a list of counts");
  }
  section.finish();
  return counts;
}

ScorecardLayer read_layer(text::Reader& entry, const std::vector<std::int64_t>& groups) {
  ScorecardLayer layer;
  layer.architecture = entry.string("architecture");
  layer.why = entry.string("why");
  if (const text::Node* list = entry.node("precisions")) {
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      const auto name = text::as_choice(entry.problems(), list->items[i],
                                        fmt::format("{}/precisions/{}", entry.pointer(), i),
                                        models::precision_names());
      if (name) {
        layer.precisions.push_back(*models::precision_from(*name));
      }
    }
  }
  if (!layer.architecture.empty()) {
    const models::SmoeArchitecture architecture = models::load_architecture(layer.architecture);
    const std::vector<std::size_t> moe = architecture.moe_layers();
    if (moe.empty()) {
      entry.problem("architecture", "E_VALUE", "this architecture has no MoE layer");
    } else {
      layer.moe = std::get<models::MoeFfn>(architecture.layers[moe.front()].ffn);
      layer.hidden = architecture.hidden;
    }
    for (const std::int64_t group : groups) {
      if (layer.moe.experts % group != 0) {
        entry.problem(
            "architecture", "E_VALUE",
            fmt::format("{} experts do not divide over {} ranks", layer.moe.experts, group));
      }
    }
  }
  entry.finish();
  return layer;
}

}  // namespace

ScorecardWorkload load_scorecard_workload(const std::string& id) {
  const std::filesystem::path path = models::data_dir() / "scorecard" / (id + ".yaml");
  const text::Document document = text::load_yaml(path);
  text::Problems problems(document);
  text::Reader file(problems, document.root);
  text::check_schema(file, "moeplan.scorecard", 1, 1);
  ScorecardWorkload workload;
  workload.id = id;
  workload.version = file.count("version", {.low = 1.0, .high = 1e6});
  file.string("source");
  workload.why = file.string("why");
  workload.tokens_per_rank = read_counts(file, "tokens_per_rank");
  workload.expert_parallel = read_counts(file, "expert_parallel");
  for (text::Reader& entry : file.sections("layers")) {
    workload.layers.push_back(read_layer(entry, workload.expert_parallel));
  }
  file.finish();
  problems.throw_if_any();
  return workload;
}

}  // namespace moeplan::calibrate
