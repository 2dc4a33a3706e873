// The section `inference` of a study: what a pruned model costs when it runs.

#include <fmt/format.h>

#include <algorithm>

#include "models/architecture/counts.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/profile.hpp"
#include "sim/plan/plan.hpp"
#include "sim/scenario/checker.hpp"
#include "sim/study/study_keys.hpp"

namespace moeplan::sim {
namespace {

constexpr text::Range kCount{.low = 1.0, .high = 1e6};

StaticHardware load_static_hardware(const std::string& id) {
  const models::Gpu gpu = models::load_gpu(id);
  const models::Fabric fabric = models::load_fabric(gpu.fabric);
  const models::Profile law = models::load_profile(models::static_forward_path(id));
  if (law.hardware != id || law.laws.size() != 1) {
    throw InputError({.code = "E_VALUE",
                      .what = "not the law of static passes of " + id,
                      .got = fmt::format("{} laws of {}", law.laws.size(), law.hardware),
                      .expected = "one law, of this GPU"});
  }
  return {gpu, fabric, models::StaticForward(law.laws.front(), gpu, fabric)};
}

std::optional<StaticScenario> read_static(text::Reader& section,
                                          const models::SmoeArchitecture& architecture,
                                          const std::vector<std::int64_t>& kept) {
  text::Reader point = section.section("static_forward");
  const std::string gpu = point.string("gpu");
  StaticScenario scenario;
  scenario.architecture = architecture;
  scenario.experts_kept = kept;
  scenario.gpus = {point.count("gpus", kCount)};
  scenario.expert_ranks = point.count("expert_ranks", kCount);
  scenario.sequences_per_gpu = point.count("sequences_per_gpu", kCount);
  scenario.sequence_length = point.count("sequence_length", kCount);
  scenario.source = point.string("source");
  std::optional<StaticHardware> hardware;
  if (!gpu.empty()) {
    hardware = loaded(point, "gpu", [&] { return load_static_hardware(gpu); });
  }
  point.finish();
  if (!hardware) {
    return std::nullopt;
  }
  scenario.hardware.push_back(std::move(*hardware));
  return scenario;
}

// The same model but for its number of experts.
bool same_model(const models::SmoeArchitecture& a, const models::SmoeArchitecture& b) {
  return a.hidden == b.hidden && a.layers.size() == b.layers.size() &&
         a.moe_layers() == b.moe_layers();
}

void check_model(text::Reader& section, const models::SmoeArchitecture& ours,
                 const models::SmoeArchitecture& theirs, const std::vector<std::int64_t>& kept,
                 const std::vector<std::int64_t>& runs) {
  if (!same_model(ours, theirs)) {
    section.problem("scenario", "E_VALUE",
                    fmt::format("its model.architecture {} is not the study's", theirs.name),
                    fmt::format("{}, or the same with another number of experts", ours.name));
  }
  std::vector<std::string> lacking;
  for (const std::int64_t count : kept) {
    if (std::find(runs.begin(), runs.end(), count) == runs.end()) {
      lacking.push_back(fmt::format("{}", count));
    }
  }
  if (!lacking.empty()) {
    section.problem("scenario", "E_VALUE",
                    "its pruning.experts_kept lacks counts of the study: " + joined(lacking),
                    "a candidate for every number of experts kept");
  }
}

std::optional<std::variant<StaticScenario, Scenario>> read_scenario(
    text::Reader& section, const models::SmoeArchitecture& architecture,
    const std::vector<std::int64_t>& kept, const std::filesystem::path& study,
    std::optional<std::uint64_t> seed) {
  const std::string name = section.string("scenario");
  if (name.empty()) {
    return std::nullopt;
  }
  const std::filesystem::path path = resolved(name, study);
  std::optional<std::variant<StaticScenario, Scenario>> found =
      loaded(section, "scenario", [&]() -> std::variant<StaticScenario, Scenario> {
        if (is_static_scenario(path)) {
          return load_static_scenario(path);
        }
        Scenario serving = load_scenario(path, {.seed = seed});
        refuse_unplanned(serving);
        return serving;
      });
  if (!found) {
    return found;
  }
  if (auto* fixed = std::get_if<StaticScenario>(&*found)) {
    check_model(section, architecture, fixed->architecture, kept, fixed->experts_kept);
    fixed->experts_kept = kept;
    if (fixed->hardware.size() != 1 || fixed->gpus.size() != 1) {
      section.problem("scenario", "E_VALUE", "it has several static passes for one expert count",
                      "one hardware.gpu and one hardware.gpus");
    }
  } else {
    const Scenario& serving = std::get<Scenario>(*found);
    check_model(section, architecture, serving.architecture, kept, serving.experts_kept);
  }
  return found;
}

}  // namespace

std::optional<std::variant<StaticScenario, Scenario>> read_inference(
    text::Reader& file, const models::SmoeArchitecture& architecture,
    const std::vector<std::int64_t>& kept, const std::filesystem::path& path,
    std::optional<std::uint64_t> seed) {
  text::Reader section = file.section("inference");
  std::optional<std::variant<StaticScenario, Scenario>> inference;
  if (file.has("inference")) {
    if (section.has("static_forward") == section.has("scenario")) {
      section.problem(section.has("scenario") ? "scenario" : "static_forward", "E_VALUE",
                      "one of static_forward and scenario says how the model runs", "one of them");
      section.optional_node("static_forward");
      section.optional_node("scenario");
    } else if (section.has("static_forward")) {
      if (auto fixed = read_static(section, architecture, kept)) {
        inference = std::move(*fixed);
      }
    } else {
      inference = read_scenario(section, architecture, kept, path, seed);
    }
  }
  section.finish();
  return inference;
}

}  // namespace moeplan::sim
