#pragma once
// Random numbers by address: word i of the stream (seed, name, entity ids) is a pure function of
// these, so adding an entity, a metric or a policy never shifts another entity's numbers.
//
//   RandomStream gaps(seed, "arrivals");
//   RandomStream jitter(seed, "step jitter", {replica.index()});
//   Seconds gap = seconds(gaps.exponential(0.1));
//
// Generator: Philox4x32-10 (philox.hpp); key = seed, upper half of the counter = a hash of name and
// ids (with one id, distinct ids never collide), lower half = the block. Uses std::log, std::sqrt
// and std::exp only: no std:: distributions, whose results differ between standard libraries.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace moeplan::sim {

// Words to variates; each takes one word. The inverse functions are increasing in the word.
// ((w >> 12) + 1/2) 2^-52: within (0, 1), never an end.
constexpr double unit_interval(std::uint64_t word) {
  return (static_cast<double>(word >> 12) + 0.5) * 0x1p-52;
}
// Inverse of the standard normal distribution function; relative error about 1e-16.
// Throws: std::logic_error unless 0 < p < 1.
// Source: M. J. Wichura, Algorithm AS 241, PPND16, Applied Statistics 37 (1988) 477-484.
double normal_quantile(double p);

class RandomStream {
 public:
  RandomStream(std::uint64_t seed, std::string_view name,
               std::initializer_list<std::int64_t> entity_ids = {});

  // Word i, 64 random bits; does not move the position.
  std::uint64_t at(std::uint64_t i) const;

  // Sequential use: every draw below takes the word at position() and moves on by one;
  // only below() may take more.
  std::uint64_t next();
  std::uint64_t position() const { return position_; }
  void seek(std::uint64_t position) { position_ = position; }

  // In (0, 1).
  double uniform() { return unit_interval(next()); }
  // Density exp(-x / mean) / mean, x > 0. Throws: std::logic_error unless mean > 0.
  double exponential(double mean);
  // Standard normal, by inversion.
  double normal() { return normal_quantile(uniform()); }
  // exp(mu + sigma * normal()). Throws: std::logic_error if sigma < 0.
  double log_normal(double mu, double sigma);
  // Uniform over 0..n-1 without bias (Lemire's multiply and reject: a further word with
  // probability below n / 2^64). Throws: std::logic_error if n = 0.
  std::uint64_t below(std::uint64_t n);

 private:
  std::array<std::uint64_t, 2> block(std::uint64_t index) const;

  std::uint64_t key_;
  std::uint64_t stream_;
  std::uint64_t position_ = 0;
  // Words of the block used last by next(); a block holds two.
  std::array<std::uint64_t, 2> cached_{};
  std::uint64_t cached_block_ = ~std::uint64_t{0};
};

}  // namespace moeplan::sim
