#pragma once
// Physical quantities: Quantity<Dim> holds a double in SI base units and a dimension that the
// compiler checks. First step of the pipeline: everything read from a file becomes one of these.
// Values go in and out by name only (milliseconds(7), in_milliseconds(t)); no implicit double.
// Text <-> quantity is in units/parse.hpp; the engine's integer time is sim/engine/sim_time.hpp.

namespace moeplan {

// Exponents of the base units: s, B, FLOP, token, USD, J.
struct Dim {
  int time = 0;
  int data = 0;
  int work = 0;
  int tokens = 0;
  int money = 0;
  int energy = 0;
  friend constexpr bool operator==(const Dim&, const Dim&) = default;
};

constexpr Dim dim_product(const Dim& a, const Dim& b) {
  return {a.time + b.time,     a.data + b.data,   a.work + b.work,
          a.tokens + b.tokens, a.money + b.money, a.energy + b.energy};
}

constexpr Dim dim_quotient(const Dim& a, const Dim& b) {
  return {a.time - b.time,     a.data - b.data,   a.work - b.work,
          a.tokens - b.tokens, a.money - b.money, a.energy - b.energy};
}

template <Dim D>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double base_value) : value_(base_value) {}

  // The number in SI base units; prefer the named in_... functions.
  constexpr double value() const { return value_; }

  constexpr Quantity operator-() const { return Quantity(-value_); }
  constexpr Quantity& operator+=(Quantity other) {
    value_ += other.value_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    value_ -= other.value_;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) {
    return Quantity(a.value_ + b.value_);
  }
  friend constexpr Quantity operator-(Quantity a, Quantity b) {
    return Quantity(a.value_ - b.value_);
  }
  friend constexpr Quantity operator*(Quantity a, double b) { return Quantity(a.value_ * b); }
  friend constexpr Quantity operator*(double a, Quantity b) { return Quantity(a * b.value_); }
  friend constexpr Quantity operator/(Quantity a, double b) { return Quantity(a.value_ / b); }
  // Written out: a defaulted <=> on double costs branches in GCC 12.
  friend constexpr bool operator==(Quantity a, Quantity b) { return a.value_ == b.value_; }
  friend constexpr bool operator<(Quantity a, Quantity b) { return a.value_ < b.value_; }
  friend constexpr bool operator>(Quantity a, Quantity b) { return a.value_ > b.value_; }
  friend constexpr bool operator<=(Quantity a, Quantity b) { return a.value_ <= b.value_; }
  friend constexpr bool operator>=(Quantity a, Quantity b) { return a.value_ >= b.value_; }

 private:
  double value_ = 0.0;
};

// Equal dimensions divide (and inverse ones multiply) to a plain double.
template <Dim A, Dim B>
constexpr auto operator*(Quantity<A> a, Quantity<B> b) {
  constexpr Dim d = dim_product(A, B);
  if constexpr (d == Dim{}) {
    return a.value() * b.value();
  } else {
    return Quantity<d>(a.value() * b.value());
  }
}

template <Dim A, Dim B>
constexpr auto operator/(Quantity<A> a, Quantity<B> b) {
  constexpr Dim d = dim_quotient(A, B);
  if constexpr (d == Dim{}) {
    return a.value() / b.value();
  } else {
    return Quantity<d>(a.value() / b.value());
  }
}

inline constexpr Dim kTime{.time = 1};
inline constexpr Dim kFrequency{.time = -1};
inline constexpr Dim kData{.data = 1};
inline constexpr Dim kWork{.work = 1};
inline constexpr Dim kTokens{.tokens = 1};
inline constexpr Dim kMoney{.money = 1};
inline constexpr Dim kEnergy{.energy = 1};
inline constexpr Dim kBandwidth{.time = -1, .data = 1};
inline constexpr Dim kCompute{.time = -1, .work = 1};
inline constexpr Dim kTokenRate{.time = -1, .tokens = 1};
inline constexpr Dim kRent{.time = -1, .money = 1};
inline constexpr Dim kTokenPrice{.tokens = -1, .money = 1};
inline constexpr Dim kPower{.time = -1, .energy = 1};
inline constexpr Dim kEnergyPrice{.money = 1, .energy = -1};

using Seconds = Quantity<kTime>;
using PerSecond = Quantity<kFrequency>;
using Bytes = Quantity<kData>;
using Flops = Quantity<kWork>;
using Tokens = Quantity<kTokens>;
using Usd = Quantity<kMoney>;
using Joules = Quantity<kEnergy>;
using BytesPerSecond = Quantity<kBandwidth>;
using FlopsPerSecond = Quantity<kCompute>;
using TokensPerSecond = Quantity<kTokenRate>;
using UsdPerSecond = Quantity<kRent>;
using UsdPerToken = Quantity<kTokenPrice>;
using Watts = Quantity<kPower>;
using UsdPerJoule = Quantity<kEnergyPrice>;

constexpr Seconds seconds(double v) { return Seconds(v); }
constexpr Seconds milliseconds(double v) { return Seconds(v * 1e-3); }
constexpr Seconds microseconds(double v) { return Seconds(v * 1e-6); }
constexpr Seconds hours(double v) { return Seconds(v * 3600.0); }
constexpr double in_seconds(Seconds t) { return t.value(); }
constexpr double in_milliseconds(Seconds t) { return t.value() * 1e3; }
constexpr double in_microseconds(Seconds t) { return t.value() * 1e6; }
constexpr double in_hours(Seconds t) { return t.value() / 3600.0; }

constexpr Bytes bytes(double v) { return Bytes(v); }
constexpr Bytes gigabytes(double v) { return Bytes(v * 1e9); }
constexpr Bytes gibibytes(double v) { return Bytes(v * 1073741824.0); }
constexpr double in_bytes(Bytes v) { return v.value(); }
constexpr double in_gigabytes(Bytes v) { return v.value() * 1e-9; }
constexpr double in_gibibytes(Bytes v) { return v.value() / 1073741824.0; }

constexpr BytesPerSecond gigabytes_per_second(double v) { return BytesPerSecond(v * 1e9); }
constexpr FlopsPerSecond teraflops(double v) { return FlopsPerSecond(v * 1e12); }
constexpr Tokens tokens(double v) { return Tokens(v); }
constexpr double in_tokens(Tokens v) { return v.value(); }
constexpr TokensPerSecond tokens_per_second(double v) { return TokensPerSecond(v); }
constexpr PerSecond per_second(double v) { return PerSecond(v); }
constexpr double in_per_second(PerSecond v) { return v.value(); }

constexpr Usd usd(double v) { return Usd(v); }
constexpr double in_usd(Usd v) { return v.value(); }
constexpr UsdPerSecond usd_per_hour(double v) { return UsdPerSecond(v / 3600.0); }
constexpr double in_usd_per_hour(UsdPerSecond v) { return v.value() * 3600.0; }
constexpr double in_usd_per_million_tokens(UsdPerToken v) { return v.value() * 1e6; }

}  // namespace moeplan
