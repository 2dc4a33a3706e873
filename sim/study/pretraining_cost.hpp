#pragma once
// PretrainingCost: what training one expert count on the study's cluster takes: time, money,
// memory. A closed form over steps that are all alike; nothing is simulated.
// Not in it: checkpoints, failures, restarts, data loading, evaluation.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/units/quantity.hpp"
#include "sim/study/study.hpp"
#include "sim/study/training_memory.hpp"

namespace moeplan::sim {

// One optimizer step.
struct StepTimes {
  Seconds compute;    // executed FLOPs of a GPU / (mfu x peak)
  Seconds exchange;   // 4 x MoE layers x passes all-to-alls: dispatch and combine, forward and back
  Seconds gradients;  // all-reduce of the backbone over all GPUs, of experts over their replicas
  Seconds total() const { return compute + exchange + gradients; }
};

// FLOPs of one trained token: three times the forward pass (backward: two products for each of
// forward's), matrices of the k experts a token uses, attention over all keys of its sequence (as
// MFU is counted: masked ones too), logits.
//   6 x active matrix weights + 3 x attention per key x length x layers
Flops training_flops_per_token(const models::SmoeArchitecture& architecture, std::int64_t length);

// The same with the rows that buffers of fixed capacity add: experts compute E C rows for the
// T k that are routed, C = expert_capacity(factor, minimum, k, T, E), T tokens of a GPU in a pass.
// With full recompute the forward pass is done twice: 4/3 of that. Scores that selective recompute
// (or fused attention) computes again are in the MFU.
Flops executed_flops_per_token(const models::SmoeArchitecture& architecture,
                               const PretrainingSetup& setup);

struct PretrainingCost {
  std::int64_t experts = 0;
  std::int64_t expert_ranks = 0;  // that it is trained with
  std::string why_not;            // why it cannot be trained; "": it can. All else but steps is
                                  // then that of the layout which comes nearest, or zero
  std::int64_t parameters = 0;
  std::int64_t active_parameters = 0;
  std::int64_t steps = 0;
  Flops model_flops;          // of all steps, without padded rows
  Flops executed_flops;       // of all steps
  std::int64_t capacity = 0;  // rows of one expert's buffer in a pass
  Bytes exchange_bytes;       // of one all-to-all, sent by one GPU, itself included
  std::int64_t exchanges_per_step = 0;
  Bytes gradient_bytes;  // of one GPU, 2 bytes a parameter
  StepTimes step;
  Seconds duration;
  // low: mfu_high, exchanges faster by their laws' errors (5 %), gradients hidden behind the
  // backward pass (two thirds of the compute) as far as it reaches. high: mfu_low, exchanges
  // slower (95 %), nothing hidden.
  Seconds duration_low;
  Seconds duration_high;
  bool extrapolated = false;  // an exchange beyond the measured range of its law
  TrainingMemory memory;      // of one GPU
  // GPUs that would have to share the experts where `memory` does not fit; nothing: where it does,
  // or no number is enough.
  std::optional<std::int64_t> fewest_expert_ranks;
  Bytes gpu_memory;
  std::string price_id;
  std::int64_t instances = 0;
  std::int64_t gpus = 0;  // of the cluster
  UsdPerSecond rent;      // of all instances
  Usd cost;
  Usd cost_low;
  Usd cost_high;

  double gpu_hours(Seconds time) const { return in_hours(time) * static_cast<double>(gpus); }
};

// Fine-tuning so many tokens after pruning: the same run, of the pruned model, with any group of a
// node's GPUs that its experts divide over beside those of setup.expert_ranks. Throws: as below.
PretrainingCost finetuning_cost(const PretrainingSetup& setup, const PriceOptions& prices,
                                const models::SmoeArchitecture& pruned, Tokens tokens);

// With the group size of setup.expert_ranks that trains fastest among those that fit.
// Throws: std::logic_error when the price book has no offer for the cluster (the study was
// checked).
PretrainingCost pretraining_cost(const PretrainingSetup& setup, const PriceOptions& prices,
                                 const models::SmoeArchitecture& architecture);

}  // namespace moeplan::sim
