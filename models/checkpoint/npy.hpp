#pragma once
// The header of a NumPy .npy file, versions 1 to 3: a little-endian array in C order.
// Source: numpy.lib.format documentation, "Format Version 1.0" to "3.0".

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/checkpoint/dtype.hpp"

namespace moeplan::models {

struct NpyHeader {
  Dtype dtype = Dtype::f32;  // f2, f4, f8, i4, i8
  std::vector<std::int64_t> shape;
  std::size_t data = 0;  // where the numbers begin
};

// file: the whole file's bytes; name: for errors. Throws: InputError: no .npy file, a header that
// does not say what it must, Fortran order, big-endian or another type, data of another length.
NpyHeader parse_npy_header(std::span<const std::byte> file, const std::string& name);

}  // namespace moeplan::models
