#include "app/print_config.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace moeplan::app {
namespace {

struct OptionValue {
  std::string flag;
  std::optional<std::string> value;
  std::string from;
};

std::vector<OptionValue> options_of(const CommonOptions& common) {
  static const std::array<std::string, 10> kNotShown = {
      "--help",  "--format",  "--output",  "--seed",     "--threads",
      "--quiet", "--verbose", "--dry-run", "--requests", "--print-config"};
  std::vector<OptionValue> values;
  for (const CLI::Option* option : common.command->get_options()) {
    const std::string flag = option->get_name(false, false);
    if (!flag.starts_with("--") ||
        std::find(kNotShown.begin(), kNotShown.end(), flag) != kNotShown.end()) {
      continue;
    }
    if (option->count() > 0) {
      values.push_back({flag, CLI::detail::join(option->results(), " "), "command line"});
    } else {
      const std::string fallback = option->get_default_str();
      const bool is_flag = option->get_items_expected_max() == 0;
      values.push_back({flag,
                        is_flag            ? std::optional<std::string>("false")
                        : fallback.empty() ? std::nullopt
                                           : std::optional<std::string>(fallback),
                        is_flag || !fallback.empty() ? "default" : "no default"});
    }
  }
  return values;
}

}  // namespace

text::Json option_values(const CommonOptions& common) {
  text::Json out = text::Json::object();
  for (const OptionValue& option : options_of(common)) {
    out.set(option.flag, text::Json::object().set("value", option.value).set("from", option.from));
  }
  return out;
}

std::string option_lines(const CommonOptions& common) {
  std::string out;
  for (const OptionValue& option : options_of(common)) {
    out += sim::config_line(option.flag, option.value.value_or("(not set)"), option.from);
  }
  return out;
}

std::string printed(const text::Json& json, const std::string& lines, const CommonOptions& common) {
  return common.format == "json"    ? json.pretty()
         : common.format == "jsonl" ? json.line() + "\n"
                                    : lines;
}

std::string print_config(const sim::EffectiveValues& values, const CommonOptions& common) {
  return printed(values.json().merge(option_values(common)), values.print() + option_lines(common),
                 common);
}

}  // namespace moeplan::app
