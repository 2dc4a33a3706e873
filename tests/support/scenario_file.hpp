#pragma once
// ScenarioFile: a small valid scenario in a temporary folder, changed key by key for a test.

#include <filesystem>
#include <map>
#include <string>

#include "sim/scenario/scenario.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {

class ScenarioFile {
 public:
  // Qwen3-30B-A3B on h100-sxm, closed figures, 2000 requests a run: a plan takes a second.
  ScenarioFile() = default;
  // Replaces or adds a section's YAML ("hardware" -> "{gpu: h100-sxm, gpus: [1, 2]}"); "" removes.
  ScenarioFile& set(const std::string& section, const std::string& yaml);
  // Writes it and returns its path.
  std::filesystem::path write() const;
  sim::Scenario load() const { return sim::load_scenario(write()); }
  const std::filesystem::path& folder() const { return directory_.path(); }

 private:
  TemporaryDirectory directory_;
  std::map<std::string, std::string> sections_ = {
      {"name", "test"},
      {"model", "{architecture: qwen3-30b-a3b, precision: bf16}"},
      {"pruning", "{experts_kept: [128, 64], router: reinitialised}"},
      {"hardware", "{gpu: h100-sxm, gpus: [1, 2]}"},
      {"workload",
       "{rate: 60 requests/s, requests: 1500, input_tokens: {distribution: log_normal, median: "
       "500, "
       "sigma: 0.7, max: 4000}, output_tokens: {distribution: log_normal, median: 100, sigma: 0.6, "
       "max: 800}}"},
      {"objectives", "{ttft_p99: 2 s, tpot_p99: 50 ms}"},
      {"prices", "{book: 2026-11}"},
  };
};

}  // namespace moeplan::tests
