// Suite `fit` of ./moeplan bench: how well the cost laws meet measurements. Fits the source tables
// (../shared/data/open) of all profiles in models/data as `moeplan fit` does and prints the errors
// of every family, the errors of data-sheet laws on the same devices, and the suite's keys: the
// error of the H100 bf16 expert law on shapes it was not fitted to, and of the NCCL laws on their
// own topology (H100 and A100).
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "calibrate/fitting/datasheet_errors.hpp"
#include "calibrate/fitting/fit_profile.hpp"
#include "calibrate/fitting/statistics.hpp"
#include "calibrate/import/measurements.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/collective_latency.hpp"
#include "tests/speed/bench_main.hpp"

namespace {

using moeplan::calibrate::DatasheetErrors;
using moeplan::models::Measurements;

std::filesystem::path tables() {
  const char* shared = std::getenv("MOEPLAN_SHARED");
  return std::filesystem::path(shared != nullptr ? shared : MOEPLAN_SHARED_DIR) / "data" / "open" /
         "component";
}

// The tables a profile names as its sources.
std::vector<Measurements> sources_of(const moeplan::models::Profile& profile) {
  std::vector<Measurements> files;
  for (const auto& source : profile.provenance) {
    files.push_back(moeplan::calibrate::import_measurements(tables() / source.file));
    if (files.back().sha256 != source.sha256) {
      throw std::runtime_error(source.file + " is not the file that the profile was fitted to");
    }
  }
  return files;
}

struct Device {
  std::string id;
  moeplan::models::Profile profile;
  std::vector<moeplan::calibrate::FamilyReport> families;
  std::vector<DatasheetErrors> datasheet;
};

Device measure(const std::string& id) {
  const moeplan::models::Gpu gpu = moeplan::models::load_gpu(id);
  const auto profile = moeplan::models::load_profile(moeplan::models::profile_path(id));
  const std::vector<Measurements> files = sources_of(profile);
  return {.id = id,
          .profile = profile,
          .families = moeplan::calibrate::fit_profile(files, gpu).families,
          .datasheet = moeplan::calibrate::datasheet_errors(
              files, gpu, moeplan::models::load_fabric(gpu.fabric))};
}

// |t_law / t - 1| of every 16-bit row of a file, by the laws of its profile.
void add_errors(const char* name, const std::string& hardware, std::vector<double>& errors) {
  const Measurements file = moeplan::calibrate::import_measurements(tables() / name);
  const moeplan::models::Gpu gpu = moeplan::models::load_gpu(hardware);
  const moeplan::models::Fabric fabric = moeplan::models::load_fabric(gpu.fabric);
  const moeplan::models::CollectiveLatency law(
      moeplan::calibrate::fit_profile({file}, gpu).profile.laws,
      moeplan::models::FabricLaw(fabric, gpu.gpus_per_node, nullptr));
  for (const auto& row : file.collectives) {
    if (moeplan::models::activation_bytes(row.origin.precision) == 2.0) {
      const auto estimate = law.estimate(row.collective, row.ranks, moeplan::bytes(row.bytes));
      errors.push_back(std::abs(in_seconds(estimate.duration) / row.origin.seconds - 1.0));
    }
  }
}

const moeplan::calibrate::FamilyReport& headline(const std::vector<Device>& devices) {
  for (const Device& device : devices) {
    for (const auto& family : device.families) {
      if (device.id == "h100-sxm" && family.kernel == "expert" && family.dtype == "bf16" &&
          family.distribution == "balanced") {
        return family;
      }
    }
  }
  throw std::runtime_error("the H100 profile has no bf16 expert law on balanced rows");
}

// Families that are good enough to be laws of the device.
bool is_law(const Device& device, const DatasheetErrors& family) {
  return std::any_of(device.profile.laws.begin(), device.profile.laws.end(),
                     [&](const moeplan::models::FittedLaw& law) {
                       return family.kernel.starts_with(law.info.kernel) &&
                              law.info.kernel_source == family.kernel_source &&
                              law.info.dtype == family.dtype;
                     });
}

void print_datasheet(const std::vector<Device>& devices) {
  fmt::print("\ndata-sheet laws against measured rows\n");
  fmt::print("{:<13} {:<17} {:<9} {:>6} {:>7} {:>7} {:>7} {:>6} {:>8}  {}\n", "device", "kernel",
             "dtype", "points", "median", "p90", "bias", "sd ln", "covered", "source");
  std::map<std::string, std::vector<DatasheetErrors>> others;  // by family, H100 left out
  for (const Device& device : devices) {
    for (const DatasheetErrors& row : device.datasheet) {
      fmt::print(
          "{:<13} {:<17} {:<9} {:>6} {:>5.1f} % {:>5.1f} % {:>5.1f} % {:>6.2f} {:>6.1f} %  {}\n",
          device.id, row.kernel, row.dtype, row.errors.points, 100.0 * row.errors.median_abs,
          100.0 * row.errors.p90_abs, 100.0 * row.errors.bias, row.sd_log,
          100.0 * row.covered_fraction, row.kernel_source);
      if (device.id != "h100-sxm" && is_law(device, row)) {
        others[row.kernel].push_back(row);
      }
    }
  }
  fmt::print(
      "sd of ln(t) whose 5-95 % band covers 90 % of the rows of every family that is a law, H100 "
      "left "
      "out:\n");
  for (const auto& [kernel, rows] : others) {
    fmt::print("  {:<17} {:.2f}\n", kernel, moeplan::calibrate::covering_sd(rows));
  }
}

// Rows of shapes that were held out, in bands that came from other shapes: of every family.
moeplan::calibrate::Coverage coverage(const std::vector<Device>& devices) {
  moeplan::calibrate::Coverage sum;
  for (const Device& device : devices) {
    for (const auto& family : device.families) {
      if (family.held_out_coverage) {
        sum.points += family.held_out_coverage->points;
        sum.covered += family.held_out_coverage->covered;
      }
    }
  }
  return sum;
}

void print_figures(bool json) {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::future<Device>> running;
  for (const std::string& id : moeplan::models::catalog_ids("profiles")) {
    running.push_back(std::async(std::launch::async, measure, id));
  }
  std::vector<Device> devices;
  for (auto& device : running) {
    devices.push_back(device.get());
  }
  const auto& expert = headline(devices);
  std::vector<double> errors;
  add_errors("aic_nccl_h100_2.29.2.csv", "h100-sxm", errors);
  add_errors("aic_nccl_a100_2.27.3.csv", "a100-sxm", errors);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  const std::string how = fmt::format(
      "experts: aic_moe_h100 bf16 balanced, {} rows, each of {} shapes predicted by a fit to the "
      "others; collectives: {} 16-bit rows of aic_nccl_h100 and aic_nccl_a100, a fit per operation "
      "and number of GPUs, in sample; {:.1f} s",
      expert.errors.points, expert.shapes, errors.size(), wall.count());
  const double collectives = moeplan::calibrate::quantile(errors, 0.5);
  const auto bands = coverage(devices);
  if (json) {
    fmt::print(
        "{{\"held_out_band_coverage\": {:.5f}, \"held_out_band_points\": {}, "
        "\"expert_loso_median\": {:.5f}, \"expert_loso_p90\": {:.5f}, "
        "\"collectives_median\": {:.5f}, \"fit_how\": \"{}\"}}\n",
        bands.fraction(), bands.points, expert.leave_one_shape_out->median,
        expert.leave_one_shape_out->p90, collectives, how);
    return;
  }
  for (const Device& device : devices) {
    fmt::print("{}\n{}\n", device.id, moeplan::calibrate::families_table(device.families));
  }
  print_datasheet(devices);
  fmt::print("\nexpert_loso_median  {:>6.1f} %\n", 100.0 * expert.leave_one_shape_out->median);
  fmt::print("expert_loso_p90     {:>6.1f} %\n", 100.0 * expert.leave_one_shape_out->p90);
  fmt::print("collectives_median  {:>6.1f} %\n", 100.0 * collectives);
  fmt::print("held_out_band_coverage {:.1f} % of {} rows (90 % bands from other shapes)\n",
             100.0 * bands.fraction(), bands.points);
  fmt::print("how: {}\n", how);
}

}  // namespace

int main(int argc, char** argv) {
  return moeplan::speed::bench_main(argc, argv, "fit_bench", print_figures);
}
