#pragma once
// TaskList: all points of a sweep, in a fixed order: the Cartesian product of the axes in the order
// of the field table, the last one changing fastest. Every process that reads the same files makes
// the same list.
//   id   = hash of the canonical scenario (values in base units, whatever the text), the files it
//          names, the catalog, the program's version and how it is evaluated
//   seed = from the id, or one for all

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sim/scenario/scenario.hpp"
#include "sim/scenario/static_scenario.hpp"
#include "sim/sweep/axis.hpp"
#include "sim/sweep/sweep_table.hpp"

namespace moeplan::sim {

// plan: every point is a search over the scenario's designs, as `moeplan plan`; simulate: its one
// design under a given number of engines, as `moeplan simulate`.
enum class Evaluation { plan, simulate };

struct SweepOptions {
  std::string version;  // of the program
  Evaluation evaluation = Evaluation::plan;
  std::int64_t replicas = 1;             // engines, when simulate
  std::optional<std::uint64_t> seed;     // of every task, instead of its own
  std::optional<std::int64_t> requests;  // arrivals a run; the warm-up becomes a tenth of it
  std::int64_t most_tasks = kMostTasks;
};

class TaskList {
 public:
  // Reads the scenario and expands it. Throws: InputError with all problems of the file: wrong
  // values and ranges, points that are there twice, more than most_tasks points, a swept seed
  // beside options.seed, static passes among others or to be planned.
  TaskList(const std::filesystem::path& scenario, SweepOptions options);

  std::int64_t size() const { return static_cast<std::int64_t>(ids_.size()); }
  const std::vector<Axis>& axes() const { return axes_; }
  const SweepOptions& options() const { return options_; }
  const std::string& id(std::int64_t task) const { return ids_[static_cast<std::size_t>(task)]; }
  std::uint64_t seed(std::int64_t task) const;
  // The scenario's key-value pairs at a point.
  ScenarioValues values(std::int64_t task) const;
  // "workload.rate 100 requests/s, pruning.experts_kept 64": for messages.
  std::string describe(std::int64_t task) const;

  // The scenario of a point; files are read once for all. Safe from any thread.
  // requests: instead of those of the sweep, for a trial.
  // Throws: InputError where its values do not go together, or it cannot be evaluated so.
  Scenario scenario(std::int64_t task, std::optional<std::int64_t> requests = std::nullopt) const;

  // engine.regime: static_forward: points are closed forms of one pass each. There is nothing to
  // search for, so what would be candidates (experts kept, GPUs and their number) are axes.
  bool is_static() const { return static_; }
  // The scenario of such a point. Safe from any thread. Throws: as scenario().
  StaticScenario static_scenario(std::int64_t task) const;
  // Throws what the point's scenario would.
  void check(std::int64_t task) const;

  // What a point costs compared with others: requests over all runs of its designs. Without
  // reading a trace or a model, so it is a guess.
  double predicted_work(std::int64_t task) const { return work_[static_cast<std::size_t>(task)]; }

  // One column an axis, then what every evaluation gives.
  const SweepInfo& info() const { return info_; }
  // The cells of the axes' columns.
  std::vector<Cell> axis_cells(std::int64_t task) const;

 private:
  std::vector<std::size_t> choice(std::int64_t task) const;  // [axes] which value
  ScenarioValues values_at(std::int64_t task) const;
  std::int64_t count_tasks() const;
  void make_ids();
  void predict_work();
  void describe_columns();
  std::string files_of(const ScenarioValues& values) const;
  void make_static();
  void check_one_design(const Scenario& scenario) const;

  std::filesystem::path path_;
  std::string sha256_;
  SweepOptions options_;
  ScenarioValues fixed_;
  std::vector<Axis> axes_;
  std::vector<std::string> ids_;  // [tasks]
  std::vector<double> work_;      // [tasks]
  SweepInfo info_;
  bool static_ = false;
  std::unique_ptr<InputCache> inputs_;
};

}  // namespace moeplan::sim
