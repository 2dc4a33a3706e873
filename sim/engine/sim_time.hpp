#pragma once
// Time inside a simulation: integer picoseconds, so that (t + a) + b == t + (a + b) always and
// simultaneous events stay simultaneous. SimTime is an instant, SimDuration a span; both reach
// 106 days (2^63 ps). Seconds from the cost laws become picoseconds here, once, and nowhere else.

#include <cmath>
#include <compare>
#include <cstdint>

#include "models/units/quantity.hpp"
#include "models/units/require.hpp"

namespace moeplan::sim {

// A span of time; negative where a difference is. Every operation throws std::logic_error on
// overflow of 64 bits.
class SimDuration {
 public:
  constexpr SimDuration() = default;
  constexpr explicit SimDuration(std::int64_t picoseconds) : picoseconds_(picoseconds) {}

  constexpr std::int64_t picoseconds() const { return picoseconds_; }

  SimDuration& operator+=(SimDuration other) { return *this = *this + other; }
  SimDuration& operator-=(SimDuration other) { return *this = *this - other; }
  friend constexpr auto operator<=>(SimDuration, SimDuration) = default;
  friend SimDuration operator+(SimDuration a, SimDuration b) {
    std::int64_t sum = 0;
    require(!__builtin_add_overflow(a.picoseconds_, b.picoseconds_, &sum), kOverflow);
    return SimDuration(sum);
  }
  friend SimDuration operator-(SimDuration a, SimDuration b) {
    std::int64_t difference = 0;
    require(!__builtin_sub_overflow(a.picoseconds_, b.picoseconds_, &difference), kOverflow);
    return SimDuration(difference);
  }
  friend SimDuration operator*(SimDuration a, std::int64_t times) {
    std::int64_t product = 0;
    require(!__builtin_mul_overflow(a.picoseconds_, times, &product), kOverflow);
    return SimDuration(product);
  }
  friend SimDuration operator*(std::int64_t times, SimDuration a) { return a * times; }

  static constexpr const char* kOverflow = "simulated time exceeds 106 days (2^63 ps)";

 private:
  std::int64_t picoseconds_ = 0;
};

// The span nearest to t; a half picosecond rounds away from zero. The one place where a law's
// double becomes engine time.
// Throws: std::logic_error if t is not finite or beyond 2^63 ps.
inline SimDuration duration_from(Seconds t) {
  const double picoseconds = t.value() * 1e12;
  require(picoseconds > -0x1p63 && picoseconds < 0x1p63,
          "a duration must be finite and below 106 days (2^63 ps)");
  return SimDuration(std::llround(picoseconds));
}

// Nearest double; exact below 2^53 ps (2.5 hours) up to the division by 1e12.
constexpr double in_seconds(SimDuration d) { return static_cast<double>(d.picoseconds()) / 1e12; }
constexpr Seconds to_seconds(SimDuration d) { return Seconds(in_seconds(d)); }

// An instant, counted from the start of the simulation.
class SimTime {
 public:
  constexpr SimTime() = default;
  constexpr explicit SimTime(std::int64_t picoseconds) : since_start_(picoseconds) {}

  constexpr std::int64_t picoseconds() const { return since_start_.picoseconds(); }
  constexpr SimDuration since_start() const { return since_start_; }

  SimTime& operator+=(SimDuration d) { return *this = *this + d; }
  SimTime& operator+=(Seconds d) { return *this = *this + d; }
  friend constexpr auto operator<=>(SimTime, SimTime) = default;
  friend SimTime operator+(SimTime t, SimDuration d) {
    return SimTime((t.since_start_ + d).picoseconds());
  }
  friend SimTime operator-(SimTime t, SimDuration d) {
    return SimTime((t.since_start_ - d).picoseconds());
  }
  friend SimDuration operator-(SimTime a, SimTime b) { return a.since_start_ - b.since_start_; }
  friend SimTime operator+(SimTime t, Seconds d) { return t + duration_from(d); }

 private:
  SimDuration since_start_;
};

constexpr double in_seconds(SimTime t) { return in_seconds(t.since_start()); }

}  // namespace moeplan::sim
