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

// Stored bytes per weight, scales included: fp8_block one fp32 scale per 128x128 block, w4a16 one
// fp16 scale per 128 weights, mxfp4 one byte per 32, nvfp4 one byte per 16.
double weight_bytes(Precision precision);
// Bytes per activation or KV element of a kernel that runs with such weights (w4a16, mxfp4: 2).
double activation_bytes(Precision precision);

}  // namespace moeplan::models
