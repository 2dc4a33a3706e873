// Suite `fit` of ./moeplan bench: how well the cost laws meet measurements. Fits the open tables of
// ../shared/data/open as `moeplan fit` does and prints the error of the H100 bf16 expert law on
// shapes it was not fitted to, and of the NCCL laws on their own topology (H100 and A100).
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "calibrate/fitting/fit_kernels.hpp"
#include "calibrate/fitting/fit_profile.hpp"
#include "calibrate/fitting/statistics.hpp"
#include "calibrate/import/aiconfigurator.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/collective_latency.hpp"
#include "models/text/input_error.hpp"

namespace {

using moeplan::models::Measurements;

std::filesystem::path tables() {
  const char* shared = std::getenv("MOEPLAN_SHARED");
  return std::filesystem::path(shared != nullptr ? shared : MOEPLAN_SHARED_DIR) / "data" / "open" /
         "component";
}

Measurements table(const char* name) {
  return moeplan::calibrate::import_aiconfigurator(tables() / name);
}

// |t_law / t - 1| of every 16-bit row of a file, by the laws of its profile.
void add_errors(const Measurements& file, const std::string& hardware,
                std::vector<double>& errors) {
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

void print_figures(bool json) {
  const auto begin = std::chrono::steady_clock::now();
  const moeplan::models::Gpu h100 = moeplan::models::load_gpu("h100-sxm");
  Measurements experts = table("aic_moe_h100_vllm0.24.0.csv");
  std::erase_if(experts.experts, [](const moeplan::models::ExpertSample& sample) {
    return sample.origin.precision != moeplan::models::Precision::bf16 ||
           sample.distribution != "balanced";
  });
  const auto expert = moeplan::calibrate::fit_expert(experts.experts, h100).reports.front();
  std::vector<double> errors;
  add_errors(table("aic_nccl_h100_2.29.2.csv"), "h100-sxm", errors);
  add_errors(table("aic_nccl_a100_2.27.3.csv"), "a100-sxm", errors);
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  const std::string how = fmt::format(
      "experts: aic_moe_h100 bf16 balanced, {} rows, each of {} shapes predicted by a fit to the "
      "others; collectives: {} 16-bit rows of aic_nccl_h100 and aic_nccl_a100, a fit per operation "
      "and number of GPUs, in sample; {:.1f} s",
      expert.errors.points, expert.shapes, errors.size(), wall.count());
  const double collectives = moeplan::calibrate::quantile(errors, 0.5);
  if (json) {
    fmt::print(
        "{{\"expert_loso_median\": {:.5f}, \"expert_loso_p90\": {:.5f}, "
        "\"collectives_median\": {:.5f}, \"fit_how\": \"{}\"}}\n",
        expert.leave_one_shape_out->median, expert.leave_one_shape_out->p90, collectives, how);
  } else {
    fmt::print("expert_loso_median  {:>6.1f} %\n", 100.0 * expert.leave_one_shape_out->median);
    fmt::print("expert_loso_p90     {:>6.1f} %\n", 100.0 * expert.leave_one_shape_out->p90);
    fmt::print("collectives_median  {:>6.1f} %\n", 100.0 * collectives);
    fmt::print("how: {}\n", how);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string format = argc > 2 && std::string(argv[1]) == "--format" ? argv[2] : "table";
  if (argc != 1 && (argc != 3 || (format != "table" && format != "json"))) {
    fmt::print(stderr, "usage: fit_bench [--format table|json]\n");
    return 2;
  }
  try {
    print_figures(format == "json");
  } catch (const moeplan::InputError& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 3;
  }
  return 0;
}
