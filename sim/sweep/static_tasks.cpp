// TaskList of static forward passes (engine.regime: static_forward).

#include <algorithm>

#include "sim/sweep/task_list.hpp"

namespace moeplan::sim {
namespace {

// What a serving scenario would take as candidates.
constexpr const char* kCandidates[] = {"pruning.experts_kept", "hardware.gpu", "hardware.gpus"};

InputError wrong_regime(const std::string& file, Mark mark, std::string what, std::string got,
                        std::string expected, std::string fix) {
  return InputError({.code = "E_VALUE",
                     .file = file,
                     .mark = mark,
                     .pointer = pointer_of("engine.regime"),
                     .what = std::move(what),
                     .got = std::move(got),
                     .expected = std::move(expected),
                     .fix = std::move(fix)});
}

// A point of each item of a list, as {each: [...]} would make them.
Axis axis_of(const ScenarioValues& values, const std::string& path) {
  const std::vector<std::string> texts = values.texts(path);
  const std::vector<double> numbers = values.numbers(path);
  Axis axis{.path = path, .mark = values.mark(path), .values = {}};
  for (std::size_t i = 0; i < texts.size(); ++i) {
    Value value;
    value.texts = {texts[i]};
    if (i < numbers.size()) {
      value.numbers = {numbers[i]};
    }
    value.mark = values.item_mark(path, i);
    axis.values.push_back(std::move(value));
  }
  return axis;
}

std::size_t place_of(const Axis& axis) {
  const std::vector<Field>& fields = scenario_fields();
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const Field& field) { return field.path == axis.path; });
  return static_cast<std::size_t>(found - fields.begin());
}

}  // namespace

void TaskList::make_static() {
  for (const Axis& axis : axes_) {
    if (axis.path == "engine.regime") {
      throw wrong_regime(path_.string(), axis.mark,
                         "rows of the two regimes have different columns", "", "one regime",
                         "a sweep for each");
    }
  }
  static_ = fixed_.text("engine.regime") == "static_forward";
  if (!static_) {
    return;
  }
  if (options_.evaluation == Evaluation::plan) {
    throw wrong_regime(path_.string(), fixed_.mark("engine.regime"),
                       "a static forward pass has no requests, so there is nothing to plan for",
                       "--evaluate plan", "--evaluate simulate", "");
  }
  for (const char* key : kCandidates) {
    if (fixed_.texts(key).size() > 1) {
      axes_.push_back(axis_of(fixed_, key));
      fixed_.set(key, axes_.back().values.front());
    }
  }
  std::stable_sort(axes_.begin(), axes_.end(), [](const Axis& a, const Axis& b) {
    return place_of(a) < place_of(b);  // the order of the field table, as all axes have
  });
}

StaticScenario TaskList::static_scenario(std::int64_t task) const {
  return make_static_scenario(values(task), path_, sha256_, *inputs_);
}

void TaskList::check(std::int64_t task) const {
  if (static_) {
    static_scenario(task);
  } else {
    scenario(task);
  }
}

}  // namespace moeplan::sim
