#pragma once
// Results of lm-evaluation-harness as it writes them, to be changed key by key for a test: boolq
// (400 samples) and rte (277).

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace moeplan::models::tests {

struct HarnessFile {
  std::map<std::string, std::string> results = {
      {"boolq", R"({"alias": "boolq", "acc,none": 0.84, "acc_stderr,none": 0.018})"},
      {"rte", R"({"alias": "rte", "acc,none": 0.7, "acc_stderr,none": 0.03})"}};
  std::map<std::string, std::string> groups = {{"boolq", "[]"}, {"rte", "[]"}};
  std::map<std::string, std::int64_t> samples = {{"boolq", 400}, {"rte", 277}};
  std::pair<std::string, std::string> lower_is_better;  // task, metric
  std::string limit = "null";
  std::string model = "org/model";
  std::string version = "1";  // of rte
  std::string shots = "0";
  std::string hash = "\"abc\"";

  std::string text() const {
    std::string counted;
    for (const auto& [task, n] : samples) {
      counted += fmt::format(R"({}"{}": {{"original": {}, "effective": {}}})",
                             counted.empty() ? "" : ", ", task, n, n);
    }
    const std::string better = lower_is_better.first.empty()
                                   ? "{}"
                                   : fmt::format(R"({{"{}": {{"{}": false}}}})",
                                                 lower_is_better.first, lower_is_better.second);
    return fmt::format(
        R"({{"results": {{{}}}, "group_subtasks": {{{}}}, "configs": {{}},
"versions": {{"boolq": 2, "rte": {}}}, "n-shot": {{"boolq": 0, "rte": {}}},
"higher_is_better": {}, "n-samples": {{{}}},
"config": {{"model": "hf", "model_args": "pretrained={}", "limit": {}}},
"git_hash": "0123abcd", "date": 1764412345.6, "lm_eval_version": "0.4.9",
"model_name": "{}", "task_hashes": {{"rte": {}}}, "total_evaluation_time_seconds": "12.5"}})",
        entries(results), entries(groups), version, shots, better, counted, model, limit, model,
        hash);
  }

 private:
  static std::string entries(const std::map<std::string, std::string>& map) {
    std::string out;
    for (const auto& [key, value] : map) {
      out += fmt::format("{}\"{}\": {}", out.empty() ? "" : ",\n  ", key, value);
    }
    return out;
  }
};

}  // namespace moeplan::models::tests
