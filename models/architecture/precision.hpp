#pragma once
// Precision of weights, activations or the KV cache: bytes per element and the names users write.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace moeplan::models {

enum class Precision { fp32, bf16, fp16, fp8, fp8_block, int8, w4a16, mxfp4, nvfp4 };

// "fp32 bf16 fp16 fp8 fp8_block int8 w4a16 mxfp4 nvfp4" (interface.md).
std::string_view name_of(Precision precision);
std::optional<Precision> precision_from(std::string_view name);
const std::vector<std::string>& precision_names();

// Stored bytes per quantised weight, scales included: fp8_block one fp32 scale per 128x128 block,
// w4a16 one fp16 scale per 128 weights, mxfp4 one byte per 32, nvfp4 one byte per 16. The single
// scales of fp8 and int8 (per tensor or per output channel) are below 0.1 % and left out.
double weight_bytes(Precision precision);
// Bytes per weight of what quantisation leaves alone (embeddings, lm_head, router, norms, biases):
// 4 for fp32, else 2. Source: modules_to_not_convert of Qwen/Qwen3-30B-A3B-FP8 and ignore lists of
// llm-compressor recipes (lm_head, router), read 2026-11-23.
double plain_bytes(Precision precision);
// Bytes per activation or KV element of a kernel that runs with such weights (w4a16, mxfp4: 2;
// nvfp4: four bits and one scale byte per 16).
double activation_bytes(Precision precision);

}  // namespace moeplan::models
