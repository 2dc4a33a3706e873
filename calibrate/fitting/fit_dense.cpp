#include "calibrate/fitting/simple_family.hpp"
#include "models/latency/datasheet_laws.hpp"
#include "models/latency/dense_latency.hpp"
#include "models/units/require.hpp"

namespace moeplan::calibrate {

FittedFamily fit_dense(const std::vector<models::DenseSample>& samples, const models::Gpu& gpu) {
  require(!samples.empty(), "a fit needs samples");
  const models::Precision precision = samples.front().origin.precision;
  const double bandwidth = 0.9 * gpu.bandwidth.value();
  const double compute = 0.7 * gpu.peak_for(precision).value();
  SimpleRows rows;
  rows.parameters = {{"launch_s", 4e-6, 4e-6},
                     {"inner_s", 0.5e-9, 0.0},
                     {"bandwidth_Bps", bandwidth, bandwidth},
                     {"compute_flops", compute, compute},
                     {"norm", 3.0, 3.0}};
  const bool alone = samples.front().product_alone;
  if (models::activation_bytes(precision) < 2.0 && !alone) {  // quantised before the product
    rows.parameters.push_back({"quantise_elements_per_s", 1e12, 0.0});
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> keys;
  std::map<std::string, models::Interval> domain;
  for (const models::DenseSample& sample : samples) {
    rows.seconds.push_back(sample.origin.seconds);
    rows.launches.push_back(sample.origin.launch_seconds);
    rows.left_out.push_back(is_cached(sample, gpu));
    rows.shape_of.push_back(shape_index(keys, std::pair(sample.columns, sample.inner)));
    cover(domain, "rows", sample.rows);
    cover(domain, "columns", static_cast<double>(sample.columns));
    cover(domain, "inner", static_cast<double>(sample.inner));
  }
  rows.shapes = static_cast<int>(keys.size());
  rows.band_of_fitted = true;
  rows.law = [&samples, precision](std::span<const double> v, std::size_t i) {
    const models::DenseTheta theta{.launch = v[0],
                                   .inner = v[1],
                                   .bandwidth = v[2],
                                   .compute = v[3],
                                   .norm = v[4],
                                   .quantise = v.size() > 5 && v[5] > 0.0 ? 1.0 / v[5] : 0.0};
    return models::dense_seconds(theta, precision, samples[i].rows,
                                 static_cast<double>(samples[i].columns),
                                 static_cast<double>(samples[i].inner));
  };
  FittedFamily family =
      fit_simple(rows, "dense", samples.front().origin, std::string(name_of(precision)));
  if (models::activation_bytes(precision) < 2.0 && alone) {
    // One more kernel, at the data sheet's rate: see datasheet_dense.
    constexpr double kLaunch = 2e-6;
    family.law.theta["launch_s"] = six_digits(family.law.value("launch_s") + kLaunch);
    family.law.theta["quantise_elements_per_s"] =
        six_digits(models::datasheet_dense(gpu, precision).value("quantise_elements_per_s"));
  }
  family.law.info.form = "dense_pnorm_v1";
  family.law.info.domain = domain;
  return family;
}

}  // namespace moeplan::calibrate
