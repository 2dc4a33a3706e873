#include "sim/study/run_study.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/architecture/counts.hpp"
#include "models/units/parse.hpp"
#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

// Accuracies are decimal fractions: a floor of 0.63 must not refuse 0.63 by rounding.
constexpr double kRounding = 1e-12;

template <class Items, class Is>
std::size_t place_of(const Items& items, Is is) {
  const auto found = std::find_if(items.begin(), items.end(), is);
  require(found != items.end(), "every option has its costs");
  return static_cast<std::size_t>(found - items.begin());
}

// Why an option that works is not wanted, or "".
std::string unwanted(const StudyOption& option, const StudyObjectives& objectives) {
  if (objectives.quality_floor && option.merit.quality < *objectives.quality_floor - kRounding) {
    return fmt::format("accuracy {:.2f} % is below the floor of {:.2f} %",
                       100 * option.merit.quality, 100 * *objectives.quality_floor);
  }
  if (objectives.pretraining_budget && option.merit.pretraining > *objectives.pretraining_budget) {
    return fmt::format("{} costs {:.0f} USD of {:.0f} USD allowed",
                       option.finetuning ? "pretraining with fine-tuning" : "pretraining",
                       in_usd(option.merit.pretraining), in_usd(*objectives.pretraining_budget));
  }
  if (objectives.latency && option.merit.latency > *objectives.latency) {
    return fmt::format("its latency is {}, {} allowed", to_text(option.merit.latency),
                       to_text(*objectives.latency));
  }
  return "";
}

StudyOption option_of(const PretrainingStudy& study, const StudyResult& result,
                      const MeasuredQuality& quality) {
  StudyOption option;
  option.quality = quality;
  option.pretraining = place_of(result.pretraining, [&](const PretrainingCost& cost) {
    return cost.experts == quality.pretrained;
  });
  option.inference = place_of(result.inference,
                              [&](const InferenceCost& cost) { return cost.kept == quality.kept; });
  const PretrainingCost& trained = result.pretraining[option.pretraining];
  const InferenceCost& runs = result.inference[option.inference];
  PretrainingCost tuned;  // costs nothing where there is none
  if (study.finetuning && quality.pruned()) {
    option.finetuning = place_of(result.finetuning, [&](const PretrainingCost& cost) {
      return cost.experts == quality.kept;
    });
    tuned = result.finetuning[*option.finetuning];
  }
  option.merit = {.quality = quality.accuracy,
                  .latency = runs.latency,
                  .pretraining = trained.cost + tuned.cost,
                  .inference = runs.per_token};
  const Usd inference = runs.per_token * study.lifetime;
  option.lifetime_cost = option.merit.over(study.lifetime);
  option.lifetime_cost_low = inference + trained.cost_low + tuned.cost_low;
  option.lifetime_cost_high = inference + trained.cost_high + tuned.cost_high;
  option.works = trained.why_not.empty() && tuned.why_not.empty() && runs.why_not.empty();
  option.why_not = !trained.why_not.empty() ? "pretraining: " + trained.why_not
                   : !tuned.why_not.empty() ? "fine-tuning: " + tuned.why_not
                   : !runs.why_not.empty()  ? "inference: " + runs.why_not
                                            : unwanted(option, study.objectives);
  return option;
}

std::vector<std::size_t> chosen(const StudyResult& result, bool wanted_only) {
  std::vector<std::size_t> indices;
  for (std::size_t i = 0; i < result.options.size(); ++i) {
    const StudyOption& option = result.options[i];
    if (option.works && (!wanted_only || option.why_not.empty())) {
      indices.push_back(i);
    }
  }
  return indices;
}

std::vector<Merit> merits_of(const StudyResult& result, const std::vector<std::size_t>& indices) {
  std::vector<Merit> merits;
  for (const std::size_t i : indices) {
    merits.push_back(result.options[i].merit);
  }
  return merits;
}

// With a floor the cheapest over the lifetime, else the most accurate; ties: the other of the two,
// then the faster, then the first.
std::optional<std::size_t> recommend(const PretrainingStudy& study, const StudyResult& result) {
  const bool cheapest = study.objectives.quality_floor.has_value();
  std::optional<std::size_t> best;
  for (const std::size_t i : chosen(result, true)) {
    const StudyOption& a = result.options[i];
    if (!best) {
      best = i;
      continue;
    }
    const StudyOption& b = result.options[*best];
    const bool cheaper = a.lifetime_cost < b.lifetime_cost;
    const bool dearer = a.lifetime_cost > b.lifetime_cost;
    const bool truer = a.merit.quality > b.merit.quality;
    const bool worse = a.merit.quality < b.merit.quality;
    const bool faster = a.merit.latency < b.merit.latency;
    const bool first = cheapest ? cheaper || (!dearer && (truer || (!worse && faster)))
                                : truer || (!worse && (cheaper || (!dearer && faster)));
    if (first) {
      best = i;
    }
  }
  return best;
}

void compare_with_scratch(const PretrainingStudy& study, StudyResult& result) {
  const std::vector<std::size_t> working = chosen(result, false);
  for (const std::size_t i : working) {
    const StudyOption& pruned = result.options[i];
    if (!pruned.quality.pruned()) {
      continue;
    }
    for (const std::size_t j : working) {
      const StudyOption& scratch = result.options[j];
      if (scratch.quality.pruned()) {
        continue;
      }
      const double difference = pruned.merit.quality - scratch.merit.quality;
      if (scratch.quality.kept > pruned.quality.kept &&
          difference >= -study.objectives.quality_tolerance - kRounding) {
        result.break_even.push_back({i, j, difference, pays_from(pruned.merit, scratch.merit)});
      }
      if (scratch.quality.kept == pruned.quality.kept) {
        result.gains.push_back({i, j, difference, pruned.quality.loss_standard_error,
                                pruned.merit.pretraining - scratch.merit.pretraining});
      }
    }
  }
}

}  // namespace

StudyResult run_study(const PretrainingStudy& study, const PlanOptions& options) {
  StudyResult result;
  for (const std::int64_t experts : study.pretraining.experts) {
    result.pretraining.push_back(pretraining_cost(
        study.pretraining, study.prices, models::with_experts(study.architecture, experts)));
  }
  if (study.finetuning) {
    for (const std::int64_t kept : study.experts_kept) {
      result.finetuning.push_back(finetuning_cost(study.pretraining, study.prices,
                                                  models::with_experts(study.architecture, kept),
                                                  study.finetuning->tokens));
    }
  }
  result.inference = inference_costs(study, options);
  StudyQualities qualities = measured_qualities(study);
  for (const MeasuredQuality& quality : qualities.options) {
    result.options.push_back(option_of(study, result, quality));
  }
  result.not_measured = std::move(qualities.not_measured);
  result.thresholds = std::move(qualities.thresholds);

  const std::vector<std::size_t> working = chosen(result, false);
  for (const std::size_t i : study_front(merits_of(result, working))) {
    result.pareto.push_back(working[i]);
    result.options[working[i]].on_front = true;
  }
  const std::vector<std::size_t> wanted = chosen(result, true);
  result.by_lifetime = cheapest_by_lifetime(merits_of(result, wanted));
  for (CheapestFrom& part : result.by_lifetime) {
    part.option = wanted[part.option];
  }
  result.recommended = recommend(study, result);
  compare_with_scratch(study, result);
  result.reasons = study_reasons(study, result);
  result.warnings = study_warnings(study, result);
  return result;
}

}  // namespace moeplan::sim
