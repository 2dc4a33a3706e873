#include "sim/study/pretraining_cost.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "models/architecture/counts.hpp"
#include "models/routing/capacity.hpp"
#include "models/units/parse.hpp"
#include "models/units/require.hpp"
#include "sim/plan/design.hpp"

namespace moeplan::sim {
namespace {

using models::Collective;

constexpr double kValueBytes = 2.0;       // of activations and gradients: bf16
constexpr double kBackward = 2.0 / 3.0;   // of the compute of a step
constexpr double kBandQuantile = 1.645;   // 5 and 95 % of a normal distribution
constexpr double kExchangesPerLayer = 4;  // dispatch and combine, forward and backward

double as_double(std::int64_t count) { return static_cast<double>(count); }

const models::MoeFfn& moe_of(const models::SmoeArchitecture& architecture, std::size_t layer) {
  return std::get<models::MoeFfn>(architecture.layers[layer].ffn);
}

std::int64_t tokens_of_pass(const PretrainingSetup& setup) {
  return setup.micro_batch * setup.sequence_length;
}

std::int64_t capacity_of(const models::MoeFfn& moe, const PretrainingSetup& setup) {
  return models::expert_capacity(setup.capacity_factor, setup.minimum_capacity, moe.top_k,
                                 tokens_of_pass(setup), moe.experts);
}

// Parameters that every GPU holds, and those of its share of the experts.
struct Shares {
  double backbone = 0.0;
  double experts = 0.0;
};

Shares shares_of(const models::SmoeArchitecture& architecture, std::int64_t expert_ranks) {
  const models::Parameters parameters = models::count_parameters(architecture);
  const std::int64_t experts = parameters.layers.experts + parameters.layers.expert_biases;
  return {.backbone = as_double(parameters.total() - experts),
          .experts = as_double(experts) / as_double(expert_ranks)};
}

// Sums durations of collectives, with what their laws' errors allow.
struct Exchanges {
  Seconds duration;
  Seconds low;
  Seconds high;
  bool extrapolated = false;

  void add(const models::CollectiveLatency& law, Collective collective,
           const models::RankGroup& group, Bytes bytes, double times) {
    if (group.ranks < 2) {
      return;
    }
    const models::Estimate estimate = law.estimate(collective, group, bytes);
    const double band = std::exp(kBandQuantile * law.support(collective, group).discrepancy_sd_log);
    duration += estimate.duration * times;
    low += estimate.duration * (times / band);
    high += estimate.duration * (times * band);
    extrapolated = extrapolated || estimate.extrapolated;
  }
};

Exchanges all_to_alls(const models::SmoeArchitecture& architecture, const PretrainingSetup& setup,
                      std::int64_t expert_ranks, double passes) {
  Exchanges sum;
  for (const std::size_t layer : architecture.moe_layers()) {
    const models::MoeFfn& moe = moe_of(architecture, layer);
    const double rows = as_double(moe.experts * capacity_of(moe, setup));
    sum.add(setup.collective, Collective::all_to_all, static_cast<int>(expert_ranks),
            bytes(rows * as_double(architecture.hidden) * kValueBytes),
            kExchangesPerLayer * passes);
  }
  return sum;
}

// An expert's replicas lie on all nodes, one for each group that shares the experts.
Exchanges gradient_sums(const Shares& shares, const PretrainingSetup& setup,
                        std::int64_t expert_ranks) {
  Exchanges sum;
  const int replicas = setup.gpus() / static_cast<int>(expert_ranks);
  sum.add(setup.collective, Collective::all_reduce, setup.gpus(),
          bytes(shares.backbone * kValueBytes), 1.0);
  sum.add(setup.collective, Collective::all_reduce,
          models::RankGroup(replicas, std::min(setup.nodes, replicas)),
          bytes(shares.experts * kValueBytes), 1.0);
  return sum;
}

// What would help where the memory of a GPU does not, "; with ...".
std::string remedy(const PretrainingSetup& setup, std::optional<std::int64_t> fewest) {
  if (!fewest) {
    return fmt::format(
        "; no number of GPUs is enough: everything but the experts needs more than "
        "that ({} sequences a pass, {})",
        setup.micro_batch, recompute_text(setup.recompute));
  }
  const std::int64_t nodes =
      (*fewest + setup.gpu.gpus_per_node - 1) / std::int64_t{setup.gpu.gpus_per_node};
  return *fewest <= setup.gpus()
             ? fmt::format("; over {} GPUs it fits (expert_ranks)", *fewest)
             : fmt::format("; it takes {} GPUs, {} nodes, to share the experts", *fewest, nodes);
}

// Sets why_not and what would help.
void check_fit(const models::SmoeArchitecture& architecture, const PretrainingSetup& setup,
               PretrainingCost& cost) {
  if (cost.memory.total() > setup.gpu.memory) {
    cost.fewest_expert_ranks = fewest_expert_ranks(architecture, setup);
    cost.why_not = fmt::format(
        "weights, gradients and optimizer need {} and activations {} of {} per GPU with the "
        "experts over {} GPUs{}",
        to_text(cost.memory.state()), to_text(cost.memory.activations), to_text(setup.gpu.memory),
        cost.expert_ranks, remedy(setup, cost.fewest_expert_ranks));
  }
  for (const std::size_t layer : architecture.moe_layers()) {
    const std::int64_t experts = moe_of(architecture, layer).experts;
    if (experts % cost.expert_ranks != 0) {
      cost.why_not =
          fmt::format("{} experts do not divide over {} GPUs", experts, cost.expert_ranks);
    }
  }
}

void set_times(const models::SmoeArchitecture& architecture, const PretrainingSetup& setup,
               const Shares& shares, PretrainingCost& cost) {
  const double batch = as_double(setup.batch_sequences * setup.sequence_length);
  const double passes =
      as_double(setup.batch_sequences) / as_double(setup.gpus() * setup.micro_batch);
  const double steps = as_double(cost.steps);
  const Flops of_gpu = executed_flops_per_token(architecture, setup) * (batch / setup.gpus());
  const Seconds at_peak = of_gpu / setup.gpu.peak_for(models::Precision::bf16);
  const Exchanges exchange = all_to_alls(architecture, setup, cost.expert_ranks, passes);
  const Exchanges gradients = gradient_sums(shares, setup, cost.expert_ranks);
  cost.step = {.compute = at_peak / setup.mfu,
               .exchange = exchange.duration,
               .gradients = gradients.duration};
  cost.duration = cost.step.total() * steps;
  const Seconds fastest = at_peak / setup.mfu_high;
  const Seconds exposed = std::max(Seconds(), gradients.low - fastest * kBackward);
  cost.duration_low = (fastest + exchange.low + exposed) * steps;
  cost.duration_high = (at_peak / setup.mfu_low + exchange.high + gradients.high) * steps;
  cost.extrapolated = exchange.extrapolated || gradients.extrapolated;
  const std::size_t first = architecture.moe_layers().front();
  cost.capacity = capacity_of(moe_of(architecture, first), setup);
  cost.exchange_bytes =
      bytes(as_double(cost.capacity * cost.experts) * as_double(architecture.hidden) * kValueBytes);
  cost.exchanges_per_step =
      cost.expert_ranks < 2
          ? 0
          : static_cast<std::int64_t>(kExchangesPerLayer * passes *
                                      static_cast<double>(architecture.moe_layers().size()));
  cost.gradient_bytes = bytes((shares.backbone + shares.experts) * kValueBytes);
  cost.executed_flops = executed_flops_per_token(architecture, setup) * (batch * steps);
  cost.model_flops =
      training_flops_per_token(architecture, setup.sequence_length) * (batch * steps);
}

PretrainingCost with_ranks(const PretrainingSetup& setup,
                           const models::SmoeArchitecture& architecture,
                           std::int64_t expert_ranks) {
  const models::Parameters parameters = models::count_parameters(architecture);
  const Shares shares = shares_of(architecture, expert_ranks);
  PretrainingCost cost;
  cost.experts = moe_of(architecture, architecture.moe_layers().front()).experts;
  cost.expert_ranks = expert_ranks;
  cost.parameters = parameters.total();
  cost.active_parameters = parameters.active;
  cost.gpus = setup.gpus();
  cost.gpu_memory = setup.gpu.memory;
  cost.memory = training_memory(architecture, setup, expert_ranks);
  const double batch = as_double(setup.batch_sequences * setup.sequence_length);
  cost.steps = static_cast<std::int64_t>(std::ceil(in_tokens(setup.tokens) / batch));
  check_fit(architecture, setup, cost);
  set_times(architecture, setup, shares, cost);
  return cost;
}

}  // namespace

Flops training_flops_per_token(const models::SmoeArchitecture& architecture, std::int64_t length) {
  return 3.0 *
         models::flops_per_token(architecture, as_double(length), models::AttentionPhase::prefill);
}

Flops executed_flops_per_token(const models::SmoeArchitecture& architecture,
                               const PretrainingSetup& setup) {
  Flops sum = training_flops_per_token(architecture, setup.sequence_length);
  for (const std::size_t layer : architecture.moe_layers()) {
    const models::MoeFfn& moe = moe_of(architecture, layer);
    const double weights =
        (moe.gated ? 3.0 : 2.0) * as_double(architecture.hidden) * as_double(moe.intermediate);
    const double rows =
        as_double(moe.experts * capacity_of(moe, setup)) / as_double(tokens_of_pass(setup));
    sum += Flops(6.0 * weights * (rows - as_double(moe.top_k)));
  }
  // Forward is a third of forward and backward, and done once more.
  return setup.recompute == Recompute::full ? sum * (4.0 / 3.0) : sum;
}

PretrainingCost finetuning_cost(const PretrainingSetup& setup, const PriceOptions& prices,
                                const models::SmoeArchitecture& pruned, Tokens tokens) {
  PretrainingSetup run = setup;
  run.tokens = tokens;
  const std::int64_t experts = moe_of(pruned, pruned.moe_layers().front()).experts;
  for (std::int64_t ranks = 1; ranks <= setup.gpu.gpus_per_node; ++ranks) {
    if (setup.gpu.gpus_per_node % ranks == 0 && experts % ranks == 0) {
      run.expert_ranks.push_back(ranks);
    }
  }
  return pretraining_cost(run, prices, pruned);
}

PretrainingCost pretraining_cost(const PretrainingSetup& setup, const PriceOptions& prices,
                                 const models::SmoeArchitecture& architecture) {
  std::optional<PretrainingCost> best;
  for (const std::int64_t ranks : setup.expert_ranks) {
    PretrainingCost cost = with_ranks(setup, architecture, ranks);
    const bool better =
        !best || (cost.why_not.empty() && !best->why_not.empty()) ||
        (cost.why_not.empty() == best->why_not.empty() && cost.duration < best->duration);
    if (better) {
      best = std::move(cost);
    }
  }
  const auto offer = cheapest_offer(prices, setup.gpu.id, setup.gpu.gpus_per_node,
                                    setup.gpu.gpus_per_node, setup.nodes);
  require(std::holds_alternative<Offer>(offer), "a study's cluster has a price");
  const Offer& found = std::get<Offer>(offer);
  best->price_id = found.price->id;
  best->instances = found.instances;
  best->rent = found.price->rent * as_double(found.instances);
  best->cost = best->rent * best->duration;
  best->cost_low = best->rent * best->duration_low;
  best->cost_high = best->rent * best->duration_high;
  return *best;
}

}  // namespace moeplan::sim
