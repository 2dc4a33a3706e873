#pragma once
// Predictions of the open serving measurements and their errors. Two things are fitted to them, the
// host time (no kernel table has it) and, as an unpublished fact of the runs, the skew of the
// routing of each model; both on one half of the rows, chosen by a seed. Errors are those of the
// other half.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "calibrate/fitting/statistics.hpp"
#include "tests/paper/serving_replay.hpp"
#include "tests/paper/serving_rows.hpp"

namespace moeplan::tests {

// host_v1: step + sequence x sequences, and prompt more in a step that holds prompt tokens and is
// in no CUDA graph.
struct HostTime {
  double step_s = 0.0;
  double sequence_s = 0.0;
  double prompt_s = 0.0;
};

// "dense" or "moe": what its layers are.
std::string kind_of(const ServingRow& row);

// How a row was predicted.
enum class Laws { measured, datasheet, scaled };
std::string_view name_of(Laws laws);

// A row's mean latencies as sums over its steps (serving_replay.hpp).
struct Prediction {
  ServingRow row;
  Laws laws = Laws::measured;
  double alpha = 0.0;  // of the routing
  bool held_out = true;
  HostTime host;  // of its engine
  Terms ttft{};
  Terms tpot{};
  std::int64_t preemptions = 0;
  double layers = 0.0;
  double ttft_s() const;
  double tpot_s() const;
  // With another host time.
  double tpot_s(const HostTime& other) const;
};

// The skew of a model's routing.
struct Skew {
  std::vector<std::pair<double, double>> errors;  // exponent, mean |ln error| of TPOT on its half
  double alpha = 0.0;                             // the best of them; 0 where it was not fitted
};

struct Validation {
  std::vector<Prediction> predictions;  // one per row and Laws
  std::map<std::string, int> skipped;   // reason -> rows
  HostTime host;                        // of all engines but:
  std::optional<HostTime> host_ahead;   // those that schedule ahead; absent without such rows
  // s a layer of a step with prompt tokens and without a graph, by kind_of(row): medians of what
  // TTFT leaves on the fitted half of vLLM's rows on H100, whose laws are measured.
  std::map<std::string, double> prompt_layer_s;
  // sd of the log of (measured TPOT - kernels) / host time over the held-out rows of the group that
  // the host time was fitted to: what a prediction has to allow for.
  double host_sd_log = 0.0;
  std::map<std::string, Skew> skews;  // [MoE model]
  std::vector<Prediction> uniform;    // MoE rows again, with uniform routing
};

struct ValidationOptions {
  std::uint64_t seed = 1;
  bool h200 = true;                   // false: rows with measured laws only
  std::vector<std::string> models{};  // Hugging Face names; empty: all. Llama-3.1-70B is always in
};

// `e2e`: the folder ../shared/data/open/e2e. Deterministic.
//   half: in each group() rows are ordered by a random word; the first half is fitted on.
//   host: on the fitted half of the dense model on H100 and vLLM, whose kernels all have a measured
//     law and no routing; least squares of ln(TPOT), Huber.
//   host_ahead: the same on the fitted half of H100 rows whose engine schedules ahead (gpt-oss),
//     with uniform routing.
//   skew: 0, 0.2, ... 1; the least mean |ln error| of TPOT on the fitted half of the model's H100
//     rows, with that host time. Qwen3-235B cannot be uniform: 32 users on TP4 would read 27.9 of a
//     rank's 32 experts, 527 MB a layer, in less time than peak bandwidth takes.
Validation validate(const std::filesystem::path& e2e, const ValidationOptions& options = {});

struct ServingErrors {
  calibrate::ErrorSummary tpot;
  calibrate::ErrorSummary ttft;
};
// Throws: std::logic_error when there is no prediction.
ServingErrors errors_of(const std::vector<const Prediction*>& predictions);

// Pointers to those for which `wanted` holds.
template <class Wanted>
std::vector<const Prediction*> select(const std::vector<Prediction>& predictions, Wanted wanted) {
  std::vector<const Prediction*> chosen;
  for (const Prediction& prediction : predictions) {
    if (wanted(prediction)) {
      chosen.push_back(&prediction);
    }
  }
  return chosen;
}

}  // namespace moeplan::tests
