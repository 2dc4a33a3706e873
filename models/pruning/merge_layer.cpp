#include "models/pruning/merge_layer.hpp"

#include <algorithm>

#include "models/pruning/parallel.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

struct Task {
  std::int32_t anchor;
  std::int32_t member;
};

// sum += weight * expert, neuron i of the sum from neuron order[i]; in float: a mean of few terms.
void add_scaled(const ExpertWeights& expert, const std::vector<std::int32_t>& order, float weight,
                ExpertWeights& sum) {
  const bool gated = expert.gate.size() > 0;
  for (Eigen::Index i = 0; i < expert.intermediate(); ++i) {
    const Eigen::Index from = order[static_cast<std::size_t>(i)];
    sum.in.row(i) += weight * expert.in.row(from);
    if (gated) {
      sum.gate.row(i) += weight * expert.gate.row(from);
    }
    if (expert.in_bias.size() > 0) {
      sum.in_bias(i) += weight * expert.in_bias(from);
    }
    if (expert.gate_bias.size() > 0) {
      sum.gate_bias(i) += weight * expert.gate_bias(from);
    }
  }
  for (Eigen::Index h = 0; h < expert.hidden(); ++h) {
    const float* from = expert.out.data() + h * expert.intermediate();
    float* into = sum.out.data() + h * expert.intermediate();
    for (std::size_t i = 0; i < order.size(); ++i) {
      into[i] += weight * from[order[i]];
    }
  }
  sum.out_bias += weight * expert.out_bias;
}

void scale(ExpertWeights& expert, float weight) {
  expert.in *= weight;
  expert.gate *= weight;
  expert.out *= weight;
  expert.in_bias *= weight;
  expert.gate_bias *= weight;
  expert.out_bias *= weight;
}

std::vector<std::int32_t> identity(Eigen::Index size) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<std::int32_t>(i);
  }
  return order;
}

std::int64_t moved(const std::vector<std::int32_t>& order) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < order.size(); ++i) {
    count += order[i] != static_cast<std::int32_t>(i) ? 1 : 0;
  }
  return count;
}

// One entry of alignments per member that is no anchor; an empty order: as it is.
ExpertWeights averaged(const KeptExpert& kept, const ExpertLoader& load,
                       std::span<const Alignment> alignments) {
  ExpertWeights sum = *load(kept.anchor);
  if (kept.members.size() == 1) {
    return sum;
  }
  const auto anchor = std::find(kept.members.begin(), kept.members.end(), kept.anchor);
  scale(sum,
        static_cast<float>(kept.weights[static_cast<std::size_t>(anchor - kept.members.begin())]));
  std::size_t next = 0;
  for (std::size_t m = 0; m < kept.members.size(); ++m) {
    if (kept.members[m] == kept.anchor) {
      continue;
    }
    const std::shared_ptr<const ExpertWeights> member = load(kept.members[m]);
    const std::vector<std::int32_t>& order = alignments[next++].order;
    check_alike(sum, *member);
    add_scaled(*member, order.empty() ? identity(member->intermediate()) : order,
               static_cast<float>(kept.weights[m]), sum);
  }
  return sum;
}

}  // namespace

std::vector<MemberAlignment> merge_layer(const LayerPlan& plan, const ExpertLoader& load,
                                         const ExpertSink& sink, int threads, bool align_members) {
  plan.check();
  std::vector<Task> tasks;
  for (const KeptExpert& kept : plan.kept) {
    for (const std::int32_t member : kept.members) {
      if (member != kept.anchor) {
        tasks.push_back({kept.anchor, member});
      }
    }
  }
  std::vector<Alignment> alignments(tasks.size());
  if (align_members) {
    for_each_index(tasks.size(), threads, [&](std::size_t i) {
      alignments[i] = align(*load(tasks[i].anchor), *load(tasks[i].member));
    });
  }
  // Kept experts are averaged a few at a time and handed over in their order.
  std::vector<std::size_t> first_task;
  std::size_t task = 0;
  for (const KeptExpert& kept : plan.kept) {
    first_task.push_back(task);
    task += kept.members.size() - 1;
  }
  const auto wave = static_cast<std::size_t>(threads);
  for (std::size_t first = 0; first < plan.kept.size(); first += wave) {
    std::vector<ExpertWeights> sums(std::min(wave, plan.kept.size() - first));
    for_each_index(sums.size(), threads, [&](std::size_t i) {
      sums[i] = averaged(
          plan.kept[first + i], load,
          {alignments.data() + first_task[first + i], plan.kept[first + i].members.size() - 1});
    });
    for (std::size_t i = 0; i < sums.size(); ++i) {
      sink(first + i, std::move(sums[i]));
    }
  }
  std::vector<MemberAlignment> report;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    report.push_back({tasks[i].member, tasks[i].anchor, alignments[i].cosine_before,
                      alignments[i].cosine_after, moved(alignments[i].order)});
  }
  return report;
}

MergedLayer merge_layer(const LayerPlan& plan, std::span<const ExpertWeights> experts, int threads,
                        bool align_members) {
  require(static_cast<std::int64_t>(experts.size()) == plan.experts,
          "a plan is carried out on all experts of its layer");
  MergedLayer merged;
  merged.alignments = merge_layer(
      plan,
      [&](std::int32_t e) {
        // Owned by the caller, so nothing is counted or freed.
        return std::shared_ptr<const ExpertWeights>(std::shared_ptr<void>(),
                                                    &experts[static_cast<std::size_t>(e)]);
      },
      [&](std::size_t, ExpertWeights&& weights) { merged.experts.push_back(std::move(weights)); },
      threads, align_members);
  return merged;
}

}  // namespace moeplan::models
