#pragma once
// Dtype: how safetensors stores numbers, and the conversion of weights to float and back.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace moeplan::models {

enum class Dtype {
  f64,
  f32,
  f16,
  bf16,
  f8_e4m3,
  f8_e5m2,
  i64,
  i32,
  i16,
  i8,
  u64,
  u32,
  u16,
  u8,
  boolean
};

// As in a header: "F64 F32 F16 BF16 F8_E4M3 F8_E5M2 I64 ... BOOL".
// Source: safetensors README "Format", and Dtype of safetensors/src/tensor.rs.
std::string_view name_of(Dtype dtype);
std::optional<Dtype> dtype_from(std::string_view name);
// "F64, F32, ..." for messages.
std::string dtype_names();
std::size_t bytes_of(Dtype dtype);

// True for what read_floats and write_floats convert: f32, f16, bf16, f8_e4m3, f8_e5m2.
bool is_weight(Dtype dtype);

// Little-endian bytes to floats, exactly. Throws: std::logic_error when sizes do not fit or the
// dtype is no weight's.
void read_floats(Dtype dtype, std::span<const std::byte> from, std::span<float> into);
// Floats to the nearest stored value, ties to even. Values beyond the largest finite one become
// infinity in f16, bf16 and f8_e5m2, and the largest finite one (448) in f8_e4m3, which has none.
void write_floats(Dtype dtype, std::span<const float> from, std::span<std::byte> into);

}  // namespace moeplan::models
