#include "models/accuracy/quality_gate.hpp"

#include <fmt/core.h>

#include "models/text/input_error.hpp"

namespace moeplan::models {
namespace {

constexpr double kRounding = 1e-12;  // decimal fractions do not subtract exactly

InputError wrong(const AccuracyCurve& curve, std::string what, std::string expected,
                 std::string got = "", std::string fix = "") {
  return InputError(
      Problem{.code = "E_VALUE",
              .file = {},
              .mark = {},
              .pointer = {},
              .what = fmt::format("accuracy curve '{}' {}", curve.description().id, what),
              .got = std::move(got),
              .expected = std::move(expected),
              .fix = std::move(fix)});
}

GateVerdict verdict(const AccuracyCurve& curve, const char* rule, const AccuracyEstimate& at,
                    double needed, const GateRules& rules) {
  GateVerdict out{.rule = rule, .needed = needed, .value = at.value};
  if (at.has_band) {
    out.low = at.low;
    out.high = at.high;
  } else if (rules.confidence) {
    throw wrong(curve, "has no band, so nothing holds with a confidence",
                "standard errors or numbers of samples in the curve", "",
                "--confidence point lets the estimate decide");
  }
  out.margin = (rules.confidence ? at.low : at.value) - needed;
  out.passes = out.margin >= -kRounding;
  return out;
}

}  // namespace

GateResult judge(const AccuracyCurve& curve, std::int64_t experts_kept, const GateRules& rules) {
  if (!rules.minimum && !rules.largest_loss) {
    throw InputError(Problem{.code = "E_MISSING",
                             .file = {},
                             .mark = {},
                             .pointer = {},
                             .what = "a gate needs a rule",
                             .got = {},
                             .expected = "--min, --max-loss or both"});
  }
  const double confidence = rules.confidence.value_or(kConfidence);
  const auto at = curve.at(experts_kept, confidence);
  if (!at) {
    throw wrong(curve, "was not measured there",
                fmt::format("{} to {} experts kept", curve.smallest(), curve.largest()),
                fmt::format("{}", experts_kept));
  }
  GateResult out{.experts_kept = experts_kept, .measured = at->measured};
  if (rules.minimum) {
    out.verdicts.push_back(verdict(curve, "min", *at, *rules.minimum, rules));
  }
  if (rules.largest_loss) {
    const auto change = curve.change(experts_kept, confidence);
    if (!change) {
      throw wrong(curve, "has no point of the unpruned model, so there is no loss",
                  fmt::format("a point at {} experts", curve.description().pretrained_experts));
    }
    out.verdicts.push_back(verdict(curve, "max_loss", *change, -*rules.largest_loss, rules));
  }
  for (const GateVerdict& v : out.verdicts) {
    out.passes = out.passes && v.passes;
  }
  return out;
}

}  // namespace moeplan::models
