#pragma once
// The header of a safetensors file: 8 bytes of length (little-endian), JSON, data. Everything is
// checked before anything is allocated or read by it.
// Source: safetensors README "Format" (github.com/huggingface/safetensors), read 2026-11-24.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "models/checkpoint/dtype.hpp"

namespace moeplan::models {

struct TensorInfo {
  Dtype dtype = Dtype::f32;
  std::vector<std::int64_t> shape;  // empty: a scalar
  std::size_t begin = 0;            // bytes in the file
  std::size_t end = 0;
  std::int64_t elements() const;
  std::string shape_text() const;  // "[128, 768]"
};

struct SafetensorsHeader {
  std::map<std::string, TensorInfo> tensors;
  std::map<std::string, std::string> metadata;  // __metadata__
};

inline constexpr std::size_t kMaxHeaderBytes = 100'000'000;

// file: the whole file's bytes (only the header is touched); name: as the user named it.
// Throws: InputError: a file shorter than 8 bytes; a header longer than the file or
// kMaxHeaderBytes; a header that is no JSON object; offsets that overlap, leave a hole, run
// backwards or beyond the end; an unknown dtype; a shape whose bytes are not the span; a tensor
// that is there twice; with offset and tensor.
SafetensorsHeader parse_safetensors_header(std::span<const std::byte> file,
                                           const std::string& name);

// Length and JSON for tensors laid out in this order without holes (their begin and end are set
// here), padded with spaces to a multiple of 8 bytes as the reference writer does.
std::string write_safetensors_header(std::vector<std::pair<std::string, TensorInfo>>& tensors,
                                     const std::map<std::string, std::string>& metadata);

}  // namespace moeplan::models
