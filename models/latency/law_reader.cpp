#include "models/latency/law_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
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
