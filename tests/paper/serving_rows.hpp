#pragma once
// ServingRow: one measured serving run of ../shared/data/open/e2e (README.md there), and how it was
// run in our terms: the scenario and the candidate, or why we cannot run it yet.

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "sim/deployment/deployment.hpp"

namespace moeplan::tests {

struct ServingRow {
  std::string id;
  std::string system;     // h100_sxm, h200_sxm
  std::string model;      // Hugging Face name
  std::string backend;    // vllm, trtllm
  std::string version;    // of the backend; "" where not published
  std::string precision;  // as published: fp8, fp4
  int gpus = 1;
  int tp = 1;
  int dp = 1;
  int moe_tp = 0;  // 0: dense model
  int moe_ep = 0;
  int input_tokens = 0;   // most; lengths are uniform in [0.8 L, L]
  int output_tokens = 0;  // most
  int concurrency = 0;
  double ttft_s = 0.0;
  double tpot_s = 0.0;

  // vLLM from 0.14 on schedules the next step while the GPUs run this one (release notes v0.14.0:
  // async scheduling on by default, PR 27614; repeated in github.com/OpenBMB/UltraRAG/pull/259).
  // Older runs may have switched it on by hand; nobody says.
  bool schedules_ahead() const;
  // "Qwen3-235B-A22B-FP8 h100_sxm trtllm fp8 tp4"
  std::string group() const;
};

// The rows of aic_silicon_dense_llama70b_open.csv and aic_silicon_moe_open.csv, in file order.
// Throws: InputError for a file that is not as its README says.
std::vector<ServingRow> read_serving_rows(const std::filesystem::path& e2e);

// A row's design.
struct ServingSetup {
  std::string architecture;  // catalog id
  std::string gpu;           // catalog id
  std::string precision;
  std::string kv_precision;
  sim::Candidate candidate;
};

// The setup, or the reason why this row is skipped.
std::variant<ServingSetup, std::string> setup_of(const ServingRow& row);

// What a prediction assumes beyond the row.
struct ServingAssumption {
  // Exponent of the routing's power law; 0 is uniform.
  double alpha = 0.0;
  // H200 with the laws of the H100 profile (the same die), memory bandwidths scaled with the data
  // sheets' 4.8 / 3.35 TB/s, instead of data-sheet laws. No effect on H100.
  bool scaled_profile = false;
};

// The row's scenario: closed loop at its concurrency, 10 x concurrency requests, lengths uniform in
// [0.8 L, L], max_sequences = concurrency, max_batched_tokens 8192.
sim::Scenario scenario_of(const ServingRow& row, const ServingSetup& setup,
                          const ServingAssumption& assumption);

}  // namespace moeplan::tests
