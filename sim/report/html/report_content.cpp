#include "sim/report/html/report_content.hpp"

#include <fmt/format.h>

#include "models/text/input_error.hpp"
#include "sim/report/html/design_row.hpp"
#include "sim/report/html/figures.hpp"
#include "sim/report/html/result_node.hpp"
#include "sim/report/html/vega_spec.hpp"
#include "sim/report/result_kind.hpp"

namespace moeplan::sim {
namespace {

using text::Kind;
using text::Node;

constexpr std::size_t kMostSentences = 60;
constexpr std::size_t kMostProvenance = 80;

std::vector<std::string> sentences_at(const Node& result, const char* key) {
  std::vector<std::string> all;
  for (const Node& item : items_at(result, key)) {
    if (item.kind == Kind::string && all.size() < kMostSentences) {
      all.push_back(item.scalar);
    }
  }
  return all;
}

// The scalars below a map as "key/key" and value; lists of texts joined, the laws left to their
// own figure.
void flatten(const Node& node, const std::string& path, ReportTable& out) {
  if (out.rows.size() >= kMostProvenance || path == "laws") {
    return;
  }
  if (node.kind == Kind::map) {
    for (const Node::Entry& entry : node.entries) {
      flatten(entry.value, path.empty() ? entry.key : path + "/" + entry.key, out);
    }
    return;
  }
  std::string value = node.scalar;
  for (const Node& item : node.items) {
    value += (value.empty() ? "" : ", ") + item.scalar;
  }
  if (node.kind != Kind::null && !value.empty()) {
    out.rows.push_back({path, value});
  }
}

void add_provenance(const Node& result, ReportContent& content) {
  content.provenance.columns = {"input", ""};
  if (const Node* provenance = at(result, "provenance")) {
    flatten(*provenance, "", content.provenance);
  }
  content.provenance.rows.push_back({"schema_version", text_at(result, "schema_version")});
}

void add_design_tiles(const Node& design, const Node& money, ReportContent& content) {
  const auto add = [&](const char* what, const std::string& value) {
    if (!value.empty() && value != "-") {
      content.tiles.emplace_back(what, value);
    }
  };
  const Node* below = at(design, "design");
  const Node& layout = below != nullptr ? *below : design;
  add("experts kept", text_at(layout, "experts_kept"));
  add("GPUs", text_at(layout, "gpus") + " x " + text_at(layout, "gpu"));
  const auto month = number_at(money, "cost_usd_per_month");
  add("USD a month", whole_text(month));
  add("USD per million tokens", digits_text(number_at(money, "cost_usd_per_million_tokens")));
  add("p99 time to first token", duration_text(number_at(design, "ttft/p99_s")));
  add("p99 time per output token", duration_text(number_at(design, "tpot/p99_s")));
  add("accuracy", percent_text(number_at(design, "accuracy")));
}

using MakeFigure = std::optional<ReportFigure> (*)(const Node&);

void add_figures(const Node& result, const std::vector<MakeFigure>& makers,
                 ReportContent& content) {
  for (const MakeFigure make : makers) {
    if (auto figure = make(result)) {
      content.figures.push_back(std::move(*figure));
    }
  }
}

void add_all(std::vector<ReportFigure> figures, ReportContent& content) {
  for (ReportFigure& figure : figures) {
    content.figures.push_back(std::move(figure));
  }
}

void add_fits(const Node& validation, ReportContent& content) {
  add_figures(validation, {validation_table}, content);
  add_all(fit_figures(validation), content);
}

}  // namespace

void add_validation(const text::Document& validation, ReportContent& content) {
  if (result_kind(validation.root) != ResultKind::validation) {
    throw InputError({.code = "E_SCHEMA",
                      .file = validation.file,
                      .mark = {1, 1},
                      .pointer = "",
                      .what = "this is not a validation",
                      .got = "",
                      .expected = "the output of `moeplan validate --points N --format json`",
                      .fix = ""});
  }
  add_fits(validation.root, content);
}

ReportContent report_content(const text::Document& result) {
  const Node& root = result.root;
  ReportContent content;
  content.title = text_at(root, "name");
  switch (result_kind(root)) {
    case ResultKind::plan:
      content.kind = "Plan";
      if (const Node* chosen = at(root, "recommendation")) {
        add_design_tiles(*chosen, *chosen, content);
      } else {
        content.sentences.emplace_back("No design meets the objectives; see why below.");
      }
      add_figures(root,
                  {pareto_figure, accuracy_figure, ttft_figure, tpot_figure, phases_figure,
                   memory_figure, budget_figure, rent_or_buy_figure},
                  content);
      add_all(day_figures(root), content);
      add_figures(root, {intervals_figure, tornado_figure, infeasible_table, law_errors_figure},
                  content);
      break;
    case ResultKind::simulation: {
      content.kind = "Simulation";
      const Node* money = at(root, "money");
      add_design_tiles(root, money != nullptr ? *money : root, content);
      add_figures(root,
                  {ttft_figure, tpot_figure, phases_figure, memory_figure, budget_figure,
                   law_errors_figure},
                  content);
      break;
    }
    case ResultKind::comparison:
      content.kind = "Comparison";
      content.title = "Two results compared";
      add_figures(root, {compared_phases_figure, compared_figures_table, differences_table},
                  content);
      break;
    case ResultKind::validation:
      content.kind = "Validation";
      content.title = "Cost laws of " + text_at(root, "hardware") + " against measurements";
      add_fits(root, content);
      break;
    case ResultKind::other:
      throw InputError({.code = "E_SCHEMA",
                        .file = result.file,
                        .mark = {1, 1},
                        .pointer = "",
                        .what = "this is not a result of moeplan",
                        .got = "",
                        .expected = "the output of `moeplan plan`, `simulate`, `compare` or "
                                    "`validate` with --format json, or a scenario (YAML)",
                        .fix = ""});
  }
  for (const char* key : {"reasons", "warnings"}) {
    auto& into = std::string(key) == "reasons" ? content.sentences : content.warnings;
    for (std::string& sentence : sentences_at(root, key)) {
      into.push_back(std::move(sentence));
    }
  }
  add_provenance(root, content);
  return content;
}

}  // namespace moeplan::sim
