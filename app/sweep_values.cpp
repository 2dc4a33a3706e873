// --print-config of a sweep: the first point as any scenario, then every axis with its values.

#include <fmt/format.h>

#include "app/print_config.hpp"
#include "app/sweep_command.hpp"

namespace moeplan::app {
namespace {

std::string value_text(const sim::Value& value) {
  return value.texts.size() == 1 ? value.texts.front() : "[" + joined(value.texts) + "]";
}

std::string place(const SweepCommand& command, const sim::Axis& axis) {
  return fmt::format("{}:{}:{}", command.scenario, axis.mark.line, axis.mark.column);
}

sim::EffectiveValues first_point(const SweepCommand& command, const sim::TaskList& tasks) {
  if (tasks.is_static()) {
    return sim::effective_values(tasks.static_scenario(0));
  }
  sim::EffectiveValues point =
      sim::effective_values(tasks.scenario(0), {.seed = {}, .requests = command.requests});
  // Every point's seed comes from its id unless one is stated for all.
  point.at("seed").from = command.common.seed ? "--seed" : "derived: from the point's id";
  return point;
}

}  // namespace

std::string sweep_values(const SweepCommand& command, const sim::TaskList& tasks) {
  const sim::EffectiveValues point = first_point(command, tasks);
  text::Json axes = text::Json::object();
  std::string lines;
  for (const sim::Axis& axis : tasks.axes()) {
    text::Json list = text::Json::array();
    lines += fmt::format("sweep {:<32} {} values:", axis.path, axis.values.size());
    for (const sim::Value& value : axis.values) {
      list.push(value.texts.size() == 1 ? text::Json(value.texts.front())
                                        : text::Json(value.texts));
      lines += " " + value_text(value) + ";";
    }
    lines += " " + place(command, axis) + "\n";
    axes.set(axis.path,
             text::Json::object().set("values", std::move(list)).set("from", place(command, axis)));
  }
  const text::Json json = text::Json::object()
                              .set("first_point", point.json())
                              .set("sweep", std::move(axes))
                              .set("options", option_values(command.common));
  return printed(json, point.print() + lines + option_lines(command.common), command.common);
}

}  // namespace moeplan::app
