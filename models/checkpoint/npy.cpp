#include "models/checkpoint/npy.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>
#include <optional>
#include <string_view>

#include "models/text/input_error.hpp"

namespace moeplan::models {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

[[noreturn]] void fail(const std::string& name, std::string what, std::string got = "",
                       std::string expected = "", std::string fix = "") {
  throw InputError(Problem{.code = "E_SYNTAX",
                           .file = name,
                           .what = std::move(what),
                           .got = std::move(got),
                           .expected = std::move(expected),
                           .fix = std::move(fix)});
}

// The text behind 'key': in the header's Python dictionary.
std::string_view value_of(std::string_view header, const std::string& key,
                          const std::string& name) {
  const std::string quoted = fmt::format("'{}':", key);
  const std::size_t at = header.find(quoted);
  if (at == std::string_view::npos) {
    fail(name, fmt::format("the header has no '{}'", key));
  }
  std::string_view value = header.substr(at + quoted.size());
  value.remove_prefix(std::min(value.find_first_not_of(' '), value.size()));
  return value;
}

Dtype dtype_of(std::string_view text, const std::string& name) {
  constexpr std::pair<std::string_view, Dtype> kTypes[] = {{"'<f2'", Dtype::f16},
                                                           {"'<f4'", Dtype::f32},
                                                           {"'<f8'", Dtype::f64},
                                                           {"'<i4'", Dtype::i32},
                                                           {"'<i8'", Dtype::i64}};
  for (const auto& [descr, dtype] : kTypes) {
    if (text.starts_with(descr)) {
      return dtype;
    }
  }
  fail(name, "the array's type", std::string(text.substr(0, 12)),
       "little-endian f2, f4, f8, i4 or i8");
}

std::vector<std::int64_t> shape_of(std::string_view text, const std::string& name) {
  std::vector<std::int64_t> shape;
  const std::size_t end = text.find(')');
  if (!text.starts_with('(') || end == std::string_view::npos) {
    fail(name, "the header's 'shape' is no tuple");
  }
  text = text.substr(1, end - 1);
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(", "), text.size()));
    if (text.empty()) {
      return shape;
    }
    std::int64_t side = -1;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), side);
    if (read.ec != std::errc() || side < 0) {
      fail(name, "the header's 'shape' has a side that is no whole number");
    }
    shape.push_back(side);
    text.remove_prefix(static_cast<std::size_t>(read.ptr - text.data()));
  }
}

}  // namespace

NpyHeader parse_npy_header(std::span<const std::byte> file, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()),
                              std::min<std::size_t>(file.size(), 65536 + 12));
  if (text.size() < 12 || !text.starts_with(kMagic)) {
    fail(name, "the file is no .npy array");
  }
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t prefix = byte(6) == 1 ? 10 : 12;
  std::size_t length = byte(8) | static_cast<std::size_t>(byte(9)) << 8;
  if (prefix == 12) {
    length |= static_cast<std::size_t>(byte(10)) << 16 | static_cast<std::size_t>(byte(11)) << 24;
  }
  if (byte(6) < 1 || byte(6) > 3 || length > text.size() - prefix) {
    fail(name, "the header's version or length",
         fmt::format("version {}, {} bytes", byte(6), length));
  }
  const std::string_view header = text.substr(prefix, length);
  if (!value_of(header, "fortran_order", name).starts_with("False")) {
    fail(name, "the array is in Fortran order", "", "C order", "numpy.ascontiguousarray");
  }
  NpyHeader result{dtype_of(value_of(header, "descr", name), name),
                   shape_of(value_of(header, "shape", name), name), prefix + length};
  std::uint64_t bytes = bytes_of(result.dtype);
  for (const std::int64_t side : result.shape) {
    const auto factor = static_cast<std::uint64_t>(side);
    if (factor != 0 && bytes > std::numeric_limits<std::int64_t>::max() / factor) {
      fail(name, "the array's shape overflows");
    }
    bytes *= factor;
  }
  if (file.size() - result.data != bytes) {
    fail(name, "the array's shape does not fill the file",
         fmt::format("{} bytes of data", file.size() - result.data), fmt::format("{}", bytes),
         "is the file complete?");
  }
  return result;
}

}  // namespace moeplan::models
