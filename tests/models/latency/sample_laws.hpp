#pragma once
// Laws with round numbers that a person can evaluate by hand, for tests of models/latency.

#include "models/latency/profile.hpp"

namespace moeplan::tests {

// 10 us launch, 1e12 B/s, 1e14 FLOP/s, p = 1 (memory and compute add up), no optional terms,
// 100 multiprocessors.
inline models::FittedLaw plain_expert_law() {
  models::FittedLaw law;
  law.info = {.kernel = "expert",
              .kernel_source = "test",
              .dtype = "bf16",
              .form = "tiled_experts_v1",
              .source = "test",
              .discrepancy_sd_log = 0.1,
              .domain = {{"tokens", {1, 1024}},
                         {"pairs", {1, 8192}},
                         {"active_experts", {1, 64}},
                         {"hidden", {1024, 4096}},
                         {"intermediate", {512, 2048}},
                         {"top_k", {2, 8}}}};
  law.theta = {
      {"launch_s", 10e-6}, {"bandwidth_Bps", 1e12}, {"compute_flops", 1e14}, {"norm", 1.0}};
  law.constants = {{"multiprocessors", 100.0}, {"tile_rule", 1.0}};
  law.distribution = "balanced";
  law.errors = {.points = 10,
                .shapes = 1,
                .median_abs_error = 0.01,
                .p90_abs_error = 0.02,
                .max_abs_error = 0.03};
  law.files = {"table.csv"};
  return law;
}

inline models::FittedLaw message_law(const char* kernel, double ranks, double launch,
                                     double bandwidth, double norm) {
  models::FittedLaw law;
  law.info = {.kernel = kernel,
              .kernel_source = "nccl",
              .dtype = "fp16",
              .form = "message_pnorm_v1",
              .source = "test",
              .discrepancy_sd_log = 0.1,
              .domain = {{"bytes", {512, 1e9}}}};
  law.theta = {{"launch_s", launch}, {"bandwidth_Bps", bandwidth}, {"norm", norm}};
  law.constants = {{"ranks", ranks}};
  law.errors = {.points = 10,
                .shapes = 1,
                .median_abs_error = 0.01,
                .p90_abs_error = 0.02,
                .max_abs_error = 0.03};
  return law;
}

}  // namespace moeplan::tests
