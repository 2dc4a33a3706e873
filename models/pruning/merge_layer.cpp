#include "models/pruning/merge_layer.hpp"

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
      alignments[i] = align(load(tasks[i].anchor), load(tasks[i].member));
    });
  }
  std::vector<MemberAlignment> report;
  std::size_t task = 0;
  for (std::size_t k = 0; k < plan.kept.size(); ++k) {
    const KeptExpert& kept = plan.kept[k];
    ExpertWeights sum = load(kept.anchor);
    for (std::size_t m = 0; m < kept.members.size(); ++m) {
      if (kept.members.size() > 1 && kept.members[m] == kept.anchor) {
        scale(sum, static_cast<float>(kept.weights[m]));
      }
    }
    for (std::size_t m = 0; m < kept.members.size(); ++m) {
      if (kept.members[m] == kept.anchor) {
        continue;
      }
      const ExpertWeights member = load(kept.members[m]);
      const Alignment& found = alignments[task++];
      const std::vector<std::int32_t> order =
          align_members ? found.order : identity(member.intermediate());
      check_alike(sum, member);
      add_scaled(member, order, static_cast<float>(kept.weights[m]), sum);
      report.push_back(
          {kept.members[m], kept.anchor, found.cosine_before, found.cosine_after, moved(order)});
    }
    sink(k, std::move(sum));
  }
  return report;
}

MergedLayer merge_layer(const LayerPlan& plan, std::span<const ExpertWeights> experts, int threads,
                        bool align_members) {
  require(static_cast<std::int64_t>(experts.size()) == plan.experts,
          "a plan is carried out on all experts of its layer");
  MergedLayer merged;
  merged.alignments = merge_layer(
      plan, [&](std::int32_t e) { return experts[static_cast<std::size_t>(e)]; },
      [&](std::size_t, ExpertWeights&& weights) { merged.experts.push_back(std::move(weights)); },
      threads, align_members);
  return merged;
}

}  // namespace moeplan::models
