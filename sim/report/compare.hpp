#pragma once
// Compare: what changed between two results (moeplan compare A B), and why: every figure side by
// side, the scenario keys that differ, and the phases of a step that carry the difference.

#include <string>
#include <vector>

#include "models/text/json.hpp"
#include "models/text/node.hpp"
#include "sim/report/report_writer.hpp"

namespace moeplan::sim {

// One figure of both results; the ratio b / a, nullopt where a is 0.
struct ComparedFigure {
  std::string key;  // path in the JSON: "ttft/p99_s"
  double a = 0.0;
  double b = 0.0;
  std::optional<double> ratio() const { return a != 0.0 ? std::optional(b / a) : std::nullopt; }
};

// One value that differs and is not a number, or stands in one result only ("absent").
struct ComparedText {
  std::string key;
  std::string a;
  std::string b;
};

struct Comparison {
  std::vector<ComparedFigure> figures;  // in A's order
  std::vector<ComparedText> texts;      // that differ
  // Seconds per step by phase, largest change first; empty when a result has no phases.
  std::vector<ComparedFigure> phases;
  double step_a_s = 0.0;
  double step_b_s = 0.0;
};

// a, b: roots of two documents that `simulate --format json` or `plan --format json` wrote; of a
// plan, its recommendation. Provenance counts where it can change a figure: scenario, seed, model,
// precision, laws. Throws: InputError E_SCHEMA for other documents, for two different kinds, and
// for a plan without a recommendation.
Comparison compare_results(const text::Document& a, const text::Document& b);

text::Json comparison_json(const Comparison& comparison);
std::string comparison_text(const Comparison& comparison, const std::string& name_a,
                            const std::string& name_b, TextStyle style);

}  // namespace moeplan::sim
