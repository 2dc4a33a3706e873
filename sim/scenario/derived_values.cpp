#include "sim/scenario/derived_values.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/catalog/catalog_file.hpp"
#include "sim/scenario/checker.hpp"
#include "sim/scenario/effective_values.hpp"

namespace moeplan::sim {
namespace {

class Derivation {
 public:
  // file: the scenario's; overrides: what the command line said instead of it.
  Derivation(const ScenarioValues& written, const std::string& file,
             const ScenarioOverrides& overrides)
      : written_(written) {
    for (const Field& field : scenario_fields()) {
      const Mark mark = written.mark(field.path);
      std::string from = written.has(field.path) ? "default" : "no default";
      if (written.given(field.path)) {
        from = fmt::format("{}:{}:{}", file, mark.line, mark.column);
      } else if (field.path == "seed" && overrides.seed) {
        from = "--seed";
      }
      all_.values.push_back({.key = field.path,
                             .texts = written.texts(field.path),
                             .list = field.list,
                             .from = std::move(from)});
    }
  }

  // A value that the file does not give; texts may be empty: there is none to state.
  void derive(const std::string& path, std::vector<std::string> texts, std::string from) {
    if (!written_.given(path)) {
      say(path, std::move(texts), std::move(from));
    }
  }
  // A value that holds whatever the file gives.
  void say(const std::string& path, std::vector<std::string> texts, std::string from) {
    ConfigValue& value = all_.at(path);
    value.texts = std::move(texts);
    value.from = std::move(from);
  }
  const ScenarioValues& written() const { return written_; }
  std::vector<ConfigValue> take() { return std::move(all_.values); }

 private:
  const ScenarioValues& written_;
  EffectiveValues all_;
};

std::string number(std::int64_t value) { return fmt::format("{}", value); }

void derive_model(Derivation& d, const models::SmoeArchitecture& architecture,
                  const std::string& scenario) {
  const std::string file =
      data_file("architectures", resolved(d.written().text("model.architecture"), scenario));
  d.derive("model.precision", {std::string(models::name_of(architecture.weight_precision))},
           file + ": as the checkpoint is stored");
  const models::MoeFfn* moe = first_moe(architecture);
  if (moe != nullptr && !d.written().has("pruning.plan")) {
    d.derive("pruning.experts_kept", {number(moe->experts)}, file + ": unpruned");
  }
}

// What pruning.plan says instead of the scenario.
void derive_pruning_plan(Derivation& d, const Scenario& scenario) {
  if (!scenario.planned) {
    return;
  }
  const std::filesystem::path file =
      std::filesystem::path(scenario.file).parent_path() / d.written().text("pruning.plan");
  const std::string from = "data file " + file.string();
  std::vector<std::string> kept;
  for (const std::int64_t count : scenario.experts_kept) {
    kept.push_back(number(count));
  }
  d.derive("pruning.experts_kept", kept, from + ": beside the unpruned model");
  d.derive("pruning.router", {std::string(models::name_of(scenario.router))}, from);
  d.derive("workload.routing.distribution", {"measured"}, from);
  d.derive("workload.routing.alpha", {}, "no default");
}

// As sim/plan/candidates.cpp takes them.
void derive_layouts(Derivation& d, const Scenario& scenario) {
  std::vector<std::string> splits;
  const std::int64_t most = *std::max_element(scenario.gpus.begin(), scenario.gpus.end());
  for (std::int64_t split = 1; split <= most; split *= 2) {
    if (std::any_of(scenario.gpus.begin(), scenario.gpus.end(),
                    [&](std::int64_t gpus) { return gpus % split == 0; })) {
      splits.push_back(number(split));
    }
  }
  d.derive("parallelism.tensor_parallel", std::move(splits),
           "derived: powers of two that divide the GPUs of a stage of an engine");
  std::vector<std::string> machines;
  for (const HardwareOption& option : scenario.hardware) {
    machines.push_back(
        fmt::format("{} x {}, {}", option.machine.gpus, option.gpu.id, option.fabric.id));
  }
  d.derive("hardware.node", std::move(machines), "derived: the usual node of every GPU");
  if (scenario.disaggregation) {
    const std::string from = "derived: as of a decode engine";
    d.derive("parallelism.disaggregation.prefill_gpus", d.written().texts("hardware.gpus"), from);
    d.derive("parallelism.disaggregation.prefill_tensor_parallel", {},
             from + " where it has as many GPUs, else all its GPUs");
  }
}

void derive_engine(Derivation& d, const Scenario& scenario) {
  const std::string file =
      data_file("architectures", resolved(d.written().text("model.architecture"), scenario.file));
  d.derive("engine.max_model_length", {number(scenario.engine.max_model_length)},
           file + ": positions of the model");
  d.derive("engine.kv_blocks", {}, "derived: for every design, what its memory leaves");
  d.derive("engine.host_time", {}, "derived: for every step, by the law of hardware.profile");
  if (d.written().texts("engine.cuda_graph_sizes") == std::vector<std::string>{"default"}) {
    std::vector<std::string> sizes;
    for (const std::int64_t size : scenario.engine.graph_sizes) {
      sizes.push_back(number(size));
    }
    d.derive("engine.cuda_graph_sizes", std::move(sizes),
             "derived: vLLM's sizes up to the least of 512, 2 max_sequences, max_batched_tokens");
  }
}

void derive_run_length(Derivation& d, const Scenario& scenario,
                       const ScenarioOverrides& overrides) {
  const Workload& w = scenario.workload;
  if (overrides.requests) {
    const bool cut = w.requests < *overrides.requests;
    d.say("workload.requests", {number(w.requests)},
          cut ? "--requests, but at most what the trace has" : "--requests");
    d.say("workload.warmup_requests", {number(w.warmup)}, "derived: a tenth of --requests");
    return;
  }
  if (w.trace) {
    d.derive("workload.requests", {number(w.requests)}, "derived: all that the trace has");
  }
  if (w.kind == ArrivalKind::all_at_once) {
    d.derive("workload.warmup_requests", {"0"}, "derived: a batch that arrives at once has none");
  } else if (w.warmup != d.written().count("workload.warmup_requests")) {
    d.derive("workload.warmup_requests", {number(w.warmup)},
             "derived: a tenth of workload.requests, of a run as short as this");
  }
}

void derive_traffic(Derivation& d, const Scenario& scenario) {
  const Workload& w = scenario.workload;
  const std::filesystem::path folder = std::filesystem::path(scenario.file).parent_path();
  if (w.trace) {
    const std::string from = "data file " + w.trace->file;
    d.derive("workload.trace.format", {name_of(w.trace->format)}, from + ": by its header or keys");
    for (const char* section : {"workload.input_tokens.", "workload.output_tokens."}) {
      for (const char* key : {"distribution", "min", "max"}) {
        d.derive(section + std::string(key), {}, from + ": lengths come with its requests");
      }
    }
  } else if (d.written().has("workload.lengths.file")) {
    const std::filesystem::path file = folder / d.written().text("workload.lengths.file");
    const std::string from = "data file " + file.string();
    d.derive("workload.lengths.format", {}, from + ": found from its header or keys");
    for (const char* section : {"workload.input_tokens.", "workload.output_tokens."}) {
      for (const char* key : {"distribution", "min", "max"}) {
        d.derive(section + std::string(key), {}, from + ": drawn from its lengths");
      }
    }
  }
  if (w.day && !d.written().has("workload.day_length")) {
    d.derive("workload.day_length", {}, "derived: a day is as long as a run of workload.requests");
  }
  if (w.routing.distribution != RoutingDistribution::power_law) {
    d.derive("workload.routing.alpha", {}, "no meaning for this distribution");
  }
  d.derive("workload.source",
           w.source.empty() ? std::vector<std::string>{} : std::vector<std::string>{w.source},
           w.trace ? "derived: from the trace" : "no default");
}

}  // namespace

std::vector<ConfigValue> derived_values(const Scenario& scenario,
                                        const ScenarioOverrides& overrides) {
  Derivation d(scenario.values, scenario.file, overrides);
  derive_model(d, scenario.architecture, scenario.file);
  derive_pruning_plan(d, scenario);
  derive_layouts(d, scenario);
  derive_engine(d, scenario);
  derive_run_length(d, scenario, overrides);
  derive_traffic(d, scenario);
  std::vector<std::string> books;
  for (const std::string& name : scenario.values.texts("prices.book")) {
    books.push_back(models::catalog_file("prices", resolved(name, scenario.file)).string());
  }
  d.derive("prices.as_of", {scenario.prices.as_of.text()},
           "data file " + joined(books) + ": the day the book was made");
  d.derive("prices.provider", {}, "derived: any, the cheapest offer of the tiers");
  return d.take();
}

std::vector<ConfigValue> derived_values(const StaticScenario& scenario) {
  Derivation d(scenario.values, scenario.file, {});
  derive_model(d, scenario.architecture, scenario.file);
  // Keys of serving are refused in the file; their defaults say nothing here.
  for (const Field& field : scenario_fields()) {
    if (!scenario.values.given(field.path) && !reads_static(field.path)) {
      d.say(field.path, {}, "no meaning for static_forward");
    }
  }
  return d.take();
}

}  // namespace moeplan::sim
