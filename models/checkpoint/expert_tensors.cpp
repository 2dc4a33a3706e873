#include "models/checkpoint/expert_tensors.hpp"

#include <fmt/format.h>

#include "models/checkpoint/fused_experts.hpp"
#include "models/checkpoint/separate_experts.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::models {

std::unique_ptr<ExpertTensors> expert_tensors(const Checkpoint& checkpoint,
                                              const SmoeArchitecture& architecture,
                                              std::size_t layer) {
  const ExpertNames names = expert_names(architecture, layer);
  const auto& moe = std::get<MoeFfn>(architecture.layers[layer].ffn);
  if (names.fused) {
    return std::make_unique<FusedExperts>(checkpoint, names, moe, architecture.hidden);
  }
  return std::make_unique<SeparateExperts>(checkpoint, names, moe, architecture.hidden);
}

void check_shape(const Checkpoint& checkpoint, const std::string& tensor,
                 const std::vector<std::int64_t>& expected) {
  const TensorInfo& info = checkpoint.tensor(tensor).info;
  if (info.shape != expected) {
    TensorInfo wanted;
    wanted.shape = expected;
    throw InputError(
        Problem{.code = "E_VALUE",
                .file = checkpoint.name(),
                .what = fmt::format("tensor '{}' and config.json disagree about its shape", tensor),
                .got = info.shape_text(),
                .expected = wanted.shape_text()});
  }
}

}  // namespace moeplan::models
