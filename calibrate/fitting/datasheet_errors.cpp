#include "calibrate/fitting/datasheet_errors.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "calibrate/fitting/fit_kernels.hpp"
#include "calibrate/fitting/plausibility.hpp"
#include "models/latency/cost_laws.hpp"
#include "models/latency/fabric_law.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

constexpr double kBandSd = 1.645;    // 5 to 95 % of a normal distribution
constexpr double kHostFloors = 4.0;  // of the shortest row: the floor is a quarter at most

struct Rows {
  std::vector<double> predicted;
  std::vector<double> measured;
  std::vector<bool> host;
  double band = 0.0;
};

class Comparison {
 public:
  Comparison(const models::Gpu& gpu, const models::Fabric& inside) : gpu_(gpu), inside_(inside) {}

  void add(const models::Measurements& file) {
    for (const models::ExpertSample& row : file.experts) {
      if (gpu_.supports(row.origin.precision) && !is_cached(row, gpu_) && !too_fast(row, gpu_)) {
        const models::ExpertLatency& law = laws(row.origin.precision).expert;
        const bool layer = row.part == models::ExpertPart::layer;
        put(layer ? "expert" : "expert_part", row.origin, law.info(),
            expert_part_seconds(law.theta(), row.part, row.shape, row.load));
      }
    }
    for (const models::DenseSample& row : file.dense) {
      if (gpu_.supports(row.origin.precision) && !is_cached(row, gpu_)) {
        const models::DenseLatency& law = laws(row.origin.precision).dense;
        models::DenseTheta theta = law.theta();
        theta.quantise = row.product_alone ? 0.0 : theta.quantise;
        put("dense", row.origin, law.info(),
            models::dense_seconds(theta, row.origin.precision, row.rows,
                                  static_cast<double>(row.columns),
                                  static_cast<double>(row.inner)));
      }
    }
    for (const models::AttentionSample& row : file.attention) {
      const models::AttentionLatency& law = laws(models::Precision::bf16).attention;
      if (row.decode && !is_cached(row, gpu_)) {
        put("attention_decode", row.origin, law.info().front(),
            in_seconds(law.decode(row.shape, row.sequences, row.sequences * row.history).duration));
      } else if (!row.decode) {
        put("attention_prefill", row.origin, law.info().back(),
            in_seconds(law.prefill(row.shape, row.sequences, row.chunk, row.history).duration));
      }
    }
    for (const models::StreamSample& row : file.streams) {
      const models::StreamLatency& law = laws(models::Precision::bf16).stream;
      put(row.kernel, row.origin, law.info(), in_seconds(law.estimate(bytes(row.bytes)).duration));
    }
    for (const models::CollectiveSample& row : file.collectives) {
      const models::FabricLaw law(inside_, std::max(1, gpu_.gpus_per_node), nullptr);
      const bool library = row.origin.kernel_source.starts_with("nccl");
      put(std::string(family_of(row.collective)), row.origin, law.info(),
          library ? law.seconds(row.collective, row.ranks, row.bytes)
                  : law.engine_seconds(row.collective, row.ranks, row.bytes));
    }
  }

  std::vector<DatasheetErrors> families() const {
    std::vector<DatasheetErrors> all;
    for (const auto& [key, rows] : rows_) {
      const auto& [kernel, source, dtype] = key;
      const double shortest = *std::min_element(rows.measured.begin(), rows.measured.end());
      std::vector<double> predicted;
      std::vector<double> measured;
      for (std::size_t i = 0; i < rows.measured.size(); ++i) {
        if (!rows.host[i] || rows.measured[i] > kHostFloors * shortest) {
          predicted.push_back(rows.predicted[i]);
          measured.push_back(rows.measured[i]);
        }
      }
      if (measured.empty()) {
        continue;
      }
      DatasheetErrors family{.kernel = kernel,
                             .kernel_source = source,
                             .dtype = dtype,
                             .errors = summarize(predicted, measured),
                             .sd_log = log_sd(predicted, measured),
                             .covered_fraction = 0.0,
                             .log_ratios = {}};
      double covered = 0.0;
      for (std::size_t i = 0; i < measured.size(); ++i) {
        family.log_ratios.push_back(std::log(predicted[i] / measured[i]));
        covered += std::abs(family.log_ratios.back()) <= kBandSd * rows.band ? 1.0 : 0.0;
      }
      family.covered_fraction = covered / static_cast<double>(measured.size());
      all.push_back(family);
    }
    return all;
  }

 private:
  const models::CostLaws& laws(models::Precision precision) {
    auto found = laws_.find(precision);
    if (found == laws_.end()) {
      found = laws_
                  .emplace(precision,
                           models::make_cost_laws(gpu_, inside_, nullptr, nullptr,
                                                  {.weights = precision, .experts = precision}))
                  .first;
    }
    return found->second;
  }

  void put(const std::string& kernel, const models::SampleOrigin& origin,
           const models::LawInfo& info, double seconds) {
    Rows& rows = rows_[{kernel, origin.kernel_source, std::string(name_of(origin.precision))}];
    rows.predicted.push_back(seconds);
    rows.measured.push_back(origin.seconds);
    rows.host.push_back(origin.host_launched);
    rows.band = info.discrepancy_sd_log;
  }

  const models::Gpu& gpu_;
  const models::Fabric& inside_;
  std::map<models::Precision, models::CostLaws> laws_;
  std::map<std::tuple<std::string, std::string, std::string>, Rows> rows_;
};

}  // namespace

std::vector<DatasheetErrors> datasheet_errors(const std::vector<models::Measurements>& files,
                                              const models::Gpu& gpu,
                                              const models::Fabric& inside) {
  Comparison comparison(gpu, inside);
  for (const models::Measurements& file : files) {
    comparison.add(file);
  }
  return comparison.families();
}

double covering_sd(const std::vector<DatasheetErrors>& families) {
  require(!families.empty(), "a band of no rows");
  double sd = 0.0;
  for (const DatasheetErrors& family : families) {
    std::vector<double> distances;
    for (const double ratio : family.log_ratios) {
      distances.push_back(std::abs(ratio));
    }
    sd = std::max(sd, quantile(distances, 0.9) / kBandSd);
  }
  return sd;
}

}  // namespace moeplan::calibrate
