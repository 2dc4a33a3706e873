#include "calibrate/fitting/host_floor.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/latency/datasheet_laws.hpp"

namespace moeplan::calibrate {

std::string take_out_host(models::FittedLaw& law, const models::Gpu& gpu) {
  const models::Precision precision =
      models::precision_from(law.info.dtype).value_or(models::Precision::bf16);
  const models::FittedLaw sheet =
      law.info.kernel == "expert"             ? models::datasheet_expert(gpu, precision)
      : law.info.kernel == "dense"            ? models::datasheet_dense(gpu, precision)
      : law.info.kernel == "attention_decode" ? models::datasheet_decode(gpu)
                                              : models::datasheet_prefill(gpu);
  const double measured = law.value("launch_s");
  const double launch = std::min(measured, sheet.value("launch_s"));
  law.theta["launch_s"] = launch;
  const auto at = std::find(law.covariance_of.begin(), law.covariance_of.end(), "launch_s");
  if (at != law.covariance_of.end()) {
    const auto index = at - law.covariance_of.begin();
    law.covariance_of.erase(at);
    law.covariance.erase(law.covariance.begin() + index);
    for (std::vector<double>& row : law.covariance) {
      row.erase(row.begin() + index);
    }
  }
  const std::string what = fmt::format("{:.3g} us of the host's launches taken as {:.3g} us",
                                       measured * 1e6, launch * 1e6);
  law.info.source += "; " + what;
  return fmt::format("{} {} {}: {}", law.info.kernel, law.info.kernel_source, law.info.dtype, what);
}

}  // namespace moeplan::calibrate
