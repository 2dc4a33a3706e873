#include "app/man_page.hpp"

#include <sstream>

namespace moeplan::app {
namespace {

// What an option is called: "-o, --output TEXT".
std::string names_and_value(const CLI::Option& option) {
  std::string out = "\\fB" + roff_text(option.get_name(true, true)) + "\\fR";
  if (!option.get_type_name().empty() && option.get_expected_max() != 0) {
    out += " \\fI" + roff_text(option.get_type_name()) + "\\fR";
  }
  if (!option.get_default_str().empty()) {
    out += " (default " + roff_text(option.get_default_str()) + ")";
  }
  return out;
}

void add_options(const CLI::App& app, std::string& out) {
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_group().empty()) {  // hidden ones have none
      out +=
          ".TP\n" + names_and_value(*option) + "\n" + roff_text(option->get_description()) + "\n";
    }
  }
}

// A footer as it is laid out: examples and tables keep their lines.
void add_as_is(const std::string& text, std::string& out) {
  if (!text.empty()) {
    out += ".PP\n.nf\n" + roff_text(text) + (text.ends_with('\n') ? "" : "\n") + ".fi\n";
  }
}

void add_commands(const CLI::App& app, const std::string& path, std::string& out) {
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    const std::string name = path + " " + sub->get_name();
    out += ".SS " + roff_text(name) + "\n" + roff_text(sub->get_description()) + "\n";
    add_options(*sub, out);
    add_as_is(sub->get_footer(), out);
    add_commands(*sub, name, out);
  }
}

}  // namespace

std::string roff_text(const std::string& text) {
  std::string out;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!out.empty()) {
      out += '\n';
    }
    if (line.starts_with('.') || line.starts_with('\'')) {
      out += "\\&";
    }
    for (const char c : line) {
      out += c == '\\' ? "\\e" : c == '-' ? "\\-" : std::string(1, c);
    }
  }
  return out;
}

std::string man_page(const CLI::App& app, const std::string& version) {
  const std::string title = app.get_description();
  std::string out =
      ".TH MOEPLAN 1 \"\" \"moeplan " + roff_text(version) + "\"\n.SH NAME\n" +
      roff_text(title.substr(0, title.find(':'))) + " \\- " +
      roff_text(title.substr(std::min(title.size(), title.find(':') + 2))) +
      "\n.SH SYNOPSIS\n\\fBmoeplan\\fR \\fICOMMAND\\fR [\\fIOPTIONS\\fR]\n.SH OPTIONS\n";
  add_options(app, out);
  add_as_is(app.get_footer(), out);
  out += ".SH COMMANDS\n";
  add_commands(app, "moeplan", out);
  return out +
         ".SH ENVIRONMENT\n.TP\nNO_COLOR\nNo colours on a terminal.\n.SH SEE ALSO\n"
         "README.md, scenarios/README.md (every key of a scenario)\n";
}

}  // namespace moeplan::app
