#pragma once
// HarnessResults: one results_<date>.json of lm-evaluation-harness (0.4 and later), as written.
// Source: EleutherAI/lm-evaluation-harness, lm_eval/loggers/evaluation_tracker.py and evaluator.py:
// results[task]["metric,filter"], "metric_stderr,filter" a number or "N/A", group_subtasks,
// n-samples[task].effective, versions, n-shot, task_hashes, config.limit; read 2026-11-29.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace moeplan::models {

struct HarnessMetric {
  double value = 0.0;
  std::optional<double> standard_error;  // "N/A" or absent: not known
  bool higher_is_better = true;
};

struct HarnessTask {
  std::map<std::string, HarnessMetric> metrics;  // "acc,none"; empty: the task carries none
  std::vector<std::string> subtasks;             // not empty: a group
  std::int64_t samples = 0;  // evaluated, of a group: in all its tasks; 0: unknown
  // What makes two runs comparable, as text: version, n-shot, hash; "" where the file does not say.
  std::string version;
  std::string shots;
  std::string hash;
  bool old_format = false;  // metrics without a filter, as before 0.4
};

struct HarnessResults {
  std::string file;  // as the user named it
  std::string sha256;
  std::string model;    // model_name; "" where the file does not say
  std::string harness;  // lm_eval_version
  std::string date;
  std::string limit;                         // config.limit: a partial run; "" for a whole one
  std::map<std::string, HarnessTask> tasks;  // groups among them
};

// path: the file, or a directory that holds exactly one results_*.json, itself or one level down
// (as --output_path makes it).
// Throws: InputError: none or several such files; no results; numbers that are none (NaN).
HarnessResults read_harness_results(const std::filesystem::path& path);

}  // namespace moeplan::models
