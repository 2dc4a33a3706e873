#pragma once
// Checker: problems found after the field table's checks, where values meet each other and the
// catalog; each is located at its key of the scenario.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/scenario/scenario.hpp"
#include "sim/scenario/values.hpp"

namespace moeplan::sim {

class Checker {
 public:
  Checker(const ScenarioValues& values, text::Problems& problems)
      : values_(values), problems_(problems) {}

  void problem(const std::string& path, std::string code, std::string what, std::string expected,
               std::string fix = "") {
    problems_.add({.code = std::move(code),
                   .mark = values_.mark(path),
                   .pointer = pointer_of(path),
                   .what = std::move(what),
                   .got = values_.text(path),
                   .expected = std::move(expected),
                   .fix = std::move(fix)});
  }

  // Runs a loader of a named thing; its problems become ours, located at the key.
  template <class Load>
  auto loaded(const std::string& path, Load load) -> std::optional<decltype(load())> {
    try {
      return load();
    } catch (const InputError& error) {
      for (Problem inner : error.problems()) {
        if (inner.file.empty() || inner.mark.line == 0) {
          problem(path, inner.code, inner.what, inner.expected, inner.fix);
        } else {
          foreign_.push_back(std::move(inner));
        }
      }
      return std::nullopt;
    }
  }

  // Throws: InputError with this file's problems and those of files it names.
  void throw_if_any() {
    std::vector<Problem> all = problems_.list();
    all.insert(all.end(), foreign_.begin(), foreign_.end());
    if (!all.empty()) {
      throw InputError(std::move(all));
    }
  }

 private:
  const ScenarioValues& values_;
  text::Problems& problems_;
  std::vector<Problem> foreign_;
};

// The traffic of the scenario: arrivals, lengths, run length, routing.
Workload read_workload(Checker& check, const ScenarioValues& values);

}  // namespace moeplan::sim
