// The report of a fit, for programs (families[] of interface.md) and for people.

#include <fmt/format.h>

#include "calibrate/fitting/fit_profile.hpp"

namespace moeplan::calibrate {

text::Json families_json(const std::vector<FamilyReport>& families) {
  text::Json array = text::Json::array();
  for (const FamilyReport& family : families) {
    text::Json held_out;
    if (family.leave_one_shape_out) {
      held_out = text::Json::object()
                     .set("median", family.leave_one_shape_out->median)
                     .set("p90", family.leave_one_shape_out->p90);
    }
    array.push(text::Json::object()
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
                   .set("leave_one_shape_out", held_out));
  }
  return array;
}

std::string families_table(const std::vector<FamilyReport>& families) {
  std::string table = fmt::format(
      "{:<17} {:<9} {:<15} {:>6} {:>6} {:>7} {:>7} {:>7} {:>7} {:>15}  {}\n", "kernel", "dtype",
      "distribution", "shapes", "points", "median", "p90", "max", "bias", "unseen shape", "source");
  for (const FamilyReport& family : families) {
    const auto percent = [](double fraction) { return fmt::format("{:.1f} %", 100.0 * fraction); };
    const std::string held_out =
        family.leave_one_shape_out
            ? fmt::format("{:.1f} / {:.1f} %", 100.0 * family.leave_one_shape_out->median,
                          100.0 * family.leave_one_shape_out->p90)
            : "-";
    table += fmt::format("{:<17} {:<9} {:<15} {:>6} {:>6} {:>7} {:>7} {:>7} {:>7} {:>15}  {}\n",
                         family.kernel, family.dtype,
                         family.distribution.empty() ? "-" : family.distribution, family.shapes,
                         family.errors.points, percent(family.errors.median_abs),
                         percent(family.errors.p90_abs), percent(family.errors.max_abs),
                         percent(family.errors.bias), held_out, family.kernel_source);
  }
  return table;
}

}  // namespace moeplan::calibrate
