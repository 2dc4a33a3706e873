#include "sim/forward/forward_pass.hpp"

#include <fmt/format.h>

#include "models/architecture/counts.hpp"
#include "models/units/parse.hpp"

namespace moeplan::sim {
namespace {

ForwardMemory memory_of(const models::SmoeArchitecture& architecture,
                        const models::StaticShape& shape, std::int64_t buffer_rows,
                        const models::Gpu& gpu) {
  const double tokens = static_cast<double>(shape.tokens());
  const double rows = static_cast<double>(buffer_rows);
  const double hidden = static_cast<double>(architecture.hidden);
  const models::RankLayout layout{.data_parallel = shape.expert_ranks,
                                  .expert_parallel = shape.expert_ranks > 1};
  return {.capacity = gpu.memory,
          .weights = models::rank_weights(architecture, layout, models::Precision::bf16).total(),
          .buffers = Bytes(4.0 * rows * hidden * 2.0 + 2.0 * tokens * rows * 4.0),
          .logits = Bytes(tokens * static_cast<double>(architecture.vocabulary) * 2.0)};
}

ForwardPass pass_of(const StaticScenario& scenario, std::size_t hardware, std::int64_t kept,
                    std::int64_t gpus) {
  const StaticHardware& option = scenario.hardware[hardware];
  ForwardPass pass;
  pass.hardware = hardware;
  pass.experts_kept = kept;
  pass.shape = {.sequences = scenario.sequences_per_gpu,
                .length = scenario.sequence_length,
                .gpus = static_cast<int>(gpus),
                .expert_ranks = kept == 0 ? 1 : static_cast<int>(scenario.expert_ranks)};
  pass.sd_log = option.law.info().discrepancy_sd_log;
  if (auto why = models::why_not_experts(scenario.architecture, kept); kept > 0 && why) {
    pass.why_not = *why;
    return pass;
  }
  const models::SmoeArchitecture architecture =
      kept == 0 ? scenario.architecture : models::with_experts(scenario.architecture, kept);
  pass.why_not = option.law.why_not(architecture, pass.shape);
  if (!pass.why_not.empty()) {
    return pass;
  }
  pass.estimate = option.law.estimate(architecture, pass.shape);
  pass.memory = memory_of(architecture, pass.shape, pass.estimate.buffer_rows, option.gpu);
  if (pass.memory.used() > pass.memory.capacity) {
    pass.why_not = fmt::format("needs {} of {} memory per GPU", to_text(pass.memory.used()),
                               to_text(pass.memory.capacity));
  }
  for (const std::size_t layer : architecture.moe_layers()) {
    const auto& moe = std::get<models::MoeFfn>(architecture.layers[layer].ffn);
    pass.capacity = models::capacity_use(models::Routing::uniform(moe.experts, moe.top_k),
                                         moe.router.capacity_factor, moe.router.minimum_capacity,
                                         pass.shape.tokens());
    break;  // the layers of one family are alike
  }
  return pass;
}

}  // namespace

std::vector<ForwardPass> forward_passes(const StaticScenario& scenario) {
  std::vector<ForwardPass> passes;
  for (std::size_t i = 0; i < scenario.hardware.size(); ++i) {
    for (const std::int64_t kept : scenario.experts_kept) {
      for (const std::int64_t gpus : scenario.gpus) {
        passes.push_back(pass_of(scenario, i, kept, gpus));
      }
    }
  }
  return passes;
}

}  // namespace moeplan::sim
