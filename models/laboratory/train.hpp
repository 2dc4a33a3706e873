#pragma once
// Training, evaluation and router statistics of a Network on a RegimeProblem.

#include <cstdint>
#include <functional>

#include "models/laboratory/network.hpp"
#include "models/laboratory/problem.hpp"
#include "models/pruning/router_statistics.hpp"

namespace moeplan::models {

// Called before every training step; ends the training by an exception.
using StepHook = std::function<void()>;

struct Schedule {
  std::int64_t steps = 1000;
  std::int64_t batch = 256;
  double rate = 3e-3;         // of Adam, after a warm-up over a twentieth of the steps; falls to 0
                              // along half a cosine
  bool routers_only = false;  // all other weights stay
  RoutingRules rules;
};

// New samples of pretraining in every step. Returns the share of tokens that were dropped.
double pretrain(Network& network, const RegimeProblem& problem, const Schedule& schedule,
                std::uint64_t stream, const StepHook& hook);

// Batches in a seeded order over the task's samples, every sample once a round.
void fine_tune(Network& network, const Samples& samples, const Schedule& schedule,
               std::uint64_t stream, const StepHook& hook);

// Share of samples whose largest logit is the label; dropless, as serving engines run.
double accuracy(const Network& network, const Samples& samples);

// [layers], of the task's samples, gated norms (for reap) included. Dropless.
std::vector<RouterStatistics> router_statistics(const Network& network, const Samples& samples);
// [layers], router logits [samples x experts]: what `moeplan prune --router-data` takes.
std::vector<FloatMatrix> router_logits(const Network& network, const Samples& samples);

}  // namespace moeplan::models
