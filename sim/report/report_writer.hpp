#pragma once
// ReportWriter: headings, items and tables of a report, as plain text for a terminal or as
// Markdown; and the section that every report ends with.

#include <string>

#include "sim/report/plan_json.hpp"
#include "sim/report/text_table.hpp"

namespace moeplan::sim {

enum class TextStyle { terminal, markdown };

class ReportWriter {
 public:
  explicit ReportWriter(TextStyle style) : markdown_(style == TextStyle::markdown) {}

  void title(const std::string& text);
  void heading(const std::string& title);
  void item(const std::string& text);
  void table(const TextTable& table);
  const std::string& text() const { return out_; }

 private:
  bool markdown_;
  std::string out_;
};

// "What this rests on": scenario and hash, seed, traffic, every law with its errors and source.
void add_provenance(const Scenario& scenario, const ReportContext& context, ReportWriter& out);

}  // namespace moeplan::sim
