#pragma once
// ReportContent: what a report says, before any HTML: the result's own sentences, its headline
// figures, the pictures it has data for, and what it rests on.

#include <string>
#include <utility>
#include <vector>

#include "models/text/node.hpp"
#include "sim/report/html/figure.hpp"

namespace moeplan::sim {

struct ReportContent {
  std::string kind;                                        // "Plan", "Simulation", "Comparison"
  std::string title;                                       // the scenario's name
  std::vector<std::pair<std::string, std::string>> tiles;  // headline: what, value
  std::vector<std::string> sentences;                      // why, from the result
  std::vector<std::string> warnings;
  std::vector<ReportFigure> figures;
  ReportTable provenance;  // inputs, hashes, seed, version, prices and their dates
};

// result: of `moeplan plan`, `simulate`, `compare` or `validate`, --format json. Figures in reading
// order, those without data left out. Throws: InputError E_SCHEMA for other documents.
ReportContent report_content(const text::Document& result);

// Adds the fits of a validation to a report of something else.
// Throws: InputError E_SCHEMA for what is no validation.
void add_validation(const text::Document& validation, ReportContent& content);

}  // namespace moeplan::sim
