#pragma once
// A small sweep for tests: one design at several rates, a fraction of a second in all.

#include <string>
#include <vector>

#include "sim/sweep/result_store.hpp"
#include "sim/sweep/task_list.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::tests {

// 64 of 128 experts on one H100; the workload is at `rate` (YAML: a value, list or range).
struct SweptScenario : ScenarioFile {
  explicit SweptScenario(const std::string& rate);
};
// How it is evaluated here: 200 requests on two engines.
sim::SweepOptions small_runs();

// All rows of a list, evaluated one after the other.
std::vector<sim::Row> rows_of(const sim::TaskList& tasks);
// A store with these rows.
sim::ResultStore store_of(const sim::SweepInfo& info, const std::vector<sim::Row>& rows);

}  // namespace moeplan::tests
