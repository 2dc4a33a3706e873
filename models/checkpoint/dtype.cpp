#include "models/checkpoint/dtype.hpp"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

struct Row {
  std::string_view name;
  std::size_t bytes;
};
// In the order of Dtype.
constexpr std::array<Row, 15> kRows = {{{"F64", 8},
                                        {"F32", 4},
                                        {"F16", 2},
                                        {"BF16", 2},
                                        {"F8_E4M3", 1},
                                        {"F8_E5M2", 1},
                                        {"I64", 8},
                                        {"I32", 4},
                                        {"I16", 2},
                                        {"I8", 1},
                                        {"U64", 8},
                                        {"U32", 4},
                                        {"U16", 2},
                                        {"U8", 1},
                                        {"BOOL", 1}}};

// A small floating-point format: sign, exponent, mantissa.
struct Format {
  int exponent_bits;
  int mantissa_bits;
  bool has_infinity;  // else the largest exponent is finite but for all ones (E4M3 of OCP)
  int bias() const { return (1 << (exponent_bits - 1)) - 1; }
};
constexpr Format kF16{5, 10, true};
constexpr Format kE4m3{4, 3, false};
constexpr Format kE5m2{5, 2, true};

float decode(const Format& format, std::uint32_t bits) {
  const std::uint32_t mantissa_mask = (1u << format.mantissa_bits) - 1u;
  const std::uint32_t exponent_mask = (1u << format.exponent_bits) - 1u;
  const std::uint32_t mantissa = bits & mantissa_mask;
  const std::uint32_t exponent = (bits >> format.mantissa_bits) & exponent_mask;
  const bool negative = (bits >> (format.mantissa_bits + format.exponent_bits)) != 0;
  float value = 0.0f;
  if (exponent == exponent_mask && (format.has_infinity || mantissa == mantissa_mask)) {
    value = mantissa == 0 ? std::numeric_limits<float>::infinity()
                          : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(mantissa), 1 - format.bias() - format.mantissa_bits);
  } else {
    value = std::ldexp(static_cast<float>(mantissa | (1u << format.mantissa_bits)),
                       static_cast<int>(exponent) - format.bias() - format.mantissa_bits);
  }
  return negative ? -value : value;
}

std::uint32_t encode(const Format& format, float value) {
  const int width = format.mantissa_bits + format.exponent_bits;
  const std::uint32_t sign = std::signbit(value) ? 1u << width : 0u;
  const std::uint32_t exponent_mask = (1u << format.exponent_bits) - 1u;
  const std::uint32_t mantissa_mask = (1u << format.mantissa_bits) - 1u;
  const std::uint32_t all_ones = exponent_mask << format.mantissa_bits;
  if (std::isnan(value)) {
    return sign | all_ones | mantissa_mask;
  }
  // The largest finite pattern, and what lies beyond it.
  const std::uint32_t largest =
      format.has_infinity ? all_ones - 1u : (all_ones | mantissa_mask) - 1u;
  const std::uint32_t beyond = format.has_infinity ? all_ones : largest;
  const float magnitude = std::fabs(value);
  if (magnitude == 0.0f) {
    return sign;
  }
  if (std::isinf(magnitude)) {
    return sign | beyond;
  }
  // In units of the last place of the value's binade (of the subnormals at the low end).
  const int exponent = std::max(std::ilogb(magnitude), 1 - format.bias());
  const float units = std::ldexp(magnitude, format.mantissa_bits - exponent);
  const auto whole = static_cast<std::uint32_t>(std::nearbyint(units));  // ties to even
  const auto field = static_cast<std::uint32_t>(exponent + format.bias() - 1);
  // Carries of the mantissa run into the exponent, as they should.
  const std::uint32_t bits = (field << format.mantissa_bits) + whole;
  return sign | (bits > largest ? beyond : bits);
}

float decode_bf16(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

std::uint16_t encode_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (std::isnan(value)) {
    return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  }
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

// Every value of a format of at most 16 bits.
template <int Bits>
const std::array<float, std::size_t{1} << Bits>& table_of(const Format& format) {
  // Function-local: thread-safe, and built once per format because Bits and format go together.
  static const auto build = [](const Format& f) {
    std::array<float, std::size_t{1} << Bits> table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
      table[i] = decode(f, static_cast<std::uint32_t>(i));
    }
    return table;
  };
  if constexpr (Bits == 16) {
    static const auto kTable = build(kF16);
    return kTable;
  } else {
    static const auto kE4m3Table = build(kE4m3);
    static const auto kE5m2Table = build(kE5m2);
    return format.exponent_bits == 4 ? kE4m3Table : kE5m2Table;
  }
}

template <class Stored, class Convert>
void read_as(std::span<const std::byte> from, std::span<float> into, const Convert& convert) {
  for (std::size_t i = 0; i < into.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, from.data() + i * sizeof stored, sizeof stored);
    into[i] = convert(stored);
  }
}

template <class Stored, class Convert>
void write_as(std::span<const float> from, std::span<std::byte> into, const Convert& convert) {
  for (std::size_t i = 0; i < from.size(); ++i) {
    const auto stored = static_cast<Stored>(convert(from[i]));
    std::memcpy(into.data() + i * sizeof stored, &stored, sizeof stored);
  }
}

}  // namespace

std::string_view name_of(Dtype dtype) { return kRows[static_cast<std::size_t>(dtype)].name; }

std::optional<Dtype> dtype_from(std::string_view name) {
  for (std::size_t i = 0; i < kRows.size(); ++i) {
    if (kRows[i].name == name) {
      return static_cast<Dtype>(i);
    }
  }
  return std::nullopt;
}

std::string dtype_names() {
  std::string names;
  for (const Row& row : kRows) {
    names += (names.empty() ? "" : ", ") + std::string(row.name);
  }
  return names;
}

std::size_t bytes_of(Dtype dtype) { return kRows[static_cast<std::size_t>(dtype)].bytes; }

bool is_weight(Dtype dtype) {
  return dtype == Dtype::f32 || dtype == Dtype::f16 || dtype == Dtype::bf16 ||
         dtype == Dtype::f8_e4m3 || dtype == Dtype::f8_e5m2;
}

void read_floats(Dtype dtype, std::span<const std::byte> from, std::span<float> into) {
  require(is_weight(dtype) && from.size() == into.size() * bytes_of(dtype),
          "bytes of a tensor fit its numbers");
  if (dtype == Dtype::f32) {
    std::memcpy(into.data(), from.data(), from.size());
  } else if (dtype == Dtype::bf16) {
    read_as<std::uint16_t>(from, into, decode_bf16);
  } else if (dtype == Dtype::f16) {
    const auto& table = table_of<16>(kF16);
    read_as<std::uint16_t>(from, into, [&](std::uint16_t bits) { return table[bits]; });
  } else {
    const auto& table = table_of<8>(dtype == Dtype::f8_e4m3 ? kE4m3 : kE5m2);
    read_as<std::uint8_t>(from, into, [&](std::uint8_t bits) { return table[bits]; });
  }
}

void write_floats(Dtype dtype, std::span<const float> from, std::span<std::byte> into) {
  require(is_weight(dtype) && into.size() == from.size() * bytes_of(dtype),
          "bytes of a tensor fit its numbers");
  if (dtype == Dtype::f32) {
    std::memcpy(into.data(), from.data(), into.size());
  } else if (dtype == Dtype::bf16) {
    write_as<std::uint16_t>(from, into, encode_bf16);
  } else if (dtype == Dtype::f16) {
    write_as<std::uint16_t>(from, into, [](float x) { return encode(kF16, x); });
  } else {
    const Format& format = dtype == Dtype::f8_e4m3 ? kE4m3 : kE5m2;
    write_as<std::uint8_t>(from, into, [&](float x) { return encode(format, x); });
  }
}

}  // namespace moeplan::models
