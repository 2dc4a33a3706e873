#include "calibrate/measurement/sweep.hpp"

#include <algorithm>
#include <new>

#include "calibrate/measurement/device_error.hpp"
#include "models/routing/split_mix.hpp"

namespace moeplan::calibrate {
namespace {

// What remains of the budget: spent is what all visits so far took, in whichever process.
class Budget {
 public:
  explicit Budget(const Journal& journal)
      : given_(journal.header().budget_s > 0.0), left_(journal.header().budget_s) {
    const JournalHeader& header = journal.header();
    visits_ = static_cast<double>(header.plan.size()) * header.launches * header.visits;
    for (const PointRecord& record : journal.records()) {
      take(record.outcome.spent_s);
    }
  }

  void take(double spent) {
    left_ -= spent;
    visits_ -= 1.0;
  }

  // The rule, cut to twice a visit's share: most points converge before theirs.
  StopRule share(StopRule rule) const {
    if (!given_ || visits_ < 1.0) {
      return rule;
    }
    const double share = std::max(2.0 * left_ / visits_, rule.warm_time.value());
    rule.longest = std::min(rule.longest, Seconds(0.75 * share));
    rule.warm_longest = std::min(rule.warm_longest, Seconds(0.25 * share));
    rule.warm_time = std::min(rule.warm_time, rule.warm_longest);
    return rule;
  }

 private:
  bool given_;
  double left_;          // seconds
  double visits_ = 0.0;  // not made yet
};

PointOutcome visit_point(const std::string& id,
                         const std::function<MadeCase(const std::string&)>& make_case,
                         const StopRule& rule, Clock& clock) {
  const Seconds begin = clock.now();
  PointOutcome outcome;
  try {
    MadeCase made = make_case(id);
    if (const auto* skipped = std::get_if<Skipped>(&made)) {
      outcome.status = PointStatus::skipped;
      outcome.reason = skipped->reason;
    } else {
      outcome = measure_point(*std::get<std::unique_ptr<TimedCase>>(made), rule, clock);
    }
  } catch (const DeviceError& error) {
    outcome = {.status = PointStatus::failed, .reason = error.what(), .samples = {}, .flags = {}};
  } catch (const std::bad_alloc&) {
    outcome = {
        .status = PointStatus::failed, .reason = "out of memory", .samples = {}, .flags = {}};
  }
  outcome.spent_s = (clock.now() - begin).value();  // with making the case
  return outcome;
}

}  // namespace

std::vector<std::string> visit_order(const JournalHeader& header, int launch, int visit) {
  std::vector<std::string> ids = header.plan;
  models::SplitMix draws(
      models::split_mix(header.seed ^ models::split_mix(static_cast<std::uint64_t>(launch) << 32 |
                                                        static_cast<std::uint64_t>(visit))));
  for (std::size_t left = ids.size(); left > 1; --left) {
    const auto chosen = static_cast<std::size_t>(draws.uniform() * static_cast<double>(left));
    std::swap(ids[left - 1], ids[chosen]);
  }
  return ids;
}

LaunchEnd run_launch(Journal& journal, int launch,
                     const std::function<MadeCase(const std::string& id)>& make_case,
                     const LaunchOptions& options, Clock& clock) {
  const JournalHeader header = journal.header();
  SweepProgress progress;
  progress.all = static_cast<std::int64_t>(header.plan.size()) * header.launches * header.visits;
  progress.done = static_cast<std::int64_t>(journal.records().size());
  const std::int64_t found = progress.done;
  Budget budget(journal);
  const Seconds begin = clock.now();
  for (int visit = 0; visit < header.visits; ++visit) {
    for (const std::string& id : visit_order(header, launch, visit)) {
      if (journal.has(id, launch, visit)) {
        continue;
      }
      if (options.stop()) {
        return LaunchEnd::stopped;
      }
      progress.id = id;
      const std::int64_t made = progress.done - found;
      progress.left =
          made == 0 ? seconds(-1.0)
                    : (clock.now() - begin) * (static_cast<double>(progress.all - progress.done) /
                                               static_cast<double>(made));
      options.progress(progress);
      const PointOutcome outcome = visit_point(id, make_case, budget.share(options.rule), clock);
      journal.append({id, launch, visit, outcome});
      budget.take(outcome.spent_s);
      ++progress.done;
    }
  }
  return LaunchEnd::finished;
}

}  // namespace moeplan::calibrate
