#include "calibrate/fitting/datasheet_errors.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "calibrate/fitting/fit_kernels.hpp"
#include "calibrate/fitting/plausibility.hpp"
#include "calibrate/fitting/predictor.hpp"
#include "calibrate/fitting/sample_key.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

constexpr double kBandSd = 1.645;  // 5 to 95 % of a normal distribution

struct Rows {
  std::vector<double> predicted;
  std::vector<double> measured;
  std::vector<bool> host;
  double band = 0.0;
};

class Comparison {
 public:
  Comparison(const models::Gpu& gpu, const models::Fabric& inside)
      : gpu_(gpu), predictor_(gpu, inside, nullptr, nullptr) {}

  void add(const models::Measurements& file) {
    for (const models::ExpertSample& row : file.experts) {
      if (!is_cached(row, gpu_) && !too_fast(row, gpu_)) {
        put(row.part == models::ExpertPart::layer ? "expert" : "expert_part", row);
      }
    }
    for (const models::DenseSample& row : file.dense) {
      if (!is_cached(row, gpu_)) {
        put("dense", row);
      }
    }
    for (const models::AttentionSample& row : file.attention) {
      if (!row.decode || !is_cached(row, gpu_)) {
        put(sample_key(row).kernel, row);
      }
    }
    for (const models::StreamSample& row : file.streams) {
      put(row.kernel, row);
    }
    for (const models::CollectiveSample& row : file.collectives) {
      put(sample_key(row).kernel, row);
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
  template <class Sample>
  void put(const std::string& kernel, const Sample& row) {
    const Prediction made = predictor_.predict(row);
    if (!made.refused.empty()) {
      return;
    }
    Rows& rows =
        rows_[{kernel, row.origin.kernel_source, std::string(name_of(row.origin.precision))}];
    rows.predicted.push_back(made.seconds);
    rows.measured.push_back(row.origin.seconds);
    rows.host.push_back(row.origin.host_launched);
    rows.band = made.sd_log;
  }

  const models::Gpu& gpu_;
  Predictor predictor_;
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
