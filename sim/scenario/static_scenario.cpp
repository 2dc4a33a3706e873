#include "sim/scenario/static_scenario.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/catalog/catalog.hpp"
#include "models/text/load.hpp"
#include "sim/scenario/checker.hpp"

namespace moeplan::sim {
namespace {

// All keys that a static pass reads.
const std::vector<std::string> kRead = {"name",
                                        "model.architecture",
                                        "model.precision",
                                        "hardware.gpu",
                                        "hardware.gpus",
                                        "hardware.profile",
                                        "engine.regime",
                                        "pruning.experts_kept",
                                        "parallelism.exchange",
                                        "workload.batch",
                                        "workload.sequence_length",
                                        "parallelism.expert_parallel_size",
                                        "workload.source"};

void refuse_serving_keys(Checker& check, const ScenarioValues& values) {
  for (const Field& field : scenario_fields()) {
    if (values.given(field.path) && !reads_static(field.path)) {
      check.problem(field.path, "E_VALUE", field.path + " has no meaning for static_forward",
                    joined(kRead));
    }
  }
}

void check_choices(Checker& check, const ScenarioValues& values) {
  if (values.texts("parallelism.exchange") != std::vector<std::string>{"capacity_padded"}) {
    check.problem("parallelism.exchange", "E_VALUE",
                  "static_forward exchanges buffers padded to capacity", "capacity_padded");
  }
  for (const char* key : {"workload.batch", "workload.sequence_length"}) {
    if (!values.has(key)) {
      check.problem(key, "E_MISSING", fmt::format("static_forward needs {}", key),
                    "a whole number");
    }
  }
  if (values.text("hardware.profile") == "datasheet") {
    check.problem("hardware.profile", "E_VALUE",
                  "no data sheet states the host times that make most of a static pass",
                  "catalog, or the id or path of a fitted law");
  }
}

std::optional<StaticHardware> read_static_hardware(Checker& check, const ScenarioValues& values,
                                                   const std::filesystem::path& path,
                                                   const std::string& id, std::size_t item) {
  const auto gpu = check.loaded("hardware.gpu", item, [&] {
    return *check.inputs().get<models::Gpu>(id, [&] { return models::load_gpu(id); });
  });
  if (!gpu) {
    return std::nullopt;
  }
  const std::string profile = values.text("hardware.profile");
  const std::string key = profile == "catalog" ? "hardware.gpu" : "hardware.profile";
  const std::string cached = "static " + id + " by " + resolved(profile, path);
  const auto found = check.loaded(key, profile == "catalog" ? item : 0, [&] {
    return check.inputs().get<StaticHardware>(cached, [&] {
      const models::Fabric fabric = models::load_fabric(gpu->fabric);
      const models::Profile law = models::load_profile(
          models::static_forward_path(profile == "catalog" ? id : resolved(profile, path)));
      if (law.hardware != id || law.laws.size() != 1) {
        throw InputError({.code = "E_VALUE",
                          .what = "not the law of static passes of " + id,
                          .got = fmt::format("{} laws of {}", law.laws.size(), law.hardware),
                          .expected = "one law, of this GPU"});
      }
      return StaticHardware{*gpu, fabric, models::StaticForward(law.laws.front(), *gpu, fabric)};
    });
  });
  return found ? std::optional(**found) : std::nullopt;
}

}  // namespace

bool reads_static(const std::string& path) {
  return std::find(kRead.begin(), kRead.end(), path) != kRead.end();
}

bool is_static_scenario(const std::filesystem::path& path) {
  const text::Document document = text::load_yaml(path);
  const text::Node* engine =
      document.root.kind == text::Kind::map ? document.root.find("engine") : nullptr;
  const text::Node* regime =
      engine != nullptr && engine->kind == text::Kind::map ? engine->find("regime") : nullptr;
  return regime != nullptr && regime->scalar == "static_forward";
}

StaticScenario load_static_scenario(const std::filesystem::path& path) {
  const std::string content = text::read_file(path);
  const text::Document document = text::parse_yaml(content, path.string());
  text::Problems problems(document);
  ScenarioValues values = ScenarioValues::parse(document, problems);
  problems.throw_if_any();

  InputCache inputs;
  return make_static_scenario(std::move(values), path, text::sha256(content), inputs);
}

StaticScenario make_static_scenario(ScenarioValues values, const std::filesystem::path& path,
                                    const std::string& sha256, InputCache& inputs) {
  text::Problems problems(path.string());
  Checker check(values, problems, &inputs);
  refuse_serving_keys(check, values);
  check_choices(check, values);
  const auto architecture = check.loaded("model.architecture", [&] {
    const std::string name = resolved(values.text("model.architecture"), path);
    return *inputs.get<models::SmoeArchitecture>(name,
                                                 [&] { return models::load_architecture(name); });
  });
  std::vector<StaticHardware> hardware;
  const std::vector<std::string> ids = values.texts("hardware.gpu");
  for (std::size_t i = 0; i < ids.size() && values.text("hardware.profile") != "datasheet"; ++i) {
    if (auto option = read_static_hardware(check, values, path, ids[i], i)) {
      hardware.push_back(std::move(*option));
    }
  }
  check.throw_if_any();

  const models::Precision precision = values.has("model.precision")
                                          ? *models::precision_from(values.text("model.precision"))
                                          : architecture->weight_precision;
  if (precision != models::Precision::bf16) {
    check.problem("model.precision", "E_VALUE", "the law of static passes was fitted to bf16",
                  "bf16");
  }
  std::vector<std::int64_t> kept = read_experts(check, values, *architecture);
  check.throw_if_any();
  StaticScenario scenario{
      .name = values.text("name"),
      .file = path.string(),
      .sha256 = sha256,
      .architecture = *architecture,
      .experts_kept = kept.empty() ? std::vector<std::int64_t>{0} : std::move(kept),
      .hardware = std::move(hardware),
      .gpus = values.counts("hardware.gpus"),
      .expert_ranks = values.count("parallelism.expert_parallel_size"),
      .sequences_per_gpu = values.count("workload.batch"),
      .sequence_length = values.count("workload.sequence_length"),
      .source = values.text("workload.source"),
      .values = {},
  };
  scenario.values = std::move(values);
  return scenario;
}

}  // namespace moeplan::sim
