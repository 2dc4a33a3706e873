// moeplan gate: is a pruned model good enough? Exit 5 when it is not; for release pipelines.

#include <fmt/format.h>

#include <cmath>
#include <iostream>
#include <memory>

#include "app/inspect_page.hpp"
#include "app/inspect_threshold.hpp"
#include "app/subcommand.hpp"
#include "models/accuracy/quality_gate.hpp"
#include "models/accuracy/threshold.hpp"
#include "models/catalog/catalog.hpp"
#include "models/text/input_error.hpp"
#include "models/units/parse.hpp"

namespace moeplan::app {
namespace {

using models::AccuracyCurve;
using models::GateResult;
using models::GateVerdict;

struct GateCommand {
  CommonOptions common;
  std::string curve;
  std::int64_t kept = 0;  // 0: the fewest that the curve has
  std::optional<double> minimum;
  std::optional<double> largest_loss;
  std::string confidence = "0.95";

  models::GateRules rules() const {
    models::GateRules rules{.minimum = minimum, .largest_loss = largest_loss};
    if (confidence != "point") {
      rules.confidence = parse_number(confidence);  // checked by the option
    }
    return rules;
  }

  std::string sentence(const GateVerdict& v) const {
    const bool loss = v.rule == "max_loss";
    const std::string interval =
        v.low ? fmt::format(" [{:.2f}, {:.2f}]", 100 * *v.low, 100 * *v.high) : "";
    return fmt::format("{}: {} {:.2f} %{}, needed at least {:.2f}{}; {} {} by {:.2f} points",
                       v.passes ? "pass" : "FAIL", loss ? "change against unpruned" : "accuracy",
                       100 * v.value, interval, 100 * v.needed,
                       confidence == "point" ? "" : fmt::format(" with confidence {}", confidence),
                       confidence == "point" ? "the estimate" : "the lower end",
                       v.passes ? "clears it" : "misses it", 100 * std::abs(v.margin));
  }

  Page page(const AccuracyCurve& loaded, const GateResult& result) const {
    const models::AccuracyDescription& what = loaded.description();
    Page page;
    page.title = fmt::format("{}: {} of {} experts, {}: {}", result.passes ? "PASS" : "FAIL",
                             result.experts_kept, what.pretrained_experts, what.id, what.name);
    PageTable table{"", {{"verdict"}}};
    page.csv = {{"rule", "needed", "value", "low", "high", "margin", "passes"}};
    text::Json verdicts = text::Json::array();
    for (const GateVerdict& v : result.verdicts) {
      table.rows.push_back({sentence(v)});
      page.csv.push_back({v.rule, number_text(v.needed), number_text(v.value),
                          v.low ? number_text(*v.low) : "", v.high ? number_text(*v.high) : "",
                          number_text(v.margin), v.passes ? "true" : "false"});
      verdicts.push(text::Json::object()
                        .set("rule", v.rule)
                        .set("needed", v.needed)
                        .set("value", v.value)
                        .set("low", v.low)
                        .set("high", v.high)
                        .set("margin", v.margin)
                        .set("passes", v.passes));
    }
    page.tables.push_back(std::move(table));
    if (!result.measured) {
      page.notes.push_back("Interpolated between two measured counts.");
    }
    if (!what.note.empty()) {
      page.notes.push_back("note: " + what.note);
    }
    page.json.set("schema_version", 1)
        .set("passes", result.passes)
        .set("curve", what.id)
        .set("model", what.model)
        .set("method", what.method)
        .set("experts_kept", result.experts_kept)
        .set("pretrained_experts", what.pretrained_experts)
        .set("interpolated", !result.measured)
        .set("confidence",
             confidence == "point" ? text::Json("point") : text::Json(*rules().confidence))
        .set("verdicts", std::move(verdicts));
    return page;
  }

  // How far the curve's model may be pruned under the same loss rule.
  void add_threshold(const AccuracyCurve& loaded, Page& page) const {
    if (!largest_loss || loaded.unpruned() == nullptr) {
      page.json.set("threshold", text::Json());
      return;
    }
    const models::Threshold found =
        models::threshold(loaded, {.reference = models::ThresholdRule::Reference::unpruned,
                                   .tolerance = *largest_loss,
                                   .confidence = rules().confidence});
    page.notes.push_back(fmt::format("Largest measured factor under --max-loss: {}{}.",
                                     factor_text(found.factor), factor_interval_text(found)));
    page.json.set("threshold", threshold_factors_json(found));
  }

  int run() const {
    if (common.print_config) {
      std::cout << fmt::format(
          "curve: {}\nexperts_kept: {}\nmin: {}\nmax_loss: {}\nconfidence: {}\n", curve,
          kept == 0 ? "fewest" : fmt::format("{}", kept), minimum ? number_text(*minimum) : "none",
          largest_loss ? number_text(*largest_loss) : "none", confidence);
      return kOk;
    }
    const AccuracyCurve loaded = models::load_accuracy(curve);
    const GateResult result = models::judge(loaded, kept == 0 ? loaded.smallest() : kept, rules());
    Page shown = page(loaded, result);
    add_threshold(loaded, shown);
    std::cout << render(shown, common.format);
    return result.passes ? kOk : kBelowQuality;
  }
};

}  // namespace

void add_gate(CLI::App& app, int& exit_code) {
  auto command = std::make_shared<GateCommand>();
  CLI::App* sub = app.add_subcommand(
      "gate", "Is a pruned model good enough to be released? Exit 5 when it is not");
  sub->add_option("--curve", command->curve,
                  "Accuracy curve: a file of moeplan import accuracy, or a catalog id")
      ->required();
  sub->add_option("--experts-kept", command->kept,
                  "Of the released model; else the fewest measured")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1000000}));
  sub->add_option("--min", command->minimum, "Smallest accuracy, a fraction")
      ->check(CLI::Range(0.0, 1.0));
  sub->add_option("--max-loss", command->largest_loss,
                  "Largest loss against the unpruned model, a fraction")
      ->check(CLI::Range(0.0, 1.0));
  sub->add_option("--confidence", command->confidence,
                  "The lower end of the two-sided interval decides; point: the estimate")
      ->check(check_confidence)
      ->capture_default_str();
  add_common_options(*sub, command->common, page_formats());
  sub->footer(
      "Examples:\n"
      "  moeplan gate --curve curve.json --min 0.70 --confidence 0.95\n"
      "  moeplan gate --curve qwen3-30b-a3b-reap-code --experts-kept 96 --max-loss 0.05 "
      "--format json\n");
  sub->callback([command, &exit_code] { exit_code = command->run(); });
}

}  // namespace moeplan::app
