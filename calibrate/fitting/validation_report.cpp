// The report of a validation, for programs and for people.

#include <fmt/format.h>

#include "calibrate/fitting/fit_half.hpp"
#include "calibrate/fitting/fit_profile.hpp"
#include "calibrate/fitting/validate.hpp"

namespace moeplan::calibrate {
namespace {

using text::Json;

Json regime_json(const Regime& regime) {
  return Json::object()
      .set("regime", regime.name)
      .set("axis", regime.axis)
      .set("low", regime.low)
      .set("high", regime.high)
      .set("points", regime.errors.points)
      .set("median_abs_error", regime.errors.median_abs)
      .set("p90_abs_error", regime.errors.p90_abs)
      .set("max_abs_error", regime.errors.max_abs)
      .set("bias", regime.errors.bias);
}

Json law_json(const std::string& name, std::int64_t points) {
  const std::size_t colon = name.find(": ");
  return Json::object()
      .set("origin", name.substr(0, colon))
      .set("law", name.substr(colon + 2))
      .set("points", points);
}

std::string percent(double fraction) { return fmt::format("{:.1f} %", 100.0 * fraction); }

}  // namespace

Json validation_json(const Validation& validation) {
  Json families = Json::array();
  bool halved = false;
  for (const ValidatedFamily& family : validation.families) {
    Json laws = Json::array();
    for (const auto& [name, points] : family.laws) {
      laws.push(law_json(name, points));
    }
    Json regimes = Json::array();
    for (const Regime& regime : family.regimes) {
      regimes.push(regime_json(regime));
    }
    halved = halved || !family.fitted.empty();
    Json points = Json::array();
    for (const ValidatedPoint& point : family.points) {
      points.push(Json::object()
                      .set("series", point.series)
                      .set("work", point.work)
                      .set("measured_s", point.measured_s)
                      .set("predicted_s", point.predicted_s)
                      .set("extrapolated", point.extrapolated));
    }
    families.push(family_json(family.report)
                      .set("laws", std::move(laws))
                      .set("band_covered_fraction", family.covered_fraction)
                      .set("correction", family.correction)
                      .set("fitted", family.fitted.empty() ? Json() : Json(family.fitted))
                      .set("regimes", std::move(regimes))
                      .set("axis", family.axis)
                      .set("measured_points", std::move(points)));
  }
  Json skipped = Json::array();
  for (const auto& [why, rows] : validation.skipped) {
    skipped.push(Json::object().set("reason", why).set("rows", rows));
  }
  return Json::object()
      .set("datasheet_only", validation.datasheet_only)
      .set("fit_half_rule", halved ? Json(kHalvesRule) : Json())
      .set("families", std::move(families))
      .set("skipped", std::move(skipped))
      .set("notes", validation.notes);
}

std::string validation_table(const Validation& validation) {
  std::vector<FamilyReport> reports;
  for (const ValidatedFamily& family : validation.families) {
    reports.push_back(family.report);
  }
  std::string table = families_table(reports);
  table += "\nBy regime (in band: rows in the law's 5 to 95 % band)\n";
  for (const ValidatedFamily& family : validation.families) {
    table += fmt::format("{} {} {}{}: {:.0f} % in band", family.report.kernel,
                         family.report.kernel_source, family.report.dtype,
                         family.report.distribution.empty() ? "" : " " + family.report.distribution,
                         100.0 * family.covered_fraction);
    if (!family.fitted.empty()) {
      table += ", fitted half: " + family.fitted;
    }
    for (const auto& [law, points] : family.laws) {
      table += fmt::format("; {} rows by {}", points, law);
    }
    table += "\n";
    for (const Regime& regime : family.regimes) {
      table += fmt::format(
          "  {:<12} {:>12.6g} to {:<12.6g} {:<9} {:>6} points  median {:>7}  p90 "
          "{:>7}  bias {:>7}\n",
          regime.name, regime.low, regime.high, regime.axis, regime.errors.points,
          percent(regime.errors.median_abs), percent(regime.errors.p90_abs),
          percent(regime.errors.bias));
    }
  }
  for (const auto& [why, rows] : validation.skipped) {
    table += fmt::format("skipped {} rows: {}\n", rows, why);
  }
  if (validation.datasheet_only) {
    table += "No profile: all laws are from the data sheet.\n";
  }
  return table;
}

}  // namespace moeplan::calibrate
