#pragma once
// EffectiveValues: what a scenario means, for --print-config: every key with its value and where
// that came from - the file and line, the command line, a default, a derivation, a data file - and
// what the named data files of the catalog gave. Read by people and programs, never by the planner.

#include <cstdint>
#include <string>
#include <vector>

#include "models/text/json.hpp"
#include "sim/scenario/scenario.hpp"
#include "sim/scenario/static_scenario.hpp"

namespace moeplan::sim {

// A key, what it is, and from where.
struct ConfigValue {
  std::string key;                 // of the field table, or "catalog.gpu.h100-sxm.memory"
  std::vector<std::string> texts;  // as written, with units; empty: not set
  bool list = false;               // the key takes several
  std::string from;
};

struct EffectiveValues {
  std::vector<ConfigValue> values;  // the keys of the field table first, in its order

  // Throws: std::logic_error for a key that is not there.
  ConfigValue& at(const std::string& key);
  // Lines "key value from".
  std::string print() const;
  // {key: {"value": text, list of texts or null, "from": text}}.
  text::Json json() const;
};

// from of a value is one of
//   FILE:LINE:COLUMN            the scenario
//   --FLAG                      the command line
//   default                     of the field table (scenarios/README.md)
//   derived: RULE               from other values
//   data file FILE[: WHAT]      the catalog's, or one that the scenario names
//   no default                  not set, and it need not be
// overrides: those that the scenario was loaded with.
EffectiveValues effective_values(const Scenario& scenario, const ScenarioOverrides& overrides = {});
EffectiveValues effective_values(const StaticScenario& scenario);

// Parts of it, for files that name the same things (a pretraining study). Keys begin with
// "catalog.".
// name: as the file wrote it, a path already resolved.
std::vector<ConfigValue> architecture_values(const models::SmoeArchitecture& architecture,
                                             const std::string& name);
// Of the GPU's own file; the fabrics are its machine's.
std::vector<ConfigValue> gpu_values(const models::Gpu& gpu, const std::string& name);
// The offers of the books (ids or paths) that the tiers and the provider leave for these GPUs.
std::vector<ConfigValue> price_values(const std::vector<std::string>& books,
                                      const PriceOptions& prices,
                                      const std::vector<std::string>& gpus);
// "512", "[1, 2]", "(not set)".
std::string shown(const ConfigValue& value);
// One "key value from" line of print().
std::string config_line(const std::string& key, const std::string& value, const std::string& from);
// "data file PATH".
std::string data_file(const std::string& folder, const std::string& id_or_path);

}  // namespace moeplan::sim
