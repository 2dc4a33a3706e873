#include "tests/sim/sweep/sweep_scenario.hpp"

#include "sim/sweep/evaluate_task.hpp"

namespace moeplan::tests {

SweptScenario::SweptScenario(const std::string& rate) {
  set("pruning", "{experts_kept: 64, router: reinitialised}");
  set("hardware", "{gpu: h100-sxm, gpus: 1}");
  set("parallelism", "{expert_parallel: false}");
  set("workload", "{rate: " + rate + ", input_tokens: {tokens: 300}, output_tokens: {tokens: 40}}");
}

sim::SweepOptions small_runs() {
  return {
      .version = "test", .evaluation = sim::Evaluation::simulate, .replicas = 2, .requests = 200};
}

std::vector<sim::Row> rows_of(const sim::TaskList& tasks) {
  std::vector<sim::Row> rows;
  for (std::int64_t task = 0; task < tasks.size(); ++task) {
    rows.push_back(*evaluate_task(tasks, task, {}));
  }
  return rows;
}

sim::ResultStore store_of(const sim::SweepInfo& info, const std::vector<sim::Row>& rows) {
  sim::ResultStore store = sim::ResultStore::temporary();
  store.begin(info);
  for (const sim::Row& row : rows) {
    store.add(row);
  }
  store.commit();
  return store;
}

}  // namespace moeplan::tests
