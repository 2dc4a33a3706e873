#include "sim/report/html/page.hpp"

#include <fmt/format.h>

#include "models/units/require.hpp"
#include "sim/report/html/escape.hpp"
#include "sim/report/html/inlined.hpp"

namespace moeplan::sim {
namespace {

using text::Json;

// Nothing is loaded, and nothing but what stands in the page is run (specs are interpreted, not
// compiled), whatever the strings of a result may hold.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "base-uri 'none'; form-action 'none'";

constexpr const char* kSchema = "https://vega.github.io/schema/vega-lite/v6.json";

// A figure that is a table alone has no spec.
bool is_drawn(const ReportFigure& figure) { return figure.spec.line() != "null"; }

bool is_number_like(const std::string& cell) {
  return !cell.empty() && cell.size() < 16 &&
         (cell.find_first_of("0123456789") == 0 || cell[0] == '-' || cell[0] == '+');
}

// Cells of a column stand under each other: to the right where all of them are numbers.
std::vector<bool> number_columns(const ReportTable& table) {
  std::vector<bool> numbers(table.columns.size(), !table.rows.empty());
  for (const std::vector<std::string>& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      numbers[i] = numbers[i] && i > 0 && is_number_like(row[i]);
    }
  }
  return numbers;
}

void add_table(const ReportTable& table, std::string& out) {
  const std::vector<bool> numbers = number_columns(table);
  out += "<div class=\"scroll\"><table><thead><tr>";
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    out += numbers[i] ? "<th scope=\"col\" class=\"number\">" : "<th scope=\"col\">";
    out += escape_html(table.columns[i]) + "</th>";
  }
  out += "</tr></thead><tbody>\n";
  for (const std::vector<std::string>& row : table.rows) {
    out += "<tr>";
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += i == 0 ? "<th scope=\"row\">" : numbers[i] ? "<td class=\"number\">" : "<td>";
      out += escape_html(row[i]);
      out += i == 0 ? "</th>" : "</td>";
    }
    out += "</tr>\n";
  }
  out += "</tbody></table></div>\n";
}

void add_figure(const ReportFigure& figure, std::string& out) {
  out += fmt::format(
      "<section id=\"{}\">\n<div class=\"whole\">\n<h2>{}</h2>\n<p class=\"caption\">{}</p>\n",
      figure.id, escape_html(figure.title), escape_html(figure.caption));
  if (is_drawn(figure)) {
    out += fmt::format("<div class=\"figure\" id=\"figure-{}\"></div>\n", figure.id);
  }
  out += "</div>\n";
  out += fmt::format("<details{}><summary>Numbers</summary>\n", is_drawn(figure) ? "" : " open");
  add_table(figure.table, out);
  out += "</details>\n</section>\n";
}

void add_list(const char* title, const char* kind, const std::vector<std::string>& sentences,
              std::string& out) {
  if (sentences.empty()) {
    return;
  }
  out += fmt::format("<section class=\"{}\">\n<h2>{}</h2>\n<ul>\n", kind, title);
  for (const std::string& sentence : sentences) {
    out += "<li>" + escape_html(sentence) + "</li>\n";
  }
  out += "</ul>\n</section>\n";
}

Json embedded_specs(const ReportContent& content) {
  Json specs = Json::array();
  for (const ReportFigure& figure : content.figures) {
    if (is_drawn(figure)) {
      specs.push(
          Json::object().set("id", figure.id).set("title", figure.title).set("spec", figure.spec));
    }
  }
  return specs;
}

}  // namespace

bool can_draw() { return !bundle().empty(); }

std::string html_page(const ReportContent& content, const std::string& version) {
  require(can_draw(), "a page needs the libraries that draw its figures");
  const std::string title = escape_html(content.title.empty() ? content.kind : content.title);
  std::string out = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"color-scheme\" content=\"light "
      "dark\">\n<title>{}</title>\n<style>\n{}</style>\n"
      "</head>\n<body>\n<header>\n<p class=\"kind\">{} by moeplan {}</p>\n<h1>{}</h1>\n</header>\n"
      "<main>\n",
      kPolicy, title, page_style(), escape_html(content.kind), escape_html(version), title);
  out +=
      "<noscript><p class=\"notice\">The pictures need JavaScript; all numbers stand in the tables "
      "under them.</p></noscript>\n<p class=\"notice\" id=\"problem\" hidden></p>\n";
  if (!content.tiles.empty()) {
    out += "<dl class=\"tiles\">\n";
    for (const auto& [what, value] : content.tiles) {
      out += "<div><dt>" + escape_html(what) + "</dt><dd>" + escape_html(value) + "</dd></div>\n";
    }
    out += "</dl>\n";
  }
  add_list(content.kind == "Plan" ? "Recommendation" : "Findings", "reasons", content.sentences,
           out);
  add_list("Take care", "warnings", content.warnings, out);
  for (const ReportFigure& figure : content.figures) {
    add_figure(figure, out);
  }
  out += "<section class=\"provenance\" id=\"provenance\">\n<h2>What this rests on</h2>\n";
  add_table(content.provenance, out);
  out +=
      "</section>\n</main>\n<footer>\n<details><summary>Licences of what draws the "
      "figures</summary><pre>";
  out += escape_html(licences());
  out += "</pre></details>\n</footer>\n<script type=\"application/json\" id=\"specs\">";
  out += escape_script_json(embedded_specs(content).line());
  out += "</script>\n<script>";
  out += bundle();
  out += "</script>\n<script>\n";
  out += page_script();
  out += "</script>\n</body>\n</html>\n";
  return out;
}

std::vector<SpecFile> spec_files(const ReportContent& content) {
  std::vector<SpecFile> files;
  for (const ReportFigure& figure : content.figures) {
    if (is_drawn(figure)) {
      Json spec = Json::object()
                      .set("$schema", kSchema)
                      .set("title", figure.title)
                      .set("description", figure.caption);
      spec.merge(figure.spec);
      files.push_back({figure.id + ".vl.json", spec.pretty()});
    }
  }
  return files;
}

}  // namespace moeplan::sim
