#include "models/pruning/layer_methods.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "models/pruning/spectral_clustering.hpp"
#include "models/routing/split_mix.hpp"

namespace moeplan::models {
namespace {

using Ids = std::vector<std::int32_t>;

// What decides which experts stay: [experts], larger is better.
std::vector<double> scores_of(const LayerTask& task) {
  const RouterStatistics& s = task.input->statistics;
  std::vector<double> scores(s.selected.begin(), s.selected.end());
  if (task.method == PruningMethod::reap) {
    if (s.gated_norm_sum.empty()) {
      throw PruningError(task.input->layer,
                         "reap needs the sums of gate x norm of the experts' outputs, which "
                         "logits do not tell: dump statistics with them");
    }
    for (std::size_t e = 0; e < scores.size(); ++e) {
      scores[e] = s.selected[e] > 0 ? s.gated_norm_sum[e] / scores[e] : 0.0;
    }
  } else if (task.method == PruningMethod::random) {
    SplitMix random(task.seed);
    for (double& score : scores) {
      score = random.uniform();
    }
  }
  return scores;
}

// The best `count` of the ids, ascending; ties: the lower id.
Ids best_of(Ids ids, const std::vector<double>& scores, std::size_t count) {
  std::stable_sort(ids.begin(), ids.end(), [&](std::int32_t a, std::int32_t b) {
    return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
  });
  ids.resize(count);
  std::sort(ids.begin(), ids.end());
  return ids;
}

std::int64_t selected(const LayerTask& task, std::int32_t expert) {
  return task.input->statistics.selected[static_cast<std::size_t>(expert)];
}

// Members (ascending) averaged by selections, the most selected one the anchor.
KeptExpert by_selections(const LayerTask& task, Ids members, std::int32_t anchor) {
  double sum = 0.0;
  for (const std::int32_t member : members) {
    sum += static_cast<double>(selected(task, member));
  }
  KeptExpert kept{anchor, std::move(members), {}};
  if (!(sum > 0.0)) {
    throw PruningError(task.input->layer,
                       fmt::format("no token chose any of experts {}: nothing says how to weigh "
                                   "them, so more task data is needed",
                                   fmt::format("{}", kept.members.front()) +
                                       (kept.members.size() > 1 ? " and its cluster" : "")));
  }
  for (const std::int32_t member : kept.members) {
    kept.weights.push_back(static_cast<double>(selected(task, member)) / sum);
  }
  return kept;
}

KeptExpert single(std::int32_t expert) { return {expert, {expert}, {1.0}}; }

void drop_others(const LayerTask& task, const Ids& ids, std::size_t count, LayerPlan& plan) {
  for (const std::int32_t expert : best_of(ids, scores_of(task), count)) {
    if (task.method != PruningMethod::random && selected(task, expert) == 0) {
      throw PruningError(task.input->layer,
                         fmt::format("only experts that no token chose are left to keep (expert {} "
                                     "is one): more task data is needed, or fewer experts to keep",
                                     expert));
    }
    plan.kept.push_back(single(expert));
  }
}

void join_most_similar(const LayerTask& task, const Ids& ids, std::size_t count, LayerPlan& plan) {
  const Eigen::MatrixXd similarity = router_similarity(task.input->statistics.gram);
  const Ids anchors = best_of(ids, scores_of(task), count);
  std::vector<Ids> members(anchors.size());
  for (const std::int32_t expert : ids) {
    std::size_t best = 0;
    for (std::size_t a = 0; a < anchors.size(); ++a) {
      if (anchors[a] == expert) {
        best = a;
        break;
      }
      if (similarity(expert, anchors[a]) > similarity(expert, anchors[best])) {
        best = a;
      }
    }
    members[best].push_back(expert);
  }
  for (std::size_t a = 0; a < anchors.size(); ++a) {
    plan.kept.push_back(by_selections(task, members[a], anchors[a]));
  }
}

Eigen::MatrixXd similarity_of(const LayerTask& task, const Ids& ids) {
  const Eigen::MatrixXd all = router_similarity(task.input->statistics.gram);
  return all(ids, ids);
}

void cluster(const LayerTask& task, const Ids& ids, std::size_t count, std::uint64_t seed,
             LayerPlan& plan) {
  const SpectralClustering found = cluster_spectrally(laplacian_spectrum(similarity_of(task, ids)),
                                                      static_cast<std::int64_t>(count),
                                                      {.starts = task.kmeans_starts, .seed = seed});
  std::vector<Ids> members(count);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    members[static_cast<std::size_t>(found.cluster_of[i])].push_back(ids[i]);
  }
  for (Ids& cluster_members : members) {
    const std::int32_t anchor = *std::max_element(
        cluster_members.begin(), cluster_members.end(),
        [&](std::int32_t a, std::int32_t b) { return selected(task, a) < selected(task, b); });
    plan.kept.push_back(by_selections(task, std::move(cluster_members), anchor));
  }
  plan.inertia = plan.inertia.value_or(0.0) + found.inertia;
  if (found.spectral_gap) {  // with groups: the least clear one
    plan.spectral_gap =
        std::min(plan.spectral_gap.value_or(*found.spectral_gap), *found.spectral_gap);
  }
}

}  // namespace

LayerPlan prune_layer(const LayerTask& task, std::int64_t count) {
  const LayerInput& input = *task.input;
  LayerPlan plan{.layer = input.layer, .experts = input.experts, .method = task.method};
  if (count == input.experts) {
    for (std::int32_t e = 0; e < input.experts; ++e) {
      plan.kept.push_back(single(e));
    }
    return plan;
  }
  const std::int64_t size = input.experts / input.groups;
  for (std::int64_t group = 0; group < input.groups; ++group) {
    Ids ids(static_cast<std::size_t>(size));
    std::iota(ids.begin(), ids.end(), static_cast<std::int32_t>(group * size));
    const auto kept = static_cast<std::size_t>(count / input.groups);
    if (task.method == PruningMethod::uncurl) {
      cluster(task, ids, kept, task.seed + static_cast<std::uint64_t>(group), plan);
    } else if (merges(task.method)) {
      join_most_similar(task, ids, kept, plan);
    } else {
      drop_others(task, ids, kept, plan);
    }
  }
  std::sort(plan.kept.begin(), plan.kept.end(),
            [](const KeptExpert& a, const KeptExpert& b) { return a.anchor < b.anchor; });
  return plan;
}

std::vector<double> global_scores(const LayerTask& task) {
  std::vector<double> scores;
  if (task.method == PruningMethod::uncurl) {
    const Eigen::VectorXd eigenvalues =
        laplacian_spectrum(router_similarity(task.input->statistics.gram)).eigenvalues;
    for (const double value : eigenvalues) {
      scores.push_back(-value);  // ascending eigenvalues: descending scores
    }
    return scores;
  }
  scores = scores_of(task);
  std::sort(scores.begin(), scores.end(), std::greater<>());
  if (task.method != PruningMethod::random && scores.front() > 0.0) {
    const double most = scores.front();
    for (double& score : scores) {
      score /= most;
    }
  }
  return scores;
}

}  // namespace moeplan::models
