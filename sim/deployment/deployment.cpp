#include "sim/deployment/deployment.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/units/parse.hpp"
#include "models/units/require.hpp"
#include "sim/deployment/kv_block.hpp"

namespace moeplan::sim {
namespace {

// Why the candidate's experts cannot be spread over its ranks, or nothing.
std::optional<Infeasible> check_placement(const Candidate& c, const models::MoeFfn& moe,
                                          std::size_t layer, std::int64_t kept) {
  const int ranks = c.stage_gpus();
  const std::int64_t slots = kept + c.redundant_experts;
  if (slots % ranks != 0) {
    const std::string experts =
        c.redundant_experts == 0
            ? fmt::format("{} experts", kept)
            : fmt::format("{} experts and {} redundant ones", kept, c.redundant_experts);
    return Infeasible{
        c, "expert_parallel",
        fmt::format("{} of layer {} do not divide over {} expert-parallel ranks (experts {} to {} "
                    "would be left over)",
                    experts, layer, ranks, slots / ranks * ranks, slots - 1)};
  }
  if (c.redundant_experts > kept * (ranks - 1)) {
    return Infeasible{c, "placement",
                      fmt::format("{} redundant experts: {} experts have at most {} more copies on "
                                  "{} ranks",
                                  c.redundant_experts, kept, kept * (ranks - 1), ranks)};
  }
  if (c.redundant_experts > 0 && c.exchange == Exchange::capacity_padded && c.data_parallel > 1) {
    return Infeasible{c, "placement",
                      "exchange capacity_padded has one buffer per expert: no redundant experts"};
  }
  if (c.exchange == Exchange::alltoall_per_rank && moe.router.groups_kept < moe.router.groups &&
      moe.router.groups > 16) {
    return Infeasible{c, "exchange",
                      fmt::format("layer {} has {} router groups; copies per rank are known for at "
                                  "most 16",
                                  layer, moe.router.groups)};
  }
  return std::nullopt;
}

// The reason why the candidate's split is impossible, or nothing.
std::optional<Infeasible> check_split(const Scenario& scenario, const Candidate& c) {
  const auto no = [&](const char* code, std::string reason) {
    return Infeasible{c, code, std::move(reason)};
  };
  const models::Gpu& gpu = scenario.hardware[c.hardware].gpu;
  if (const auto why = scenario.architecture.why_not_served()) {
    return no("architecture", *why);
  }
  std::vector<std::int64_t> kept;  // [layers]
  if (c.experts_kept > 0) {
    kept = scenario.experts_per_layer(c.experts_kept);
    if (const auto why = models::why_not_experts(scenario.architecture, kept)) {
      return no("pruning", *why);
    }
  }
  const int island = gpu.gpus_per_node;
  if (c.gpus > island && c.gpus % island != 0) {
    return no("node",
              fmt::format("an engine of {} GPUs does not fill whole nodes of {}", c.gpus, island));
  }
  if (c.gpus > island && island % c.tensor_parallel != 0 && c.tensor_parallel % island != 0) {
    return no("node", fmt::format("tensor_parallel {} splits nodes of {} GPUs unevenly",
                                  c.tensor_parallel, island));
  }
  const std::size_t layers = scenario.architecture.layers.size();
  if (c.pipeline_parallel > 1 && scenario.engine.prefix_caching) {
    return no("pipeline_parallel", "prefix caching is not simulated in a pipeline");
  }
  if (static_cast<std::size_t>(c.pipeline_parallel) > layers) {
    return no("pipeline_parallel", fmt::format("{} pipeline stages of a model of {} layers",
                                               c.pipeline_parallel, layers));
  }
  const int ranks = c.stage_gpus();
  if (c.gpus > island && island % ranks != 0 && ranks % island != 0) {
    return no("node", fmt::format("pipeline stages of {} GPUs split nodes of {} GPUs unevenly",
                                  ranks, island));
  }
  const models::Precision expert_precision = scenario.architecture.experts_in(scenario.precision);
  for (const models::Precision precision : {scenario.precision, expert_precision}) {
    if (!gpu.supports(precision)) {
      return no("precision", fmt::format("{} cannot run {} weights; it runs {}", gpu.id,
                                         models::name_of(precision), joined(gpu.supported())));
    }
  }
  for (std::size_t i = 0; i < layers; ++i) {
    const models::Layer& layer = scenario.architecture.layers[i];
    const std::int64_t tp = c.tensor_parallel;
    if (const auto* mla = std::get_if<models::LatentAttention>(&layer.attention)) {
      if (mla->heads % tp != 0) {
        return no("tensor_parallel",
                  fmt::format("tensor_parallel {} does not divide the {} heads of layer {}", tp,
                              mla->heads, i));
      }
    }
    const auto* gqa = std::get_if<models::GroupedQueryAttention>(&layer.attention);
    if (gqa != nullptr &&
        (gqa->heads % tp != 0 || (gqa->kv_heads % tp != 0 && tp % gqa->kv_heads != 0))) {
      return no("tensor_parallel",
                fmt::format("tensor_parallel {} must divide the {} query heads of layer {}, and "
                            "divide its {} KV heads or be a multiple of them",
                            tp, gqa->heads, i, gqa->kv_heads));
    }
    if (const auto* dense = std::get_if<models::DenseFfn>(&layer.ffn)) {
      if (dense->intermediate % tp != 0) {
        return no("tensor_parallel",
                  fmt::format("tensor_parallel {} does not divide the feed-forward width {} of "
                              "layer {}",
                              tp, dense->intermediate, i));
      }
      continue;
    }
    const auto& moe = std::get<models::MoeFfn>(layer.ffn);
    if (c.exchange == Exchange::capacity_padded && c.data_parallel > 1 &&
        moe.router.capacity_factor <= 0.0) {
      return no("exchange",
                fmt::format("exchange capacity_padded needs a capacity factor, and layer "
                            "{} is dropless",
                            i));
    }
    if (!c.expert_parallel && c.data_parallel > 1 &&
        c.exchange != Exchange::allgather_reducescatter) {
      return no("exchange", fmt::format("exchange {} sends tokens to the ranks of whole experts; "
                                        "here every expert is sharded over all ranks",
                                        name_of(c.exchange)));
    }
    if (c.expert_parallel) {
      if (auto why = check_placement(c, moe, i, kept[i])) {
        return why;
      }
    }
    if (!c.expert_parallel && moe.intermediate % ranks != 0) {
      return no("tensor_parallel",
                fmt::format("the expert width {} of layer {} does not divide over {} GPUs",
                            moe.intermediate, i, ranks));
    }
    // Source: Fp8MoEMethod.create_weights, vLLM 0.19.
    constexpr std::int64_t kScaleBlock = 128;
    if (!c.expert_parallel && expert_precision == models::Precision::fp8_block &&
        moe.intermediate / ranks % kScaleBlock != 0) {
      return no("tensor_parallel",
                fmt::format("{} GPUs split the experts of layer {} into {} columns, and a block of "
                            "fp8_block scales covers {}: expert parallelism keeps them whole",
                            ranks, i, moe.intermediate / ranks, kScaleBlock));
    }
  }
  return std::nullopt;
}

std::string budget_text(const MemoryBudget& m, const Candidate& c) {
  const std::string stage = c.pipeline_parallel == 1
                                ? ""
                                : fmt::format("stage {} of {}: ", m.stage + 1, c.pipeline_parallel);
  return fmt::format(
      "{}{} usable of {} = {} expert weights + {} other weights + {} activations + {} "
      "buffers + {} left for the KV cache",
      stage, to_text(m.usable), to_text(m.capacity), to_text(m.expert_weights),
      to_text(m.other_weights), to_text(m.activations), to_text(m.buffers), to_text(m.kv));
}

}  // namespace

int Deployment::nodes() const {
  const int island = hardware().gpu.gpus_per_node;
  return (candidate.gpus + island - 1) / island;
}

int Deployment::stage_nodes() const {
  const int island = hardware().gpu.gpus_per_node;
  return (candidate.stage_gpus() + island - 1) / island;
}

models::RankGroup Deployment::tensor_group() const {
  const int tp = candidate.tensor_parallel;
  const int island = hardware().gpu.gpus_per_node;
  return {tp, (tp + island - 1) / island};
}

models::RankGroup Deployment::data_group() const {
  return {candidate.data_parallel, std::min(candidate.data_parallel, stage_nodes())};
}

models::RankGroup Deployment::engine_group() const {
  return {candidate.stage_gpus(), stage_nodes()};
}

std::string Candidate::exchange_name() const {
  if (stage_gpus() == 1) {
    return "none";
  }
  return data_parallel == 1 ? "allreduce" : std::string(name_of(exchange));
}

std::string Candidate::layout_name() const {
  if (gpus == 1) {
    return "1 GPU";
  }
  std::string text = fmt::format("TP{}", tensor_parallel);
  if (data_parallel > 1) {
    text += fmt::format(" DP{}", data_parallel);
  }
  if (pipeline_parallel > 1) {
    text += fmt::format(" PP{}", pipeline_parallel);
  }
  if (expert_parallel) {
    text += fmt::format(" EP{}", expert_ranks());
  }
  if (data_parallel > 1 && expert_parallel && exchange != Exchange::allgather_reducescatter) {
    text += " " + std::string(name_of(exchange));
  }
  if (placement != models::PlacementRule::contiguous) {
    text += " " + std::string(name_of(placement));
    text += redundant_experts > 0 ? fmt::format("+{}", redundant_experts) : "";
  }
  return text;
}

std::variant<Deployment, Infeasible> deploy(const Scenario& scenario, const Candidate& candidate) {
  require(candidate.pipeline_parallel >= 1 &&
              candidate.gpus == candidate.stage_gpus() * candidate.pipeline_parallel,
          "gpus of a candidate must be tensor_parallel x data_parallel x pipeline_parallel");
  if (auto why = check_split(scenario, candidate)) {
    return *why;
  }
  Deployment d{&scenario,
               candidate,
               candidate.experts_kept > 0
                   ? models::with_experts(scenario.architecture,
                                          scenario.experts_per_layer(candidate.experts_kept))
                   : scenario.architecture,
               {},
               {},
               {},
               {}};
  d.memory = memory_budget(scenario, candidate, d.architecture);
  const Bytes needed = d.memory.kv_per_token * static_cast<double>(d.memory.kv_blocks) *
                       static_cast<double>(kBlockTokens);
  if (d.memory.kv <= Bytes(0.0) || needed > d.memory.kv) {
    return Infeasible{
        candidate, "memory",
        fmt::format("does not fit one {}: {}", scenario.hardware[candidate.hardware].gpu.id,
                    budget_text(d.memory, candidate))};
  }
  // One request of the longest kind must fit alone, or it could never be served.
  const std::int64_t longest =
      std::min<std::int64_t>(std::int64_t{longest_length(scenario.workload.input)} +
                                 longest_length(scenario.workload.output),
                             scenario.engine.max_model_length);
  const std::int64_t blocks = blocks_for(longest - 1);
  if (blocks > d.memory.kv_blocks) {
    return Infeasible{
        candidate, "memory",
        fmt::format("the longest request ({} tokens) needs {} KV blocks, there are {}: {}", longest,
                    blocks, d.memory.kv_blocks, budget_text(d.memory, candidate))};
  }
  if (candidate.experts_kept > 0) {
    const auto pruned = scenario.routing.at(candidate.experts_kept);
    d.experts = expert_layers(d.architecture, pruned->routing, 0, candidate.expert_ranks(),
                              candidate.placement, candidate.redundant_experts);
    d.router = pruned->effect;
  }
  return d;
}

}  // namespace moeplan::sim
