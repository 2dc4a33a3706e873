#pragma once
// What every cost law answers and says about itself: a duration, whether it had to extrapolate,
// and where its numbers come from. A law is a closed form with fitted parameters (a profile entry,
// profile.hpp) or with parameters derived from a data sheet (datasheet = true, wide band).

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "models/units/quantity.hpp"

namespace moeplan::models {

struct Estimate {
  Seconds duration;
  bool extrapolated = false;  // outside the range the law was fitted on, on at least one axis
};

// Closed range of one argument of a law.
struct Interval {
  double low = 0.0;
  double high = 0.0;
  bool contains(double value) const { return value >= low && value <= high; }
};

struct LawInfo {
  std::string kernel;         // family id (interface.md): expert, dense, attention_decode, ...
  std::string kernel_source;  // which implementation was measured; "" for data-sheet laws
  std::string dtype;          // precision id (interface.md), or "any"
  std::string form;           // name of the closed form (law_forms.hpp)
  std::string source;         // files and fit, or "assumed: ..." with the reason
  // Relative errors |t/t_measured - 1| of the fit, in sample. 0 for data-sheet laws: unknown.
  double median_abs_error = 0.0;
  double p90_abs_error = 0.0;
  // Standard deviation of ln(t / truth) that a prediction has to allow for: from errors on shapes
  // that were held out where there are any; assumed for data-sheet laws.
  double discrepancy_sd_log = 0.0;
  std::map<std::string, Interval> domain;  // axis -> fitted range
  bool datasheet = false;                  // not measured: peak rates times assumed efficiencies
};

// What laws that answer together are worth.
struct LawSupport {
  double discrepancy_sd_log = 0.0;  // of the worst
  bool datasheet = false;           // one of them is
  void add(const LawInfo& law) {
    discrepancy_sd_log = std::max(discrepancy_sd_log, law.discrepancy_sd_log);
    datasheet = datasheet || law.datasheet;
  }
};

}  // namespace moeplan::models
