#include "tests/paper/static_forward_table.hpp"

#include "calibrate/fitting/fit_static_forward.hpp"
#include "models/architecture/counts.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::tests {

using models::ForwardQuantity;

std::vector<ForwardRow> forward_rows() {
  const models::PublishedForward published = models::load_published_forward("sarkar-2024");
  const models::Gpu gpu = models::load_gpu(published.hardware);
  const models::Profile profile =
      models::load_profile(models::static_forward_path(published.hardware));
  const models::StaticForward law(profile.laws.at(0), gpu, models::load_fabric(gpu.fabric));
  std::vector<ForwardRow> rows;
  for (const models::ForwardPoint& point : published.points) {
    ForwardRow row;
    row.point = point;
    row.estimate = law.estimate(models::load_architecture(point.model),
                                {.sequences = point.sequences,
                                 .length = point.length,
                                 .gpus = static_cast<int>(point.gpus),
                                 .expert_ranks = static_cast<int>(point.expert_ranks)});
    row.predicted_s = in_seconds(calibrate::predicted(row.estimate, point.quantity));
    row.error = row.predicted_s / in_seconds(point.duration) - 1.0;
    rows.push_back(row);
  }
  return rows;
}

std::vector<ForwardRow> rows_of(const std::vector<ForwardRow>& rows, const std::string& figure,
                                ForwardQuantity quantity) {
  std::vector<ForwardRow> chosen;
  for (const ForwardRow& row : rows) {
    if (row.point.figure == figure && row.point.quantity == quantity) {
      chosen.push_back(row);
    }
  }
  return chosen;
}

std::vector<LayerRow> layer_rows(const std::vector<ForwardRow>& rows) {
  const std::vector<ForwardRow> exchange = rows_of(rows, "4", ForwardQuantity::all2all);
  const std::vector<ForwardRow> experts = rows_of(rows, "4", ForwardQuantity::experts);
  std::vector<LayerRow> layers;
  for (const ForwardRow& a : exchange) {
    for (const ForwardRow& b : experts) {
      if (a.point.model == b.point.model) {
        layers.push_back({a.point.model, a.estimate.local_experts, a.predicted_s + b.predicted_s,
                          in_seconds(a.point.duration + b.point.duration)});
      }
    }
  }
  return layers;
}

std::vector<ParameterRow> parameter_rows() {
  // Table 1: totals as printed (arXiv:2409.01483v1; the introduction says 1.3B for 8 experts).
  std::vector<ParameterRow> rows = {{"gpt2-medium", 354e6},
                                    {"paper-354m-8e", 1.05e9},
                                    {"paper-354m-32e", 3.4e9},
                                    {"paper-354m-64e", 6.7e9},
                                    {"paper-354m-128e", 13e9}};
  for (ParameterRow& row : rows) {
    const models::SmoeArchitecture architecture = models::load_architecture(row.model);
    const models::RankLayout layout{.data_parallel = 2, .expert_parallel = architecture.is_moe()};
    row.counted = static_cast<double>(models::count_parameters(architecture).total());
    row.weights_bytes =
        models::rank_weights(architecture, layout, models::Precision::bf16).total().value();
  }
  return rows;
}

}  // namespace moeplan::tests
