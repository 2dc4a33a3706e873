// What a study says in sentences: why this option, what the table shows, what is assumed.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "models/units/parse.hpp"
#include "sim/study/run_study.hpp"

namespace moeplan::sim {
namespace {

std::string money(Usd amount) { return fmt::format("{:.0f} USD", in_usd(amount)); }

std::string points(double fraction) { return fmt::format("{:.2f} points", 100 * fraction); }

// "1.0e+12 tokens" as people write it.
std::string tokens_text(Tokens amount) {
  const double value = in_tokens(amount);
  const double scale = value >= 1e12 ? 1e12 : value >= 1e9 ? 1e9 : value >= 1e6 ? 1e6 : 1.0;
  const char* unit = value >= 1e12  ? " trillion"
                     : value >= 1e9 ? " billion"
                     : value >= 1e6 ? " million"
                                    : "";
  return fmt::format("{:.3g}{} tokens", value / scale, unit);
}

std::string text_of(const StudyOption& option, const PretrainingStudy& study) {
  return fmt::format(
      "accuracy {:.2f} %, {} {}, pretraining{} {}, {:.3g} USD per million tokens, {} over {}",
      100 * option.merit.quality, latency_name(study), to_text(option.merit.latency),
      option.finetuning ? " with fine-tuning" : "", money(option.merit.pretraining),
      in_usd_per_million_tokens(option.merit.inference), money(option.lifetime_cost),
      tokens_text(study.lifetime));
}

void recommendation(const PretrainingStudy& study, const StudyResult& result,
                    std::vector<std::string>& out) {
  const StudyObjectives& wanted = study.objectives;
  if (!result.recommended) {
    std::map<std::string, int> counts;
    for (const StudyOption& option : result.options) {
      counts[option.why_not] += 1;
    }
    out.push_back(fmt::format("None of {} measured options works and meets the objectives.",
                              result.options.size()));
    for (const auto& [why, count] : counts) {
      out.push_back(fmt::format("Out for {} of them: {}.", count, why));
    }
    return;
  }
  const StudyOption& best = result.options[*result.recommended];
  out.push_back(fmt::format(
      "Pretrain {} experts{}: {}.", best.quality.pretrained,
      best.quality.pruned()
          ? fmt::format(" and prune to {} by {}", best.quality.kept, best.quality.method)
          : std::string(" and keep them all"),
      text_of(best, study)));
  out.push_back(wanted.quality_floor
                    ? fmt::format("It is the cheapest over its life of the options that reach an "
                                  "accuracy of {:.2f} %.",
                                  100 * *wanted.quality_floor)
                    : std::string("No accuracy is asked for, so it is the most accurate option "
                                  "within the limits."));
}

void lifetime_parts(const StudyResult& result, std::vector<std::string>& out) {
  if (result.by_lifetime.size() < 2) {
    if (!result.by_lifetime.empty()) {
      out.push_back(fmt::format(
          "Of the options that meet the objectives {} costs least at any number of tokens.",
          result.options[result.by_lifetime.front().option].quality.name()));
    }
    return;
  }
  std::string text = "Cheapest of the options that meet the objectives: ";
  for (std::size_t i = 0; i < result.by_lifetime.size(); ++i) {
    const CheapestFrom& part = result.by_lifetime[i];
    text += fmt::format("{}{}{}", i == 0 ? "" : ", from " + tokens_text(part.from) + " on ",
                        result.options[part.option].quality.name(),
                        i + 1 == result.by_lifetime.size() ? "." : "");
  }
  out.push_back(text);
}

void thresholds(const StudyResult& result, std::vector<std::string>& out) {
  std::map<std::string, std::vector<std::string>> by_method;
  for (const StudyThreshold& found : result.thresholds) {
    by_method[found.method].push_back(
        found.threshold.factor > 0.0
            ? fmt::format("{:g}x from {}", found.threshold.factor, found.pretrained)
            : fmt::format("none from {}", found.pretrained));
  }
  for (const auto& [method, factors] : by_method) {
    out.push_back(
        fmt::format("Threshold pruning factor of {} (mean over tasks, against the same "
                    "size from scratch): {}.",
                    method, joined(factors)));
  }
}

// The best gain at every size, and what it costs.
void gains(const StudyResult& result, std::vector<std::string>& out) {
  std::map<std::int64_t, const StudyGain*> best;
  for (const StudyGain& gain : result.gains) {
    const StudyGain*& kept = best[result.options[gain.option].quality.kept];
    if (kept == nullptr || gain.quality_gain > kept->quality_gain) {
      kept = &gain;
    }
  }
  for (const auto& [kept, gain] : best) {
    const std::string name = result.options[gain->option].quality.name();
    if (gain->quality_gain <= 0.0) {
      out.push_back(
          fmt::format("No pruned model of {} experts beats {} from scratch; {} loses "
                      "least, {}.",
                      kept, kept, name, points(-gain->quality_gain)));
      continue;
    }
    const double sure = gain->standard_error ? gain->quality_gain / *gain->standard_error : 0.0;
    out.push_back(fmt::format(
        "{} gains {}{} over {} from scratch, at the same inference cost, for {} more of "
        "pretraining.",
        name, points(gain->quality_gain),
        gain->standard_error ? fmt::format(" ({:.1f} standard errors)", sure) : std::string(), kept,
        money(gain->extra_cost)));
  }
}

void break_evens(const PretrainingStudy& study, const StudyResult& result,
                 std::vector<std::string>& out) {
  bool more = false;
  for (const StudyBreakEven& found : result.break_even) {
    const StudyOption& option = result.options[found.option];
    const StudyOption& scratch = result.options[found.scratch];
    more = more || option.quality.pretrained > scratch.quality.pretrained;
    const std::string times =
        found.pays_from ? *found.pays_from > Tokens()
                              ? fmt::format("pays from {} on", tokens_text(*found.pays_from))
                              : std::string("pays from the first token on")
                        : std::string("never pays");
    out.push_back(fmt::format("{} instead of {} ({:+.2f} points) {}.", option.quality.name(),
                              scratch.quality.name(), 100 * found.quality_difference, times));
  }
  if (!more) {
    out.push_back(fmt::format(
        "Training more experts than a model has and pruning below it never pays here: no such "
        "option is within {} of the model. More experts buy accuracy at one inference cost.",
        points(study.objectives.quality_tolerance)));
  }
}

}  // namespace

std::vector<std::string> study_reasons(const PretrainingStudy& study, const StudyResult& result) {
  std::vector<std::string> out;
  recommendation(study, result, out);
  lifetime_parts(result, out);
  thresholds(result, out);
  gains(result, out);
  break_evens(study, result, out);
  return out;
}

namespace {

void price_ages(const PretrainingStudy& study, const StudyResult& result,
                std::vector<std::string>& out) {
  std::vector<std::string> ids;
  for (const PretrainingCost& cost : result.pretraining) {
    ids.push_back(cost.price_id);
  }
  for (const InferenceCost& cost : result.inference) {
    ids.push_back(cost.price_id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const models::Price& price : study.prices.book.prices()) {
    if (!std::binary_search(ids.begin(), ids.end(), price.id)) {
      continue;
    }
    if (price.age_days(study.prices.as_of) > models::kStaleDays) {
      out.push_back(fmt::format("Price {} is of {}, {} days before the price book's day.", price.id,
                                price.as_of.text(), price.age_days(study.prices.as_of)));
    }
    if (!price.note.empty()) {
      out.push_back(fmt::format("Price {}: {}.", price.id, price.note));
    }
  }
}

void extrapolations(const StudyResult& result, std::vector<std::string>& out) {
  std::vector<std::string> trained;
  for (const PretrainingCost& cost : result.pretraining) {
    if (cost.extrapolated) {
      trained.push_back(fmt::format("{}", cost.experts));
    }
  }
  if (!trained.empty()) {
    out.push_back(
        "Exchanges of pretraining lie outside what their laws were fitted to (several "
        "nodes, or larger messages), for " +
        joined(trained) + " experts.");
  }
  std::vector<std::string> runs;
  for (const InferenceCost& cost : result.inference) {
    if (cost.extrapolated) {
      runs.push_back(fmt::format("{}", cost.kept));
    }
  }
  if (!runs.empty()) {
    out.push_back("Inference lies outside what its laws were fitted to, for " + joined(runs) +
                  " experts.");
  }
}

}  // namespace

std::vector<std::string> study_warnings(const PretrainingStudy& study, const StudyResult& result) {
  std::vector<std::string> out;
  for (const Assumption& assumed : study.assumptions) {
    out.push_back(fmt::format("Assumed: {} = {:g}{} ({}).", assumed.key, assumed.value,
                              assumed.low < assumed.high
                                  ? fmt::format(" ({:g} to {:g})", assumed.low, assumed.high)
                                  : std::string(),
                              assumed.source));
  }
  out.push_back(
      "Pretraining is steps that are all alike: compute at the stated MFU, then exchanges and "
      "gradients as the links carry them. Not counted: restarts, data, evaluation, failed runs; "
      "waiting of GPUs for each other is only in the MFU.");
  out.push_back(fmt::format(
      "Memory of training is state and activations of a pass with {} ({}); fragmentation and "
      "temporaries come on top.",
      recompute_text(study.pretraining.recompute), study.pretraining.recompute_source));
  out.push_back(study.finetuning
                    ? fmt::format("Fine-tuning of pruned models is priced as {} on the pretraining "
                                  "cluster, at its MFU; pruning itself is not.",
                                  tokens_text(study.finetuning->tokens))
                    : std::string("Pruning and fine-tuning are not priced (`finetuning` in the "
                                  "study file prices the second): they take a small part of "
                                  "pretraining's tokens."));
  if (std::holds_alternative<StaticScenario>(study.inference)) {
    out.push_back(
        "Inference is one static pass after another, all GPUs busy: a lower bound of the cost of "
        "a token. The law is affine in local experts: of figure 2a's passes on A10s it meets 8, 64 "
        "and 128 experts and takes 30 % too long at 32.");
  }
  if (!result.not_measured.empty()) {
    out.push_back(
        fmt::format("{} combinations were not measured and are left out, not "
                    "interpolated.",
                    result.not_measured.size()));
  }
  double largest = 0.0;
  for (const StudyOption& option : result.options) {
    largest = std::max(largest, option.quality.standard_error.value_or(0.0));
  }
  out.push_back(largest > 0.0
                    ? fmt::format("Accuracies have standard errors of up to {} (binomial, "
                                  "unpaired): smaller differences may be noise.",
                                  points(largest))
                    : std::string("The accuracy table has no standard errors."));
  extrapolations(result, out);
  price_ages(study, result, out);
  return out;
}

}  // namespace moeplan::sim
