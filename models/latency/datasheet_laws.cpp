#include "models/latency/datasheet_laws.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/latency/expert_latency.hpp"

namespace moeplan::models {
namespace {

// What the H100 tables reach of the data-sheet peaks (989 TFLOP/s bf16, 3.35 TB/s): the fits in
// data/profiles/h100-sxm.json, rounded; floors in seconds are the fits' own.
constexpr double kReadEfficiency = 0.90;     // weights in experts and dense products
constexpr double kCacheEfficiency = 0.90;    // KV cache in decode attention
constexpr double kTrafficEfficiency = 0.70;  // activations between kernels
constexpr double kExpertComputeEfficiency = 0.70;
constexpr double kDenseComputeEfficiency = 0.80;
constexpr double kAttentionComputeEfficiency = 0.68;
constexpr double kQuantisedPerByte = 0.095;  // inputs quantised per byte the memory could move

// Of the 16-bit peak, in products of prompts with 4-bit weights that are expanded on the way.
// Tables of vLLM 0.24's kernels say 0.57; the serving runs are of vLLM 0.11 to 0.18.
constexpr double kExpandedComputeEfficiency = 0.18;
constexpr double kExpandedBand = 0.30;
constexpr const char* kServingRunsOfExpanded =
    "18 % of the 16-bit peak, fitted to the TTFT of 25 runs of gpt-oss-120b on 2, 4 and 8 H100, "
    "vLLM 0.11 to 0.18 (aic_silicon_moe_open.csv; bin/serving_validation)";

// sd of ln(t) of these laws: the 5-95 % band covers nine in ten rows of every table of a device
// that is measured, H100 left out, whose efficiencies they are (`./moeplan bench --suite fit`
// prints the figures). Latent attention is measured on H100 alone: assumed. A100 0.39, RTX PRO 6000
// 0.14. GEMMs alone, without the launches that the law's floor is for: 0.47.
constexpr double kExpertBand = 0.40;
// RTX PRO 6000 0.20 by its p90 and 0.29 by its median, H800 in 8 bits 0.16.
constexpr double kDenseBand = 0.30;
// H800 0.09, RTX PRO 6000 0.08; H100 itself 0.15.
constexpr double kDecodeBand = 0.15;
// RTX PRO 6000 0.65: short chunks behind long histories.
constexpr double kPrefillBand = 0.70;
constexpr double kLatentBand = 0.30;
// RTX PRO 6000, whose L2 cache holds the activations: 0.76.
constexpr double kStreamBand = 0.85;
// Of the host time that the other 21 runs leave: 0.42; 0.34 to 0.56 for other choices of the 24.
constexpr double kHostBand = 0.50;

FittedLaw law(const char* kernel, const std::string& dtype, const char* form,
              const std::string& source, double band) {
  FittedLaw made;
  made.info = {.kernel = kernel,
               .kernel_source = "",
               .dtype = dtype,
               .form = form,
               .source = source,
               .discrepancy_sd_log = band,
               .domain = {},
               .datasheet = true};
  return made;
}

std::string from_sheet(const Gpu& gpu) {
  return fmt::format("assumed: data sheet of {} times what H100 reaches of its own", gpu.id);
}

}  // namespace

FittedLaw datasheet_expert(const Gpu& gpu, Precision precision) {
  FittedLaw made = law("expert", std::string(name_of(precision)), "tiled_experts_v1",
                       from_sheet(gpu), kExpertBand);
  made.theta = {{"launch_s", 23e-6},
                {"expert_parallel_s", 6e-6},
                {"inner_s", 1.5e-9},
                {"bandwidth_Bps", gpu.bandwidth.value() * kReadEfficiency},
                {"compute_flops", gpu.peak_for(precision).value() * kExpertComputeEfficiency},
                {"norm", 1.8},
                {"traffic_Bps", gpu.bandwidth.value() * kTrafficEfficiency},
                {"reread", 5.0}};
  made.constants = {{"multiprocessors", gpu.multiprocessors}, {"tile_rule", 1.0}};
  return made;
}

FittedLaw with_expanded_weights(FittedLaw law, const Gpu& gpu) {
  law.theta["compute_flops"] = gpu.peak_for(Precision::bf16).value() * kExpandedComputeEfficiency;
  law.theta.erase("reread");
  law.constants["tile_rule"] = static_cast<double>(TileRule::by_rows);
  law.info.discrepancy_sd_log = std::max(law.info.discrepancy_sd_log, kExpandedBand);
  law.info.source += std::string("; products of prompts: ") + kServingRunsOfExpanded;
  return law;
}

FittedLaw datasheet_dense(const Gpu& gpu, Precision precision) {
  FittedLaw made =
      law("dense", std::string(name_of(precision)), "dense_pnorm_v1", from_sheet(gpu), kDenseBand);
  made.theta = {{"launch_s", 3.2e-6},
                {"inner_s", 0.3e-9},
                {"bandwidth_Bps", gpu.bandwidth.value() * kReadEfficiency},
                {"compute_flops", gpu.peak_for(precision).value() * kDenseComputeEfficiency},
                {"norm", 3.0}};
  if (activation_bytes(precision) == 1.0) {
    // 8-bit products quantise their input first, and their two limits overlap less.
    made.theta["launch_s"] = 4.9e-6;
    made.theta["inner_s"] = 0.45e-9;
    made.theta["norm"] = 2.1;
    made.theta["quantise_elements_per_s"] = gpu.bandwidth.value() * kQuantisedPerByte;
  }
  return made;
}

FittedLaw datasheet_decode(const Gpu& gpu) {
  FittedLaw made =
      law("attention_decode", "any", "attention_decode_v1", from_sheet(gpu), kDecodeBand);
  made.theta = {{"launch_s", 11e-6},
                {"sequence_s", 23e-9},
                {"bandwidth_Bps", gpu.bandwidth.value() * kCacheEfficiency}};
  return made;
}

FittedLaw datasheet_prefill(const Gpu& gpu) {
  FittedLaw made =
      law("attention_prefill", "any", "attention_prefill_v1", from_sheet(gpu), kPrefillBand);
  made.theta = {
      {"launch_s", 12e-6},
      {"compute_flops", gpu.peak_for(Precision::fp16).value() * kAttentionComputeEfficiency},
      {"bandwidth_Bps", gpu.bandwidth.value() * 0.42}};
  return made;
}

FittedLaw datasheet_mla_decode(const Gpu& gpu) {
  FittedLaw made = law("mla", "any", "mla_decode_v1", from_sheet(gpu), kLatentBand);
  made.theta = {{"launch_s", 65e-6},
                {"sequence_s", 75e-9},
                {"head_s", 3.3e-9},
                {"bandwidth_Bps", gpu.bandwidth.value() * 0.87},
                {"compute_flops", gpu.peak_for(Precision::fp16).value() * 0.68}};
  return made;
}

FittedLaw datasheet_mla_prefill(const Gpu& gpu) {
  FittedLaw made = law("mla", "any", "mla_prefill_v1", from_sheet(gpu), kLatentBand);
  made.theta = {{"launch_s", 65e-6},
                {"token_s", 29e-9},
                {"compute_flops", gpu.peak_for(Precision::fp16).value() * 0.93},
                {"bandwidth_Bps", gpu.bandwidth.value() * 0.26}};
  made.constants = {{"absorbed", 0.0}};
  return made;
}

FittedLaw assumed_stream(const Gpu& gpu) {
  FittedLaw made =
      law("permute", "any", "stream_v1",
          "assumed: 2 us a kernel inside a CUDA graph, 80 % of peak bandwidth", kStreamBand);
  made.theta = {{"launch_s", 2e-6}, {"bandwidth_Bps", gpu.bandwidth.value() * 0.80}};
  return made;
}

FittedLaw serving_host() {
  FittedLaw made = law(
      "host", "any", "host_v1",
      "fitted: what the kernel laws leave of the TPOT of 24 runs of Llama-3.1-70B in fp8 on 2, "
      "4 and 8 H100, vLLM of 2025-10 (aic_silicon_dense_llama70b_open.csv; "
      "bin/serving_validation; the other 21: 2.1 % median, 4.0 % p90), and for steps with prompts "
      "outside CUDA graphs of their TTFT and that of 25 runs of gpt-oss-120b on 2, 4 and 8 "
      "H100, vLLM 0.11 to 0.18 (aic_silicon_moe_open.csv)",
      kHostBand);
  made.theta = {{"step_s", 1.0e-3},
                {"sequence_s", 21.5e-6},
                {"prompt_layer_s", 0.10e-3},
                {"prompt_moe_layer_s", 0.60e-3}};
  made.info.kernel_source = "vllm";
  made.info.domain = {{"sequences", {1.0, 64.0}}};
  made.info.datasheet = false;
  return made;
}

}  // namespace moeplan::models
