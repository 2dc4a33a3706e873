#pragma once
// Private to models/checkpoint: fp8 weights with a scale per block of 128 x 128 (DeepSeek-V3, Qwen3
// FP8): weight = stored x scale, scales in a float tensor beside it.
// Source: DeepSeek-V3 README_WEIGHTS.md, "Dequantization Method" (weight_scale_inv).

#include <string>
#include <vector>

#include "models/checkpoint/checkpoint.hpp"
#include "models/pruning/matrix.hpp"

namespace moeplan::models {

inline constexpr const char* kScaleSuffix = "_scale_inv";
inline constexpr Eigen::Index kScaleBlock = 128;

// matrix *= the scales of tensor `name`. Throws: InputError for scales of another shape.
void apply_block_scales(const Checkpoint& checkpoint, const std::string& name, FloatMatrix& matrix);

// New scales, the block's largest magnitude over the dtype's largest value; matrix /= them.
// Returns them as stored. Throws: InputError as above.
std::vector<std::byte> divide_by_block_scales(const Checkpoint& checkpoint, const std::string& name,
                                              Dtype dtype, FloatMatrix& matrix);

}  // namespace moeplan::models
