#pragma once
// A report as files: one self-contained HTML page, and every figure's spec for those who restyle
// it.

#include <string>
#include <vector>

#include "sim/report/html/report_content.hpp"

namespace moeplan::sim {

// False where npm could not fetch what draws the figures when this program was built.
bool can_draw();

// The page: no network, nothing beside it. Pictures, a table under each, what it rests on.
// version: of the program that writes it. Throws: std::logic_error unless can_draw().
std::string html_page(const ReportContent& content, const std::string& version);

struct SpecFile {
  std::string name;  // "pareto.vl.json"
  std::string text;  // with $schema, title and description
};
std::vector<SpecFile> spec_files(const ReportContent& content);

}  // namespace moeplan::sim
