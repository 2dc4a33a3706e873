#pragma once
// ReportFigure: one picture of a report, with the numbers behind it.

#include <string>
#include <vector>

#include "models/text/json.hpp"

namespace moeplan::sim {

struct ReportTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as columns
};

struct ReportFigure {
  std::string id;       // of lower-case letters and _: its anchor, and its file ID.vl.json
  std::string title;    // what it shows
  std::string caption;  // how to read it, in a sentence or two
  text::Json spec;      // Vega-Lite with its data inline, without a title; null: a table alone
  ReportTable table;
};

}  // namespace moeplan::sim
