#pragma once
// The paper's experiment at laptop scale (Sarkar et al., arXiv:2409.01483): for several seeds,
// pretrain networks of different expert counts on one problem, prune the larger ones for every task
// by every method to every smaller count, fine-tune all on the task, and evaluate. The small
// networks that pruning competes with are those pretrained from scratch at the same size.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "models/laboratory/problem.hpp"
#include "models/laboratory/train.hpp"
#include "models/pruning/pruning_plan.hpp"
#include "models/text/json.hpp"

namespace moeplan::models {

struct LaboratoryOptions {
  ProblemShape problem;
  std::int64_t intermediate = 8;  // neurons of an expert
  std::int64_t layers = 2;
  std::vector<std::int64_t> sizes;   // experts pretrained, ascending; 1 is the dense baseline
  std::vector<std::int64_t> pruned;  // of these, the ones that are pruned
  std::vector<PruningMethod> methods;
  std::vector<RouterMode> routers;  // reinitialised, sliced
  std::int64_t seeds = 1;           // each with a problem, weights and data of its own
  std::uint64_t seed = 1;
  Schedule pretraining;
  Schedule router_tuning;  // of a reinitialised router alone; the others are tuned that longer
  Schedule tuning;
  std::int64_t task_samples = 2000;  // to prune and fine-tune with
  std::int64_t test_samples = 4000;  // per task and seed

  // Smaller sizes, at least 2, that a network of so many experts is pruned to.
  std::vector<std::int64_t> counts_below(std::int64_t experts) const;
  // Everything above: what a result depends on.
  text::Json json() const;
  // Throws: std::logic_error for sizes that are not ascending, empty lists, counts below 1.
  void check() const;
};

// 8, 16 and 32 experts, several seeds: minutes on two cores.
LaboratoryOptions full_laboratory();
// The same in miniature, for tests and a first look: seconds.
LaboratoryOptions quick_laboratory();

// One evaluated network.
struct LabRow {
  std::int64_t seed = 0;  // 0 to seeds - 1
  std::int64_t task = 0;
  std::string method = "none";  // "none": not pruned
  std::string router = "trained";
  std::int64_t pretrained = 0;
  std::int64_t kept = 0;           // experts per layer, on average
  std::optional<double> before;    // accuracy before fine-tuning
  std::optional<double> accuracy;  // after it
  std::string refused;             // why the method could not prune
};

// A pretrained network.
struct LabNetwork {
  Network network;
  double dropped = 0.0;   // share of tokens over capacity in pretraining
  double accuracy = 0.0;  // on pretraining's own distribution
};

struct LabResult {
  LaboratoryOptions options;
  std::vector<LabRow> rows;                     // by seed, pretrained, task, method, router, kept
  std::vector<std::vector<double>> bayes;       // [seeds][tasks], the limit on the test samples
  std::vector<std::vector<double>> dropped;     // [seeds][sizes]
  std::vector<std::vector<double>> pretrained;  // [seeds][sizes], accuracy
  std::vector<double> bayes_pretraining;        // [seeds]
  std::vector<std::int64_t> parameters;         // [sizes]
};

// Where finished parts are kept, so that an interrupted run can go on; called from several threads,
// for different parts.
class LabStore {
 public:
  virtual ~LabStore() = default;
  virtual std::optional<LabNetwork> network(std::int64_t seed, std::int64_t experts) = 0;
  virtual void keep(std::int64_t seed, std::int64_t experts, const LabNetwork& network) = 0;
  virtual std::optional<std::vector<LabRow>> rows(std::int64_t seed, std::int64_t experts,
                                                  std::int64_t task) = 0;
  virtual void keep(std::int64_t seed, std::int64_t experts, std::int64_t task,
                    const std::vector<LabRow>& rows) = 0;
  // Router logits of the task's samples; `logits` makes them where they are wanted.
  virtual void keep_router_data(std::int64_t seed, std::int64_t experts, std::int64_t task,
                                const std::function<std::vector<FloatMatrix>()>& logits) = 0;
};

struct LabHooks {
  StepHook step = [] {};  // before every training step, from any thread; ends it by an exception
  std::function<void(std::int64_t done, std::int64_t all)> part = [](auto, auto) {
  };  // one at a time
};

// A function of the options alone, for any number of threads and interruptions.
// store: nullptr: nothing is kept.
LabResult run_laboratory(const LaboratoryOptions& options, LabStore* store, int threads,
                         const LabHooks& hooks);

}  // namespace moeplan::models
