#include "models/latency/law_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "models/text/input_error.hpp"

namespace moeplan::models {

void require_form(const FittedLaw& law, std::initializer_list<std::string_view> known) {
  if (std::find(known.begin(), known.end(), law.info.form) != known.end()) {
    return;
  }
  const std::vector<std::string> names(known.begin(), known.end());
  throw InputError({.code = "E_VALUE",
                    .file = "",
                    .mark = {},
                    .pointer = "/models",
                    .what = fmt::format("unknown form of the {} law", law.info.kernel),
                    .got = "'" + law.info.form + "'",
                    .expected = joined(names),
                    .fix = did_you_mean(law.info.form, names)});
}

void require_whole(const FittedLaw& law, std::string_view constant, int low, int high) {
  const auto found = law.constants.find(std::string(constant));
  const double value = found == law.constants.end() ? -1.0 : found->second;
  if (value >= low && value <= high && value == std::floor(value)) {
    return;
  }
  throw InputError({.code = "E_RANGE",
                    .file = "",
                    .mark = {},
                    .pointer = "/models/constants/" + std::string(constant),
                    .what = fmt::format("wrong constant of the {} law", law.info.kernel),
                    .got = fmt::format("{}", value),
                    .expected = fmt::format("a whole number from {} to {}", low, high),
                    .fix = ""});
}

Interval axis(const LawInfo& info, std::string_view name) {
  const auto found = info.domain.find(std::string(name));
  if (found == info.domain.end()) {
    return {-std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()};
  }
  return found->second;
}

Interval upper_axis(const LawInfo& info, std::string_view name) {
  return {-std::numeric_limits<double>::infinity(), axis(info, name).high};
}

}  // namespace moeplan::models
