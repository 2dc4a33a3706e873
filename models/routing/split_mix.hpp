#pragma once
// SplitMix64: random words for what is drawn once from a seed (a popularity, a permutation). The
// simulator's own streams are Philox (sim/engine), which models must not include.
// Source: G. L. Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom number generators,
// OOPSLA 2014.

#include <cmath>
#include <cstdint>
#include <numbers>

namespace moeplan::models {

// The output for state `value`; a bijection.
constexpr std::uint64_t split_mix(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

class SplitMix {
 public:
  explicit constexpr SplitMix(std::uint64_t key) : key_(split_mix(key)) {}
  // Word i is a function of key and i.
  constexpr std::uint64_t next() { return split_mix(key_ + 0x9E3779B97F4A7C15u * position_++); }
  // In (0, 1), never an end.
  constexpr double uniform() { return (static_cast<double>(next() >> 12) + 0.5) * 0x1p-52; }
  // Standard normal (Box and Muller); takes two words.
  double normal() {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t key_;
  std::uint64_t position_ = 0;
};

}  // namespace moeplan::models
