#include "app/usage.hpp"

#include <fmt/format.h>

#include "models/text/input_error.hpp"

namespace moeplan::app {
namespace {

std::vector<std::string> names_of_options(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

std::vector<std::string> names_of_subcommands(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(sub->get_name());
  }
  return names;
}

// The first argument after the selected subcommand's name that is not an option.
std::string first_word(const CLI::App& app, const CLI::App& chosen,
                       const std::vector<std::string>& arguments) {
  bool below = &chosen == &app;
  for (const std::string& argument : arguments) {
    if (below && !argument.empty() && argument.front() != '-') {
      return argument;
    }
    below = below || argument == chosen.get_name();
  }
  return "";
}

}  // namespace

const CLI::App* selected(const CLI::App* app) {
  for (auto below = app->get_subcommands(); !below.empty(); below = app->get_subcommands()) {
    app = below.front();
  }
  return app;
}

std::string usage_error(const CLI::App& app, const CLI::ParseError& error,
                        const std::vector<std::string>& arguments) {
  const CLI::App& chosen = *selected(&app);
  Problem problem{.code = "E_USAGE", .what = error.what()};
  const std::vector<std::string> subcommands = names_of_subcommands(chosen);
  const std::string word = first_word(app, chosen, arguments);
  const std::vector<std::string> extras = app.remaining(true);
  if (!subcommands.empty() && !word.empty()) {
    problem.what = fmt::format("unknown subcommand '{}'", word);
    problem.expected = "one of " + joined(subcommands);
    problem.fix = did_you_mean(word, subcommands);
  } else if (!subcommands.empty() && extras.empty()) {
    problem.what = "no subcommand";
    problem.expected = "one of " + joined(subcommands);
  } else if (!extras.empty() && dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    const bool option = extras.front().starts_with("-");
    const std::string name = extras.front().substr(0, extras.front().find('='));
    problem.what = fmt::format("unknown {} '{}'", option ? "option" : "argument", extras.front());
    problem.fix = option ? did_you_mean(name, names_of_options(chosen)) : "";
  }
  return problem.text();
}

}  // namespace moeplan::app
