#include "app/inspect_threshold.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "models/units/parse.hpp"

namespace moeplan::app {
namespace {

using models::FactorVerdict;
using models::ThresholdRule;
using text::Json;
using Reference = ThresholdRule::Reference;

std::string points_text(double fraction) { return fmt::format("{:+.2f}", 100 * fraction); }

std::string interval_text(const std::optional<double>& low, const std::optional<double>& high) {
  return low && high ? fmt::format("[{:+.2f}, {:+.2f}]", 100 * *low, 100 * *high) : "unknown";
}

std::string rule_text(const ThresholdRule& rule) {
  return fmt::format("reference {}, {}, tolerance {:g} points, {}",
                     rule.reference == Reference::unpruned ? "unpruned" : "from_scratch_same_size",
                     rule.mean_over_tasks
                         ? "mean over tasks"
                         : (rule.task.empty() ? "every task" : "task " + rule.task),
                     100 * rule.tolerance,
                     rule.confidence ? fmt::format("confidence {:g} %", 100 * *rule.confidence)
                                     : std::string("point estimate"));
}

Json rule_json(const ThresholdRule& rule) {
  return Json::object()
      .set("reference",
           rule.reference == Reference::unpruned ? "unpruned" : "from_scratch_same_size")
      .set("aggregate", rule.mean_over_tasks ? "mean" : "task")
      .set("task", rule.task.empty() ? Json() : Json(rule.task))
      .set("tolerance", rule.tolerance)
      .set("confidence", rule.confidence ? Json(*rule.confidence) : Json("point"));
}

Json verdict_json(const FactorVerdict& v) {
  return Json::object()
      .set("factor", v.factor)
      .set("experts_kept", v.kept)
      .set("task", v.task.empty() ? Json() : Json(v.task))
      .set("difference", v.difference)
      .set("difference_low", v.low)
      .set("difference_high", v.high)
      .set("excludes_zero_below_confidence", confidence_of(v))
      .set("holds", v.holds);
}

}  // namespace

std::optional<double> confidence_of(const FactorVerdict& verdict) {
  if (!verdict.standard_error || *verdict.standard_error <= 0.0) {
    return std::nullopt;
  }
  return std::erf(std::abs(verdict.difference) / *verdict.standard_error / std::sqrt(2.0));
}

std::string factor_text(double factor) {
  return factor > 0.0 ? fmt::format("{:g}", factor) : "none";
}

std::string factor_interval_text(const models::Threshold& found) {
  return found.low_factor && found.high_factor
             ? fmt::format(" (interval {} to {})", factor_text(*found.low_factor),
                           factor_text(*found.high_factor))
             : "";
}

Json threshold_factors_json(const models::Threshold& found) {
  const auto known = [](const std::optional<double>& factor) {
    return factor && *factor > 0.0 ? Json(*factor) : Json();
  };
  return Json::object()
      .set("factor", known(found.factor))
      .set("factor_low", known(found.low_factor))
      .set("factor_high", known(found.high_factor));
}

std::string check_confidence(const std::string& text) {
  if (text == "point") {
    return "";
  }
  const std::optional<double> value = parse_number(text);
  return value && *value > 0.0 && *value < 1.0
             ? ""
             : "point (the estimate decides) or a fraction between 0 and 1, not " + text;
}

ThresholdSection::ThresholdSection(const ThresholdRule& rule)
    : rule_(rule),
      summary_{"Threshold pruning factor (" + rule_text(rule) + ")",
               {{"method", "pretrained experts", "factor", "difference there, points", "excludes 0",
                 "distinguishable"}}},
      comparisons_{
          "Comparisons (pruned minus reference, points)",
          {{"method", "pretrained", "factor", "kept", "task", "difference", "interval", "holds"}}},
      csv_{{"method", "pretrained_experts", "factor", "experts_kept", "task", "difference",
            "difference_low", "difference_high", "holds", "threshold_factor"}} {}

void ThresholdSection::add(const std::string& method, std::int64_t pretrained,
                           const models::Threshold& found) {
  const std::string factor = factor_text(found.factor) + factor_interval_text(found);
  std::string differences;
  std::string confidence;
  for (const FactorVerdict& v : found.verdicts) {
    comparisons_.rows.push_back({method, fmt::format("{}", pretrained),
                                 fmt::format("{:g}", v.factor), fmt::format("{}", v.kept),
                                 v.task.empty() ? "mean" : v.task, points_text(v.difference),
                                 interval_text(v.low, v.high), v.holds ? "yes" : "no"});
    csv_.push_back({method, fmt::format("{}", pretrained), number_text(v.factor),
                    fmt::format("{}", v.kept), v.task, number_text(v.difference),
                    v.low ? number_text(*v.low) : "", v.high ? number_text(*v.high) : "",
                    v.holds ? "true" : "false", number_text(found.factor)});
    // What decides: the comparisons at the threshold, or those of the first factor that fails.
    const double decisive = found.factor > 0.0 ? found.factor : found.verdicts.front().factor;
    if (v.factor == decisive && (rule_.mean_over_tasks || !rule_.task.empty())) {
      differences = points_text(v.difference) + " " + interval_text(v.low, v.high);
      const std::optional<double> excluded = confidence_of(v);
      confidence = excluded ? fmt::format("below {:.0f} %", 100 * *excluded) : "unknown";
    }
  }
  summary_.rows.push_back({method, fmt::format("{}", pretrained), factor, differences, confidence,
                           found.distinguishable ? "yes" : "no"});
  Json verdicts = Json::array();
  for (const FactorVerdict& v : found.verdicts) {
    verdicts.push(verdict_json(v));
  }
  list_.push(Json::object()
                 .set("method", method)
                 .set("pretrained_experts", pretrained)
                 .merge(threshold_factors_json(found))
                 .set("distinguishable", found.distinguishable)
                 .set("verdicts", std::move(verdicts)));
  held_ = held_ || found.factor > 0.0;
  for (const FactorVerdict& v : found.verdicts) {
    if (found.factor > 0.0 && v.factor == found.factor) {
      least_sure_ = std::min(least_sure_, confidence_of(v).value_or(0.0));
    }
  }
  doubtful_ = doubtful_ || (found.factor > 0.0 && !found.distinguishable);
  intervals_ = intervals_ && std::all_of(found.verdicts.begin(), found.verdicts.end(),
                                         [](const FactorVerdict& v) { return v.low.has_value(); });
}

void ThresholdSection::add_failed(const std::string& method, std::int64_t pretrained,
                                  const std::string& reason) {
  failed_.push_back(
      fmt::format("{} from {} experts is not judged: {}", method, pretrained, reason));
  list_.push(Json::object()
                 .set("method", method)
                 .set("pretrained_experts", pretrained)
                 .set("factor", Json())
                 .set("not_judged", reason));
}

std::string ThresholdSection::conclusion() const {
  if (!intervals_) {
    return "Some comparisons have no interval: the numbers of samples are unknown.";
  }
  if (!held_ || !doubtful_) {
    return "";
  }
  const std::string what = rule_.reference == Reference::from_scratch_same_size
                               ? "\"no gain\" over the same size trained from scratch"
                               : "\"no change\" against the unpruned model";
  return fmt::format(
      "With any confidence above {:.0f} % {} is not excluded for some factor that holds: its "
      "interval "
      "(unpaired binomial, {:g} % here) contains 0. The column \"excludes 0\" says below which "
      "confidence it would not.",
      100 * least_sure_, what, 100 * rule_.confidence.value_or(models::kConfidence));
}

void ThresholdSection::write_to(Page& page) const {
  page.tables.push_back(summary_);
  page.tables.push_back(comparisons_);
  page.csv = csv_;
  page.notes.insert(page.notes.end(), failed_.begin(), failed_.end());
  const std::string text = conclusion();
  if (!text.empty()) {
    page.notes.push_back(text);
  }
  page.json.set("rule", rule_json(rule_))
      .set("thresholds", list_)
      .set("conclusion", text.empty() ? Json() : Json(text));
}

}  // namespace moeplan::app
