#include "sim/scenario/effective_values.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/catalog/catalog.hpp"
#include "models/catalog/catalog_file.hpp"
#include "models/units/parse.hpp"
#include "models/units/require.hpp"
#include "sim/scenario/checker.hpp"
#include "sim/scenario/derived_values.hpp"

namespace moeplan::sim {
namespace {

using Rows = std::vector<ConfigValue>;

ConfigValue row(std::string key, std::string value, std::string from) {
  return {
      .key = std::move(key), .texts = {std::move(value)}, .list = false, .from = std::move(from)};
}

void append(Rows& rows, Rows more) {
  for (ConfigValue& value : more) {
    rows.push_back(std::move(value));
  }
}

Rows fabric_values(const models::Fabric& fabric) {
  const std::string from = data_file("fabrics", fabric.id);
  const std::string key = "catalog.fabric." + fabric.id + ".";
  return {row(key + "bandwidth", to_text(fabric.bandwidth), from),
          row(key + "latency", to_text(fabric.latency), from)};
}

// Which machine the GPU is in, and which laws price its kernels.
Rows hardware_values(const Scenario& scenario) {
  Rows rows;
  const std::vector<std::string> names = scenario.values.texts("hardware.gpu");
  const std::string profile = scenario.values.text("hardware.profile");
  for (const HardwareOption& option : scenario.hardware) {
    std::string name = option.gpu.id;
    for (const std::string& written : names) {
      if (is_path(written) && std::filesystem::path(written).stem() == option.gpu.id) {
        name = resolved(written, scenario.file);
      }
    }
    append(rows, gpu_values(option.gpu, name));
    const std::string machine = "catalog.machine." + option.label() + ".";
    const std::string of_node =
        option.node.empty() ? data_file("gpus", name) : data_file("nodes", option.node);
    rows.push_back(row(machine + "gpus", fmt::format("{}", option.machine.gpus), of_node));
    rows.push_back(row(machine + "fabric", option.fabric.id, of_node));
    rows.push_back(row(machine + "uplink", option.uplink.id, of_node));
    append(rows, fabric_values(option.fabric));
    append(rows, fabric_values(option.uplink));
    if (option.profile == nullptr) {
      rows.push_back(row(machine + "laws", "of the data sheet",
                         profile == "datasheet"
                             ? "hardware.profile: datasheet"
                             : "derived: the catalog has no profile of this GPU"));
    } else {
      const bool named = profile != "catalog" && option.profile->id != option.gpu.id;
      const std::string file = named ? resolved(profile, scenario.file) : option.gpu.id;
      rows.push_back(row(machine + "laws", fmt::format("{} fitted", option.profile->laws.size()),
                         data_file("profiles", file)));
    }
  }
  return rows;
}

Rows accuracy_values(const Scenario& scenario) {
  if (!scenario.accuracy) {
    return {};
  }
  const models::AccuracyCurve& curve = *scenario.accuracy;
  const std::string name = resolved(scenario.values.text("accuracy.curve"), scenario.file);
  Rows rows;
  std::vector<std::string> points;
  for (const models::AccuracyPoint& point : curve.points()) {
    points.push_back(fmt::format("{}: {:g}", point.experts_kept, point.value));
  }
  rows.push_back(row("catalog.accuracy." + curve.description().id + ".by_experts_kept",
                     joined(points), data_file("accuracy", name)));
  return rows;
}

// A fabric or GPU of two machines is one thing.
Rows each_once(Rows rows) {
  Rows out;
  for (ConfigValue& value : rows) {
    const bool known = std::any_of(out.begin(), out.end(),
                                   [&](const ConfigValue& o) { return o.key == value.key; });
    if (!known) {
      out.push_back(std::move(value));
    }
  }
  return out;
}

}  // namespace

std::string config_line(const std::string& key, const std::string& value, const std::string& from) {
  return fmt::format("{:<38} {:<34} {}\n", key, value, from);
}

std::string data_file(const std::string& folder, const std::string& id_or_path) {
  return "data file " + models::catalog_file(folder, id_or_path).string();
}

std::string shown(const ConfigValue& value) {
  if (value.texts.empty()) {
    return "(not set)";
  }
  return value.list || value.texts.size() > 1 ? "[" + joined(value.texts) + "]"
                                              : value.texts.front();
}

ConfigValue& EffectiveValues::at(const std::string& key) {
  const auto found = std::find_if(values.begin(), values.end(),
                                  [&](const ConfigValue& value) { return value.key == key; });
  require(found != values.end(), "a scenario has no such key");
  return *found;
}

std::string EffectiveValues::print() const {
  std::string out;
  for (const ConfigValue& value : values) {
    out += config_line(value.key, shown(value), value.from);
  }
  return out;
}

text::Json EffectiveValues::json() const {
  text::Json out = text::Json::object();
  for (const ConfigValue& value : values) {
    text::Json held;
    if (!value.texts.empty()) {
      held = value.list || value.texts.size() > 1 ? text::Json(value.texts)
                                                  : text::Json(value.texts.front());
    }
    out.set(value.key, text::Json::object().set("value", std::move(held)).set("from", value.from));
  }
  return out;
}

std::vector<ConfigValue> architecture_values(const models::SmoeArchitecture& architecture,
                                             const std::string& name) {
  const std::string file = data_file("architectures", name);
  const std::string key = "catalog.model." + architecture.name + ".";
  const auto count = [&](const char* what, std::size_t value) {
    return row(key + what, fmt::format("{}", value), file);
  };
  Rows rows = {count("layers", architecture.layers.size()),
               count("hidden", static_cast<std::size_t>(architecture.hidden)),
               count("vocabulary", static_cast<std::size_t>(architecture.vocabulary)),
               count("moe_layers", architecture.moe_layers().size())};
  if (const models::MoeFfn* moe = first_moe(architecture)) {
    rows.push_back(count("experts", static_cast<std::size_t>(moe->experts)));
    rows.push_back(count("top_k", static_cast<std::size_t>(moe->top_k)));
    rows.push_back(count("expert_intermediate", static_cast<std::size_t>(moe->intermediate)));
  }
  rows.push_back(row(key + "weight_precision",
                     std::string(models::name_of(architecture.weight_precision)), file));
  return rows;
}

std::vector<ConfigValue> gpu_values(const models::Gpu& gpu, const std::string& name) {
  const std::string from = data_file("gpus", name);
  const std::string key = "catalog.gpu." + gpu.id + ".";
  Rows rows = {row(key + "memory", to_text(gpu.memory), from),
               row(key + "bandwidth", to_text(gpu.bandwidth), from)};
  for (const auto& [precision, rate] : gpu.peak) {
    rows.push_back(
        row(key + "peak." + std::string(models::name_of(precision)), to_text(rate), from));
  }
  return rows;
}

std::vector<ConfigValue> price_values(const std::vector<std::string>& books,
                                      const PriceOptions& prices,
                                      const std::vector<std::string>& gpus) {
  const auto has = [](const std::vector<std::string>& list, const std::string& wanted) {
    return std::find(list.begin(), list.end(), wanted) != list.end();
  };
  Rows rows;
  for (const std::string& name : books) {
    const models::PriceBook book = models::load_price_book(name);
    for (const models::Price& price : book.prices()) {
      const bool provided =
          prices.provider.empty() || price.tier == "owned" || price.provider == prices.provider;
      if (has(gpus, price.gpu) && has(prices.tiers, price.tier) && provided) {
        rows.push_back(
            row("catalog.price." + price.id,
                fmt::format("{} for {} x {}", to_text(price.rent), price.gpus, price.gpu),
                fmt::format("{}: {}, {}, seen {}", data_file("prices", name), price.tier,
                            price.provider, price.as_of.text())));
      }
    }
  }
  return rows;
}

EffectiveValues effective_values(const Scenario& scenario, const ScenarioOverrides& overrides) {
  EffectiveValues all{derived_values(scenario, overrides)};
  const std::string model = resolved(scenario.values.text("model.architecture"), scenario.file);
  append(all.values, architecture_values(scenario.architecture, model));
  append(all.values, hardware_values(scenario));
  append(all.values, accuracy_values(scenario));
  std::vector<std::string> books;
  for (const std::string& name : scenario.values.texts("prices.book")) {
    books.push_back(resolved(name, scenario.file));
  }
  std::vector<std::string> gpus;
  for (const HardwareOption& option : scenario.hardware) {
    gpus.push_back(option.gpu.id);
  }
  append(all.values, price_values(books, scenario.prices, gpus));
  all.values = each_once(std::move(all.values));
  return all;
}

EffectiveValues effective_values(const StaticScenario& scenario) {
  EffectiveValues all{derived_values(scenario)};
  const std::string model = resolved(scenario.values.text("model.architecture"), scenario.file);
  append(all.values, architecture_values(scenario.architecture, model));
  const std::string profile = scenario.values.text("hardware.profile");
  for (const StaticHardware& option : scenario.hardware) {
    append(all.values, gpu_values(option.gpu, option.gpu.id));
    append(all.values, fabric_values(option.fabric));
    const std::string law = profile == "catalog" ? option.gpu.id : resolved(profile, scenario.file);
    all.values.push_back(row("catalog.machine." + option.gpu.id + ".laws", "1 of static passes",
                             data_file("static_forward", law)));
  }
  all.values = each_once(std::move(all.values));
  return all;
}

}  // namespace moeplan::sim
