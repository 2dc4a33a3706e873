#pragma once
// LabDirectory: the finished parts of an experiment as files, so that an interrupted one goes on:
//   laboratory.json                          the options; another experiment's are refused
//   pretrained/seed-1-experts-32/            checkpoints that `moeplan prune` reads
//   router_data/seed-1-experts-32-task-1.safetensors  of the first seed, for --router-data
//   runs/seed-1-experts-32-task-1.json       accuracies
// Seeds and tasks count from 1 in names. A part appears only when it is complete.

#include <filesystem>

#include "models/laboratory/experiment.hpp"

namespace moeplan::models {

class LabDirectory : public LabStore {
 public:
  // Creates the directory, or goes on with it. Throws: InputError when resume and there is no
  // experiment with these options; std::system_error.
  LabDirectory(std::filesystem::path directory, const LaboratoryOptions& options, bool resume);

  std::optional<LabNetwork> network(std::int64_t seed, std::int64_t experts) override;
  void keep(std::int64_t seed, std::int64_t experts, const LabNetwork& network) override;
  std::optional<std::vector<LabRow>> rows(std::int64_t seed, std::int64_t experts,
                                          std::int64_t task) override;
  void keep(std::int64_t seed, std::int64_t experts, std::int64_t task,
            const std::vector<LabRow>& rows) override;
  void keep_router_data(std::int64_t seed, std::int64_t experts, std::int64_t task,
                        const std::function<std::vector<FloatMatrix>()>& logits) override;

  // "seed-1-experts-32", from 0-based seeds.
  static std::string network_name(std::int64_t seed, std::int64_t experts);

 private:
  std::filesystem::path directory_;
};

}  // namespace moeplan::models
