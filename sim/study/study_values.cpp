#include "sim/study/study_values.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/scenario/checker.hpp"
#include "sim/scenario/effective_values.hpp"

namespace moeplan::sim {
namespace {

// Keys that a study file may leave out, with what they mean then.
struct Fallback {
  const char* key;
  const char* value;  // "": none
  const char* from;
};
constexpr Fallback kFallbacks[] = {
    {"pretraining.recompute.value", "selective", "default"},
    {"finetuning.tokens", "", "no default: fine-tuning is not priced"},
    {"prices.provider", "", "derived: any, the cheapest offer of the tier"},
    {"objectives.quality_floor", "", "no default: the most accurate option is wanted"},
    {"objectives.quality_tolerance", "0", "default"},
    {"objectives.pretraining_budget", "", "no default"},
    {"objectives.latency", "", "no default"},
};

bool states(const std::vector<StudyValue>& values, const std::string& key) {
  return std::any_of(values.begin(), values.end(),
                     [&](const StudyValue& value) { return value.key == key; });
}

std::string written(const PretrainingStudy& study, const std::string& key) {
  for (const StudyValue& value : study.values) {
    if (value.key == key) {
      return value.value;
    }
  }
  return "";
}

StudyValue plain(const ConfigValue& value) {
  return {.key = value.key, .value = shown(value), .from = value.from};
}

void add(std::vector<StudyValue>& values, const std::vector<ConfigValue>& more) {
  for (const ConfigValue& value : more) {
    if (!states(values, value.key)) {
      values.push_back(plain(value));
    }
  }
}

// The scenario that says how the models run; its keys under those of the section.
void add_scenario(EffectiveValues all, std::vector<StudyValue>& values) {
  for (ConfigValue& value : all.values) {
    if (find_field(value.key) != nullptr) {
      value.key = "inference." + value.key;
    }
  }
  add(values, all.values);
}

void add_inference(const PretrainingStudy& study, std::optional<std::uint64_t> seed,
                   std::vector<StudyValue>& values) {
  if (const auto* serving = std::get_if<Scenario>(&study.inference)) {
    add_scenario(effective_values(*serving, {.seed = seed, .requests = {}}), values);
    return;
  }
  const auto& fixed = std::get<StaticScenario>(study.inference);
  if (!fixed.file.empty()) {
    add_scenario(effective_values(fixed), values);
    return;
  }
  const models::Gpu& gpu = fixed.hardware.front().gpu;
  add(values, gpu_values(gpu, gpu.id));
  add(values, {{.key = "catalog.machine." + gpu.id + ".laws",
                .texts = {"1 of static passes"},
                .list = false,
                .from = data_file("static_forward", gpu.id)}});
}

std::string accuracy_rows(const PretrainingStudy& study) {
  return fmt::format("{} rows", study.table.rows.size());
}

}  // namespace

std::vector<StudyValue> effective_values(const PretrainingStudy& study,
                                         std::optional<std::uint64_t> seed) {
  std::vector<StudyValue> values = study.values;
  for (const Fallback& fallback : kFallbacks) {
    if (!states(values, fallback.key)) {
      values.push_back({.key = fallback.key,
                        .value = *fallback.value == '\0' ? "(not set)" : fallback.value,
                        .from = fallback.from});
    }
  }
  add(values, architecture_values(study.architecture,
                                  resolved(written(study, "architecture"), study.file)));
  const std::string node = "catalog.machine." + study.pretraining.node + ".";
  const models::Gpu& gpu = study.pretraining.gpu;
  const std::string from = data_file("nodes", study.pretraining.node);
  values.push_back({.key = node + "gpus",
                    .value = fmt::format("{} x {}", gpu.gpus_per_node, gpu.id),
                    .from = from});
  values.push_back({.key = node + "fabric", .value = gpu.fabric, .from = from});
  values.push_back({.key = node + "uplink", .value = gpu.uplink, .from = from});
  add(values, gpu_values(gpu, gpu.id));
  values.push_back({.key = "catalog.accuracy." + study.table.description.id,
                    .value = accuracy_rows(study),
                    .from = data_file("accuracy/tables",
                                      resolved(written(study, "accuracy.table"), study.file))});
  std::vector<std::string> gpus = {gpu.id};
  if (const auto* fixed = std::get_if<StaticScenario>(&study.inference)) {
    gpus.push_back(fixed->hardware.front().gpu.id);
  }
  add(values, price_values({written(study, "prices.book")}, study.prices, gpus));
  add_inference(study, seed, values);
  return values;
}

}  // namespace moeplan::sim
