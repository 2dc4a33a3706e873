#include "models/laboratory/experiment.hpp"

#include <algorithm>
#include <mutex>

#include "models/laboratory/prune_network.hpp"
#include "models/pruning/parallel.hpp"
#include "models/routing/split_mix.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

// Names of sample sets and random streams.
enum Stream : std::uint64_t {
  kPretraining = 1,
  kTraining = 2,
  kTest = 3,
  kWeights = 4,
  kOrder = 5
};

class Experiment {
 public:
  Experiment(const LaboratoryOptions& options, LabStore* store, int threads, const LabHooks& hooks)
      : options_(options), store_(store), threads_(threads), hooks_(hooks) {
    options.check();
    for (std::int64_t s = 0; s < options.seeds; ++s) {
      problems_.emplace_back(options.problem, key(s, 0));
    }
  }

  LabResult run() {
    const auto seeds = static_cast<std::size_t>(options_.seeds);
    const std::size_t sizes = options_.sizes.size();
    const auto tasks = static_cast<std::size_t>(options_.problem.tasks);
    all_ = static_cast<std::int64_t>(seeds * sizes * (1 + tasks));
    std::vector<LabNetwork> networks(seeds * sizes);
    for_each_index(networks.size(), threads_, [&](std::size_t i) {
      networks[i] = pretrained(static_cast<std::int64_t>(i / sizes), options_.sizes[i % sizes]);
      finished();
    });
    std::vector<std::vector<LabRow>> rows(networks.size() * tasks);
    for_each_index(rows.size(), threads_, [&](std::size_t i) {
      const std::size_t n = i / tasks;
      rows[i] = tuned(static_cast<std::int64_t>(n / sizes), options_.sizes[n % sizes],
                      static_cast<std::int64_t>(i % tasks), networks[n].network);
      finished();
    });
    return gathered(networks, rows);
  }

 private:
  // Different for every seed and purpose, the same for every size: runs of a seed are paired.
  std::uint64_t key(std::int64_t seed, std::uint64_t purpose) const {
    return split_mix(split_mix(options_.seed) ^ (static_cast<std::uint64_t>(seed) * 64 + purpose));
  }

  void finished() {
    const std::lock_guard lock(mutex_);
    hooks_.part(++done_, all_);
  }

  const RegimeProblem& problem(std::int64_t seed) const {
    return problems_[static_cast<std::size_t>(seed)];
  }
  Samples test_set(std::int64_t seed, std::optional<std::int64_t> task) const {
    return problem(seed).draw(task, kTest, options_.test_samples);
  }

  LabNetwork pretrained(std::int64_t seed, std::int64_t experts) const {
    if (store_ != nullptr) {
      if (auto kept = store_->network(seed, experts)) {
        return std::move(*kept);
      }
    }
    const NetworkShape shape{.hidden = options_.problem.inputs(),
                             .intermediate = options_.intermediate,
                             .classes = options_.problem.classes,
                             .layers = options_.layers,
                             .experts = experts};
    LabNetwork result;
    result.network =
        random_network(shape, key(seed, kWeights) + static_cast<std::uint64_t>(experts));
    result.dropped =
        pretrain(result.network, problem(seed), options_.pretraining, kPretraining, hooks_.step);
    result.accuracy = accuracy(result.network, test_set(seed, std::nullopt));
    if (store_ != nullptr) {
      store_->keep(seed, experts, result);
    }
    return result;
  }

  // The row's network after fine-tuning. A reinitialised router is tuned alone first, as in the
  // paper; everything else gets these steps too, so that all see as many samples.
  void tune(Network network, const Samples& samples, const Samples& test, LabRow& row) const {
    row.before = accuracy(network, test);
    Schedule tuning = options_.tuning;
    const std::uint64_t order = key(row.seed, kOrder);
    if (row.router == name_of(RouterMode::reinitialised)) {
      fine_tune(network, samples, options_.router_tuning, order + 1, hooks_.step);
    } else {
      tuning.steps += options_.router_tuning.steps;
    }
    fine_tune(network, samples, tuning, order, hooks_.step);
    row.accuracy = accuracy(network, test);
  }

  std::vector<LabRow> tuned(std::int64_t seed, std::int64_t experts, std::int64_t task,
                            const Network& network) const {
    if (store_ != nullptr) {
      if (auto kept = store_->rows(seed, experts, task)) {
        return std::move(*kept);
      }
    }
    const Samples samples = problem(seed).draw(task, kTraining, options_.task_samples);
    const Samples test = test_set(seed, task);
    std::vector<LabRow> rows;
    rows.push_back({.seed = seed, .task = task, .pretrained = experts, .kept = experts});
    tune(network, samples, test, rows.back());
    const bool prunes =
        std::find(options_.pruned.begin(), options_.pruned.end(), experts) != options_.pruned.end();
    const std::vector<RouterStatistics> statistics =
        prunes ? router_statistics(network, samples) : std::vector<RouterStatistics>{};
    for (const PruningMethod method : options_.methods) {
      for (const RouterMode router : options_.routers) {
        for (const std::int64_t kept :
             prunes ? options_.counts_below(experts) : std::vector<std::int64_t>{}) {
          rows.push_back({.seed = seed,
                          .task = task,
                          .method = std::string(name_of(method)),
                          .router = std::string(name_of(router)),
                          .pretrained = experts,
                          .kept = kept});
          // mc-smoe promises a count on average only; with equal counts it is frequency-merge.
          const PruningOptions pruning{
              .method = method,
              .kept = kept,
              .budget = method == PruningMethod::mc_smoe ? Budget::global : Budget::uniform,
              .router = router,
              .seed = key(seed, kWeights) % 1'000'000};
          try {
            tune(prune_network(network, network_plan(statistics, pruning)), samples, test,
                 rows.back());
          } catch (const PruningError& error) {
            rows.back().refused = error.what();
          }
        }
      }
    }
    if (store_ != nullptr) {
      if (prunes) {
        store_->keep_router_data(seed, experts, task,
                                 [&] { return router_logits(network, samples); });
      }
      store_->keep(seed, experts, task, rows);
    }
    return rows;
  }

  LabResult gathered(const std::vector<LabNetwork>& networks,
                     const std::vector<std::vector<LabRow>>& rows) const {
    LabResult result;
    result.options = options_;
    for (const std::vector<LabRow>& part : rows) {
      result.rows.insert(result.rows.end(), part.begin(), part.end());
    }
    const std::size_t sizes = options_.sizes.size();
    for (std::int64_t s = 0; s < options_.seeds; ++s) {
      const RegimeProblem& p = problem(s);
      result.bayes.emplace_back();
      for (std::int64_t task = 0; task < options_.problem.tasks; ++task) {
        result.bayes.back().push_back(p.bayes_accuracy(task, test_set(s, task)));
      }
      result.bayes_pretraining.push_back(p.bayes_accuracy(std::nullopt, test_set(s, std::nullopt)));
      result.dropped.emplace_back();
      result.pretrained.emplace_back();
      for (std::size_t i = 0; i < sizes; ++i) {
        const LabNetwork& network = networks[static_cast<std::size_t>(s) * sizes + i];
        result.dropped.back().push_back(network.dropped);
        result.pretrained.back().push_back(network.accuracy);
      }
    }
    for (std::size_t i = 0; i < sizes; ++i) {
      result.parameters.push_back(parameter_count(networks[i].network));
    }
    return result;
  }

  const LaboratoryOptions& options_;
  LabStore* store_;
  int threads_;
  const LabHooks& hooks_;
  std::vector<RegimeProblem> problems_;  // [seeds]
  std::mutex mutex_;
  std::int64_t done_ = 0;
  std::int64_t all_ = 0;
};

}  // namespace

std::vector<std::int64_t> LaboratoryOptions::counts_below(std::int64_t experts) const {
  std::vector<std::int64_t> counts;
  for (const std::int64_t size : sizes) {
    if (size >= 2 && size < experts) {
      counts.push_back(size);
    }
  }
  return counts;
}

void LaboratoryOptions::check() const {
  require(!sizes.empty() && sizes.front() >= 1 &&
              std::adjacent_find(sizes.begin(), sizes.end(), std::greater_equal<>()) == sizes.end(),
          "the sizes of an experiment ascend from 1 expert or more");
  require(
      !methods.empty() && !routers.empty() && seeds >= 1 && task_samples >= 1 && test_samples >= 1,
      "an experiment has methods, routers, seeds and samples");
  for (const std::int64_t experts : pruned) {
    require(std::find(sizes.begin(), sizes.end(), experts) != sizes.end(),
            "what is pruned was pretrained");
  }
}

LabResult run_laboratory(const LaboratoryOptions& options, LabStore* store, int threads,
                         const LabHooks& hooks) {
  return Experiment(options, store, threads, hooks).run();
}

}  // namespace moeplan::models
