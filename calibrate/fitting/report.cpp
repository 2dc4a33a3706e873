// The report of a fit, for programs (families[] of interface.md) and for people.

#include <fmt/format.h>

#include "calibrate/fitting/fit_profile.hpp"

namespace moeplan::calibrate {
namespace {

using HeldOut = std::optional<models::FitErrors::HeldOut>;

text::Json held_out_json(const HeldOut& errors) {
  return errors ? text::Json::object().set("median", errors->median).set("p90", errors->p90)
                : text::Json();
}

std::string percent(double fraction) { return fmt::format("{:.1f} %", 100.0 * fraction); }

std::string held_out_text(const HeldOut& errors) {
  return errors ? fmt::format("{:.1f} / {:.1f} %", 100.0 * errors->median, 100.0 * errors->p90)
                : "-";
}

}  // namespace

text::Json family_json(const FamilyReport& family) {
  return text::Json::object()
      .set("kernel", family.kernel)
      .set("kernel_source", family.kernel_source)
      .set("dtype", family.dtype)
      .set("distribution", family.distribution)
      .set("shapes", family.shapes)
      .set("points", family.errors.points)
      .set("median_abs_error", family.errors.median_abs)
      .set("p90_abs_error", family.errors.p90_abs)
      .set("max_abs_error", family.errors.max_abs)
      .set("bias", family.errors.bias)
      .set("extrapolated_points", family.extrapolated_points)
      .set("leave_one_shape_out", held_out_json(family.leave_one_shape_out))
      .set("leave_one_expert_count_out", held_out_json(family.leave_one_expert_count_out))
      .set("held_out_band_coverage",
           family.held_out_coverage ? text::Json::object()
                                          .set("points", family.held_out_coverage->points)
                                          .set("fraction", family.held_out_coverage->fraction())
                                    : text::Json());
}

text::Json families_json(const std::vector<FamilyReport>& families) {
  text::Json array = text::Json::array();
  for (const FamilyReport& family : families) {
    array.push(family_json(family));
  }
  return array;
}

std::string families_table(const std::vector<FamilyReport>& families) {
  constexpr const char* kLine =
      "{:<17} {:<9} {:<15} {:>6} {:>6} {:>7} {:>7} {:>7} {:>7} {:>15} {:>15} {:>7}  {}\n";
  std::string table = fmt::format(fmt::runtime(kLine), "kernel", "dtype", "distribution", "shapes",
                                  "points", "median", "p90", "max", "bias", "unseen shape",
                                  "unseen count", "in band", "source");
  for (const FamilyReport& family : families) {
    table += fmt::format(
        fmt::runtime(kLine), family.kernel, family.dtype,
        family.distribution.empty() ? "-" : family.distribution, family.shapes,
        family.errors.points, percent(family.errors.median_abs), percent(family.errors.p90_abs),
        percent(family.errors.max_abs), percent(family.errors.bias),
        held_out_text(family.leave_one_shape_out), held_out_text(family.leave_one_expert_count_out),
        family.held_out_coverage ? percent(family.held_out_coverage->fraction()) : std::string("-"),
        family.kernel_source);
  }
  return table;
}

}  // namespace moeplan::calibrate
