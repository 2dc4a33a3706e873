#include "sim/plan/candidates.hpp"

#include <algorithm>

namespace moeplan::sim {
namespace {

// Of the GPUs of one pipeline stage.
std::vector<int> tensor_parallels(const Scenario& scenario, int gpus) {
  std::vector<int> result;
  if (scenario.tensor_parallel.empty()) {
    for (int tp = 1; tp <= gpus; tp *= 2) {
      if (gpus % tp == 0) {
        result.push_back(tp);
      }
    }
    return result;
  }
  for (const std::int64_t tp : scenario.tensor_parallel) {
    if (tp <= gpus && gpus % tp == 0) {
      result.push_back(static_cast<int>(tp));
    }
  }
  return result;
}

// The layout under every placement of its experts; copies only where loads are balanced.
void add_placements(const Scenario& scenario, Candidate base, std::vector<Candidate>& out) {
  for (const models::PlacementRule rule : scenario.placement) {
    base.placement = rule;
    for (const std::int64_t redundant : scenario.redundant_experts) {
      base.redundant_experts = rule == models::PlacementRule::balanced ? redundant : 0;
      out.push_back(base);
      if (rule != models::PlacementRule::balanced) {
        break;
      }
    }
  }
}

// Layouts of a stage of so many GPUs.
void add_layouts(const Scenario& scenario, Candidate base, int stage_gpus,
                 std::vector<Candidate>& out) {
  const bool moe = base.experts_kept > 0;
  for (const int tp : tensor_parallels(scenario, stage_gpus)) {
    base.tensor_parallel = tp;
    base.data_parallel = stage_gpus / tp;
    if (!moe && base.data_parallel > 1) {
      continue;
    }
    if (!moe || stage_gpus == 1) {
      base.expert_parallel = false;
      base.exchange = Exchange::allgather_reducescatter;
      out.push_back(base);
      continue;
    }
    for (const bool expert_parallel : scenario.expert_parallel) {
      base.expert_parallel = expert_parallel;
      for (const Exchange exchange : scenario.exchange) {
        base.exchange = exchange;
        const bool only_collectives = base.data_parallel == 1 || !expert_parallel;
        if (only_collectives) {
          // Tokens are replicated (one all-reduce), or every rank needs all tokens (all-gather).
          base.exchange = Exchange::allgather_reducescatter;
        }
        if (expert_parallel) {
          add_placements(scenario, base, out);
        } else {
          out.push_back(base);
        }
        if (only_collectives) {
          break;
        }
      }
    }
  }
}

}  // namespace

std::vector<Candidate> candidates(const Scenario& scenario) {
  std::vector<std::int64_t> experts = scenario.experts_kept;
  std::sort(experts.rbegin(), experts.rend());
  if (experts.empty()) {
    experts.push_back(0);
  }
  std::vector<Candidate> result;
  for (std::size_t h = 0; h < scenario.hardware.size(); ++h) {
    for (const std::int64_t gpus : scenario.gpus) {
      for (const std::int64_t kept : experts) {
        for (const std::int64_t stages : scenario.pipeline_parallel) {
          if (gpus % stages == 0) {
            add_layouts(scenario,
                        {.hardware = h,
                         .experts_kept = kept,
                         .gpus = static_cast<int>(gpus),
                         .pipeline_parallel = static_cast<int>(stages)},
                        static_cast<int>(gpus / stages), result);
          }
        }
      }
    }
  }
  return result;
}

}  // namespace moeplan::sim
