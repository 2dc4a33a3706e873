#include "sim/report/compare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "models/text/input_error.hpp"
#include "models/units/parse.hpp"
#include "sim/report/result_kind.hpp"

namespace moeplan::sim {
namespace {

using text::Kind;
using text::Node;

// A result's leaves in file order: path -> value.
struct Leaves {
  std::vector<std::string> order;
  std::map<std::string, const Node*> values;
};

// Entries of lists of laws and the like are named by what they are, not by their place.
std::string name_of_item(const Node& item, std::size_t index) {
  std::string name;
  for (const char* key : {"gpu", "kernel", "kernel_source", "dtype"}) {
    const Node* part = item.kind == Kind::map ? item.find(key) : nullptr;
    if (part != nullptr && !part->scalar.empty()) {
      name += (name.empty() ? "" : " ") + part->scalar;
    }
  }
  return name.empty() ? fmt::format("{}", index) : name;
}

void collect(const Node& node, const std::string& path, Leaves& out) {
  if (path == "latency_cdf") {  // a picture of ttft and tpot, whose figures are compared
    return;
  }
  const auto below = [&](const std::string& key) { return path.empty() ? key : path + "/" + key; };
  if (node.kind == Kind::map) {
    for (const Node::Entry& entry : node.entries) {
      collect(entry.value, below(entry.key), out);
    }
  } else if (node.kind == Kind::sequence) {
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      collect(node.items[i], below(name_of_item(node.items[i], i)), out);
    }
  } else {
    std::string unique = path;
    for (int copy = 2; out.values.count(unique) > 0; ++copy) {
      unique = fmt::format("{} ({})", path, copy);
    }
    out.order.push_back(unique);
    out.values[unique] = &node;
  }
}

[[noreturn]] void refuse(const text::Document& document, const std::string& what) {
  throw InputError({.code = "E_SCHEMA",
                    .file = document.file,
                    .mark = {1, 1},
                    .pointer = "",
                    .what = what,
                    .got = "",
                    .expected = "the output of `moeplan simulate --format json` or `moeplan plan "
                                "--format json`",
                    .fix = ""});
}

ResultKind kind_of(const text::Document& document) {
  const ResultKind kind = result_kind(document.root);
  if (kind != ResultKind::plan && kind != ResultKind::simulation) {
    refuse(document, "this is not a result of moeplan");
  }
  return kind;
}

Leaves leaves_of(const text::Document& document, ResultKind kind) {
  Leaves leaves;
  if (kind == ResultKind::simulation) {
    collect(document.root, "", leaves);
    return leaves;
  }
  const Node& recommendation = *document.root.find("recommendation");
  if (recommendation.kind != Kind::map) {
    refuse(document, "the plan recommends nothing, so there is nothing to compare");
  }
  collect(recommendation, "", leaves);
  if (const Node* provenance = document.root.find("provenance")) {
    collect(*provenance, "provenance", leaves);
  }
  return leaves;
}

std::optional<double> number_of(const Node* node) {
  return node != nullptr && node->kind == Kind::number ? parse_number(node->scalar) : std::nullopt;
}

std::string text_of(const Node* node) {
  if (node == nullptr) {
    return "absent";
  }
  return node->kind == Kind::null ? "null" : node->scalar;
}

// Shares of the step times the step, both sides.
void add_phases(const Leaves& a, const Leaves& b, Comparison& out) {
  const auto value = [](const Leaves& leaves, const std::string& key) {
    const auto found = leaves.values.find("phases/" + key);
    return found == leaves.values.end() ? 0.0 : number_of(found->second).value_or(0.0);
  };
  out.step_a_s = value(a, "mean_step_s");
  out.step_b_s = value(b, "mean_step_s");
  if (out.step_a_s <= 0.0 || out.step_b_s <= 0.0) {
    return;
  }
  for (std::size_t i = 0; i < kPhaseCount; ++i) {
    const std::string name(name_of(static_cast<Phase>(i)));
    const double left = value(a, name + "_fraction") * out.step_a_s;
    const double right = value(b, name + "_fraction") * out.step_b_s;
    if (left > 0.0 || right > 0.0) {
      out.phases.push_back({name, left, right});
    }
  }
  std::stable_sort(out.phases.begin(), out.phases.end(),
                   [](const ComparedFigure& x, const ComparedFigure& y) {
                     return std::abs(x.b - x.a) > std::abs(y.b - y.a);
                   });
}

std::string shown(const std::string& key, double value) {
  if (key.ends_with("_s") && !key.ends_with("per_s")) {
    return to_text(Seconds(value));
  }
  return key.ends_with("_bytes") ? to_text(Bytes(value)) : fmt::format("{:.6g}", value);
}

std::string ratio_text(const ComparedFigure& figure) {
  const std::optional<double> ratio = figure.ratio();
  return ratio ? fmt::format("x{:.3f}", *ratio) : "-";
}

}  // namespace

Comparison compare_results(const text::Document& a, const text::Document& b) {
  const ResultKind kind = kind_of(a);
  if (kind_of(b) != kind) {
    refuse(b, "a plan and a simulation cannot be compared");
  }
  const Leaves left = leaves_of(a, kind);
  const Leaves right = leaves_of(b, kind);
  Comparison result;
  const auto add = [&](const std::string& key, const Node* x, const Node* y) {
    const auto number_a = number_of(x);
    const auto number_b = number_of(y);
    if (number_a && number_b) {
      result.figures.push_back({key, *number_a, *number_b});
    } else if (text_of(x) != text_of(y)) {
      result.texts.push_back({key, text_of(x), text_of(y)});
    }
  };
  for (const std::string& key : left.order) {
    const auto found = right.values.find(key);
    add(key, left.values.at(key), found == right.values.end() ? nullptr : found->second);
  }
  for (const std::string& key : right.order) {
    if (left.values.count(key) == 0) {
      add(key, nullptr, right.values.at(key));
    }
  }
  add_phases(left, right, result);
  return result;
}

text::Json comparison_json(const Comparison& comparison) {
  const auto list = [](const std::vector<ComparedFigure>& figures) {
    text::Json rows = text::Json::array();
    for (const ComparedFigure& figure : figures) {
      rows.push(text::Json::object()
                    .set("key", figure.key)
                    .set("a", figure.a)
                    .set("b", figure.b)
                    .set("ratio", figure.ratio()));
    }
    return rows;
  };
  text::Json texts = text::Json::array();
  for (const ComparedText& each : comparison.texts) {
    texts.push(text::Json::object().set("key", each.key).set("a", each.a).set("b", each.b));
  }
  return text::Json::object()
      .set("schema_version", 1)
      .set("figures", list(comparison.figures))
      .set("differences", texts)
      .set("phase_seconds_per_step", list(comparison.phases));
}

std::string comparison_text(const Comparison& comparison, const std::string& name_a,
                            const std::string& name_b, TextStyle style) {
  ReportWriter out(style);
  out.title(fmt::format("A {}, B {}", name_a, name_b));
  if (!comparison.texts.empty()) {
    out.heading("What differs");
    TextTable table({"", "A", "B"});
    for (const ComparedText& each : comparison.texts) {
      table.add({each.key, each.a, each.b});
    }
    out.table(table);
  }
  TextTable changed({"", "A", "B", "B / A"});
  std::size_t equal = 0;
  for (const ComparedFigure& figure : comparison.figures) {
    if (figure.a == figure.b) {
      ++equal;
      continue;
    }
    changed.add(
        {figure.key, shown(figure.key, figure.a), shown(figure.key, figure.b), ratio_text(figure)});
  }
  out.heading("Figures");
  if (!changed.empty()) {
    out.table(changed);
  }
  out.item(fmt::format("{} figures are equal", equal));
  if (!comparison.phases.empty()) {
    const double change = comparison.step_b_s - comparison.step_a_s;
    out.heading("Why: mean time of a step by phase");
    TextTable table({"phase", "A", "B", "B / A", "change", "of the change, %"});
    for (const ComparedFigure& phase : comparison.phases) {
      const double part = phase.b - phase.a;
      table.add({phase.key, to_text(Seconds(phase.a)), to_text(Seconds(phase.b)), ratio_text(phase),
                 fmt::format("{:+.1f} us", part * 1e6),
                 change != 0.0 ? fmt::format("{:.0f}", 100.0 * part / change) : "-"});
    }
    out.table(table);
  }
  return out.text();
}

}  // namespace moeplan::sim
