#pragma once
// Import of InferSim's tables (CSV): dense products and grouped GEMMs of DeepGEMM, decode attention
// of FlashInfer.
// Source: github.com/alibaba/InferSim, kernel_benchmark/
// (deepgemm_grouped_gemm_{masked,contiguous}, flashinfer_mha_decode), commit
// f2293dab6d23fe2780356eb71e0ffc3b4baf61dd.

#include <string>

#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// Traps taken care of:
// - durations are in us; mfu stands beside them and must agree: a file implies one peak rate, which
//   must be that of a device the project measured (296 TFLOP/s of H20, 1979 of H800, 8-bit) and is
//   kept as Measurements::stated_peak. DeepGEMM's products are 8 bits in blocks (fp8_block);
//   their inputs were quantised before.
// - tokens_per_expert is nominal: each of the num_LOCAL_experts groups gets that number times
//   U(0.7, 1.3), rounded down. What was computed follows from mfu, for up and down separately; a
//   nominal 1 becomes 0 or 1, so that only as many experts are active as there are tokens.
// - up (2 x intermediate columns) and down are timed alone: parts of a layer, two samples a row.
// - batch_size_per_gpu and seq_len_per_gpu are of one rank: the group has num_gpus times as many.
// - decode attention: heads-kvheads-headdim are in the file's name; the calls are launched one by
//   one from the host, and the same cache is read again and again.
// - the same columns hold latent attention (names with "mla", HEADS-KVLORARANK-ROPEDIM for decode,
//   HEADS-NOPEDIM-ROPEDIM for prompts): kernels alone (FlashMLA, FlashAttention-3, says its README;
//   the scripts are not in the repository, so how they were called is not known).
// Throws: InputError as import_measurements; E_UNIT for durations that disagree with their mfu,
// E_RANGE for rows that disagree with themselves.
models::Measurements parse_infersim(const std::string& content, const std::string& file);

}  // namespace moeplan::calibrate
