#pragma once
// Private to calibrate/import: whose shapes a profile of LLMServingSim has, and how it was split.

#include <optional>
#include <string>

#include "models/architecture/smoe_architecture.hpp"
#include "models/text/csv.hpp"

namespace moeplan::calibrate {

struct ProfiledModel {
  std::int64_t tensor_parallel = 1;
  std::int64_t hidden = 0;
  std::int64_t vocabulary = 0;
  models::GroupedQueryAttention attention;  // of the whole model
  std::optional<models::MoeFfn> moe;
  std::string engine;  // kernel source: "llmservingsim_vllm_0.19.0"

  std::int64_t heads() const { return attention.heads / tensor_parallel; }
  std::int64_t kv_heads() const;
  std::int64_t vocabulary_share() const { return vocabulary / tensor_parallel; }
};

// From the meta file that belongs to the table. Throws: see parse_llmservingsim.
ProfiledModel model_beside(const std::string& table_file);
// From the table's path, by the longest catalog id in it; without "-" and ".".
ProfiledModel model_in_path(const std::string& table_file);

}  // namespace moeplan::calibrate
