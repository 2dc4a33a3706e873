#include "models/laboratory/findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace moeplan::models {
namespace {

// Method, router, pretrained, kept.
using Cell = std::tuple<std::string, std::string, std::int64_t, std::int64_t>;

std::string points(const MeanInterval& difference) {
  return difference.low ? fmt::format("{:+.2f} points [{:+.2f}, {:+.2f}]", 100 * difference.mean,
                                      100 * *difference.low, 100 * *difference.high)
                        : fmt::format("{:+.2f} points (one seed)", 100 * difference.mean);
}

std::string factor_text(double factor) {
  return factor > 0.0 ? fmt::format("{:g}", factor) : std::string("none");
}

class Analyst {
 public:
  explicit Analyst(const LabResult& result)
      : result_(result),
        options_(result.options),
        seeds_(static_cast<std::size_t>(options_.seeds)) {
    for (const LabRow& row : result.rows) {
      Means& means = cells_[{row.method, row.router, row.pretrained, row.kept}];
      means.before.resize(seeds_, 0.0);
      means.after.resize(seeds_, 0.0);
      const auto s = static_cast<std::size_t>(row.seed);
      const auto tasks = static_cast<double>(options_.problem.tasks);
      means.refused += row.refused.empty() ? 0 : 1;
      means.before[s] += row.before.value_or(0.0) / tasks;
      means.after[s] += row.accuracy.value_or(0.0) / tasks;
    }
  }

  LabFindings run() {
    std::vector<double> bayes;
    for (const std::vector<double>& tasks : result_.bayes) {
      double mean = 0.0;
      for (const double limit : tasks) {
        mean += limit / static_cast<double>(tasks.size());
      }
      bayes.push_back(mean);
    }
    out_.bayes = interval(bayes);
    out_.bayes_pretraining = interval(result_.bayes_pretraining);
    add_sizes();
    add_pruned();
    add_thresholds();
    add_contrasts();
    state();
    return std::move(out_);
  }

 private:
  struct Means {  // [seeds], over tasks
    std::vector<double> before;
    std::vector<double> after;
    std::int64_t refused = 0;
  };

  MeanInterval interval(const std::vector<double>& values) const {
    return student_interval(values, out_.confidence);
  }
  MeanInterval difference(const std::vector<double>& a, const std::vector<double>& b) const {
    std::vector<double> differences;
    for (std::size_t s = 0; s < a.size(); ++s) {
      differences.push_back(a[s] - b[s]);
    }
    return interval(differences);
  }

  const Means& unpruned(std::int64_t experts) const {
    return cells_.at({kNotPruned, "trained", experts, experts});
  }
  // nullptr: not run, or refused somewhere.
  const Means* whole(const std::string& method, const std::string& router, std::int64_t pretrained,
                     std::int64_t kept) const {
    const auto found = cells_.find({method, router, pretrained, kept});
    return found == cells_.end() || found->second.refused > 0 ? nullptr : &found->second;
  }

  void add_sizes() {
    for (std::size_t i = 0; i < options_.sizes.size(); ++i) {
      SizeFinding size{.experts = options_.sizes[i]};
      std::vector<double> pretraining;
      for (std::size_t s = 0; s < seeds_; ++s) {
        pretraining.push_back(result_.pretrained[s][i]);
        size.dropped += result_.dropped[s][i] / static_cast<double>(seeds_);
      }
      size.pretraining = interval(pretraining);
      size.accuracy = interval(unpruned(size.experts).after);
      size.against_dense =
          difference(unpruned(size.experts).after, unpruned(options_.sizes.front()).after);
      out_.sizes.push_back(size);
    }
  }

  template <class Use>
  void for_each_method(const Use& use) const {
    for (const PruningMethod method : options_.methods) {
      for (const RouterMode router : options_.routers) {
        use(std::string(name_of(method)), std::string(name_of(router)));
      }
    }
  }

  void add_pruned() {
    const std::string greedy(name_of(PruningMethod::frequency));
    for_each_method([&](const std::string& method, const std::string& router) {
      for (const std::int64_t from : options_.pruned) {
        for (const std::int64_t kept : options_.counts_below(from)) {
          const Means& means = cells_.at({method, router, from, kept});
          PrunedFinding found{.method = method,
                              .router = router,
                              .pretrained = from,
                              .kept = kept,
                              .refused = means.refused};
          if (means.refused == 0) {
            found.before = interval(means.before);
            found.accuracy = interval(means.after);
            found.against_scratch = difference(means.after, unpruned(kept).after);
            found.against_unpruned = difference(means.after, unpruned(from).after);
            const Means* other = whole(greedy, router, from, kept);
            if (other != nullptr && method != greedy) {
              found.against_greedy = difference(means.after, other->after);
            }
          }
          out_.pruned.push_back(std::move(found));
        }
      }
    });
  }

  Threshold threshold_of(const std::vector<PrunedFinding>& pruned,
                         std::optional<MeanInterval> PrunedFinding::*against,
                         const ThresholdRule& rule) const {
    std::vector<FactorVerdict> verdicts;
    for (const PrunedFinding& found : pruned) {
      const std::optional<MeanInterval>& d = found.*against;
      const double factor = static_cast<double>(found.pretrained) / static_cast<double>(found.kept);
      FactorVerdict verdict{.factor = factor, .kept = found.kept, .task = {}};
      // What could not be pruned everywhere does not hold, whatever the other runs say.
      verdict.difference = d ? d->mean : -1.0;
      verdict.standard_error = d ? d->standard_error : std::nullopt;
      verdict.low = d ? d->low : -1.0;
      verdict.high = d ? d->high : -1.0;
      verdicts.push_back(std::move(verdict));
    }
    return threshold(std::move(verdicts), rule);
  }

  void add_thresholds() {
    for_each_method([&](const std::string& method, const std::string& router) {
      for (const std::int64_t from : options_.pruned) {
        std::vector<PrunedFinding> own;
        for (const PrunedFinding& found : out_.pruned) {
          if (found.method == method && found.router == router && found.pretrained == from) {
            own.push_back(found);
          }
        }
        if (own.empty()) {
          continue;
        }
        out_.thresholds.push_back(
            {.method = method,
             .router = router,
             .pretrained = from,
             .from_scratch =
                 threshold_of(own, &PrunedFinding::against_scratch,
                              {.reference = ThresholdRule::Reference::from_scratch_same_size}),
             .unpruned = threshold_of(
                 own, &PrunedFinding::against_unpruned,
                 {.reference = ThresholdRule::Reference::unpruned, .tolerance = out_.tolerance})});
      }
    });
  }

  // Mean over all pairs of counts of a(pair) - b(pair), seed by seed; pairs where both are whole.
  template <class A, class B>
  void contrast(const std::string& what, const A& a, const B& b) {
    std::vector<double> sums(seeds_, 0.0);
    std::int64_t pairs = 0;
    for (const std::int64_t from : options_.pruned) {
      for (const std::int64_t kept : options_.counts_below(from)) {
        const Means* first = a(from, kept);
        const Means* second = b(from, kept);
        if (first != nullptr && second != nullptr) {
          ++pairs;
          for (std::size_t s = 0; s < seeds_; ++s) {
            sums[s] += first->after[s] - second->after[s];
          }
        }
      }
    }
    if (pairs > 0) {
      for (double& sum : sums) {
        sum /= static_cast<double>(pairs);
      }
      out_.contrasts.push_back({what, interval(sums), pairs});
    }
  }

  void add_contrasts() {
    const std::string uncurl(name_of(PruningMethod::uncurl));
    const auto of = [&](const std::string& method, const std::string& router) {
      return [this, method, router](std::int64_t from, std::int64_t kept) {
        return whole(method, router, from, kept);
      };
    };
    for_each_method([&](const std::string& method, const std::string& router) {
      if (method != uncurl) {
        contrast(fmt::format("uncurl minus {}, router {}", method, router), of(uncurl, router),
                 of(method, router));
      }
    });
    const std::string sliced(name_of(RouterMode::sliced));
    const std::string fresh(name_of(RouterMode::reinitialised));
    for (const PruningMethod method : options_.methods) {
      const std::string name(name_of(method));
      contrast(fmt::format("{}: router sliced minus reinitialised", name), of(name, sliced),
               of(name, fresh));
    }
  }

  static std::string verdict(const MeanInterval& d, const std::string& more,
                             const std::string& less) {
    if (d.low && *d.low > 0.0) {
      return more;
    }
    if (d.high && *d.high < 0.0) {
      return less;
    }
    return "not distinguishable";
  }

  void state_needs_experts() {
    const SizeFinding& dense = out_.sizes.front();
    const auto best = std::max_element(out_.sizes.begin(), out_.sizes.end(),
                                       [](const SizeFinding& a, const SizeFinding& b) {
                                         return a.accuracy.mean < b.accuracy.mean;
                                       });
    out_.statements.push_back(
        fmt::format("Does the problem need experts? {} expert(s) reach {:.1f} %, {} experts {:.1f} "
                    "%, the Bayes "
                    "limit is {:.1f} %: {}, {}.",
                    dense.experts, 100 * dense.accuracy.mean, best->experts,
                    100 * best->accuracy.mean, 100 * out_.bayes.mean, points(best->against_dense),
                    verdict(best->against_dense, "it does", "it does not")));
  }

  void state_contrasts() {
    for (const LabFindings::Contrast& c : out_.contrasts) {
      if (c.what.starts_with("uncurl minus frequency,")) {
        out_.statements.push_back(
            fmt::format("Does merging beat greedy? {}: {} over {} pairs of counts: {}.", c.what,
                        points(c.difference), c.pairs,
                        verdict(c.difference, "merging is better", "greedy is better")));
      }
    }
  }

  void state_thresholds() {
    for (const RouterMode mode : options_.routers) {
      for (const char* method : {"uncurl", "frequency"}) {
        std::string text;
        std::set<double> factors;
        for (const ThresholdFinding& t : out_.thresholds) {
          if (t.method != method || t.router != name_of(mode)) {
            continue;
          }
          factors.insert(t.from_scratch.factor);
          text += fmt::format("{}{} from {} experts", text.empty() ? "" : ", ",
                              factor_text(t.from_scratch.factor), t.pretrained);
          if (t.from_scratch.low_factor && t.from_scratch.high_factor) {
            text += fmt::format(" (interval {} to {})", factor_text(*t.from_scratch.low_factor),
                                factor_text(*t.from_scratch.high_factor));
          }
        }
        if (!text.empty()) {
          out_.statements.push_back(fmt::format(
              "Largest factor at which {} with router {} beats the same size from scratch: {}: {}.",
              method, name_of(mode), text,
              factors.size() > 1 ? "it depends on the pretrained count"
                                 : "the same for every pretrained count"));
        }
      }
    }
  }

  void state() {
    state_needs_experts();
    state_contrasts();
    state_thresholds();
  }

  const LabResult& result_;
  const LaboratoryOptions& options_;
  std::size_t seeds_;
  std::map<Cell, Means> cells_;
  LabFindings out_;
};

}  // namespace

LabFindings findings(const LabResult& result) { return Analyst(result).run(); }

}  // namespace moeplan::models
