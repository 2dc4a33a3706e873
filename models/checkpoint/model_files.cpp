#include <fmt/format.h>

#include "models/architecture/read_architecture.hpp"
#include "models/checkpoint/expert_tensors.hpp"
#include "models/checkpoint/prune_checkpoint.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::models {

ModelFiles::ModelFiles(const std::filesystem::path& directory)
    : directory_(directory),
      architecture_(read_architecture(directory)),
      checkpoint_(Checkpoint::open(directory)) {
  const auto layers = architecture_.moe_layers();
  if (layers.empty()) {
    throw InputError(Problem{.code = "E_VALUE",
                             .file = directory.string(),
                             .what = "the model has no MoE layer",
                             .expected = "a mixture of experts"});
  }
  for (const std::size_t layer : layers) {
    (void)expert_tensors(checkpoint_, architecture_, layer);  // checks
    check_router(layer);
  }
}

void ModelFiles::check_router(std::size_t layer) {
  const ExpertNames names = expert_names(architecture_, layer);
  const auto& moe = std::get<MoeFfn>(architecture_.layers[layer].ffn);
  check_shape(checkpoint_, names.router, {moe.experts, architecture_.hidden});
  if (!names.router_bias.empty()) {
    check_shape(checkpoint_, names.router_bias, {moe.experts});
  }
  RouterKind router{
      .layer = static_cast<std::int64_t>(layer),
      .experts = moe.experts,
      .top_k = moe.top_k,
      .rule = {.softmax = moe.router.scoring == RouterScoring::softmax,
               .normalised = moe.router.normalise_top_k},
      .correction_bias = {},
      .group_limited = moe.router.groups > 1 && moe.router.groups_kept < moe.router.groups};
  if (!names.correction_bias.empty() && checkpoint_.find(names.correction_bias) != nullptr) {
    check_shape(checkpoint_, names.correction_bias, {moe.experts});
    router.correction_bias.resize(static_cast<std::size_t>(moe.experts));
    checkpoint_.read(names.correction_bias, router.correction_bias);
  }
  routers_.push_back(std::move(router));
}

std::int64_t ModelFiles::groups(std::size_t moe_layer) const {
  const auto& ffn = architecture_.layers[architecture_.moe_layers()[moe_layer]].ffn;
  const Router& router = std::get<MoeFfn>(ffn).router;
  return router.groups_kept < router.groups ? router.groups : 1;
}

}  // namespace moeplan::models
