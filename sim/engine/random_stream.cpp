#include "sim/engine/random_stream.hpp"

#include <cmath>

#include "models/units/require.hpp"
#include "sim/engine/philox.hpp"

namespace moeplan::sim {

namespace {

// FNV-1a, 64 bits. Source: IETF draft-eastlake-fnv (G. Fowler, L. C. Noll, K.-P. Vo).
constexpr std::uint64_t hash_name(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  }
  return hash;
}

// A bijection of 64 bits that spreads every bit: the output function of SplitMix64.
// Source: G. L. Steele, D. Lea, C. H. Flood, Fast splittable pseudorandom number generators,
// OOPSLA 2014, with the "variant 13" constants of D. Stafford.
constexpr std::uint64_t mix(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

constexpr std::uint32_t low(std::uint64_t x) { return static_cast<std::uint32_t>(x); }
constexpr std::uint32_t high(std::uint64_t x) { return static_cast<std::uint32_t>(x >> 32); }

// c[0] + c[1] x + ... + c[7] x^7
constexpr double polynomial(const std::array<double, 8>& c, double x) {
  double value = c[7];
  for (std::size_t i = 7; i-- > 0;) {
    value = value * x + c[i];
  }
  return value;
}

// Numerators and denominators of PPND16 (AS 241): |p - 1/2| <= 0.425; tails down to exp(-25);
// beyond.
constexpr std::array<double, 8> kCentreOver = {3.3871328727963666080e0, 1.3314166789178437745e2,
                                               1.9715909503065514427e3, 1.3731693765509461125e4,
                                               4.5921953931549871457e4, 6.7265770927008700853e4,
                                               3.3430575583588128105e4, 2.5090809287301226727e3};
constexpr std::array<double, 8> kCentreUnder = {1.0,
                                                4.2313330701600911252e1,
                                                6.8718700749205790830e2,
                                                5.3941960214247511077e3,
                                                2.1213794301586595867e4,
                                                3.9307895800092710610e4,
                                                2.8729085735721942674e4,
                                                5.2264952788528545610e3};
constexpr std::array<double, 8> kTailOver = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                             5.76949722146069140550e0,  3.64784832476320460504e0,
                                             1.27045825245236838258e0,  2.41780725177450611770e-1,
                                             2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr std::array<double, 8> kTailUnder = {1.0,
                                              2.05319162663775882187e0,
                                              1.67638483018380384940e0,
                                              6.89767334985100004550e-1,
                                              1.48103976427480074590e-1,
                                              1.51986665636164571966e-2,
                                              5.47593808499534494600e-4,
                                              1.05075007164441684324e-9};
constexpr std::array<double, 8> kFarOver = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                            1.78482653991729133580e0,  2.96560571828504891230e-1,
                                            2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                            2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr std::array<double, 8> kFarUnder = {1.0,
                                             5.99832206555887937690e-1,
                                             1.36929880922735805310e-1,
                                             1.48753612908506148525e-2,
                                             7.86869131145613259100e-4,
                                             1.84631831751005468180e-5,
                                             1.42151175831644588870e-7,
                                             2.04426310338993978564e-15};

}  // namespace

double normal_quantile(double p) {
  require(p > 0.0 && p < 1.0, "a normal quantile needs 0 < p < 1");
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(kCentreOver, r) / polynomial(kCentreUnder, r);
  }
  const double r = std::sqrt(-std::log(q < 0.0 ? p : 1.0 - p));
  const double magnitude = r <= 5.0
                               ? polynomial(kTailOver, r - 1.6) / polynomial(kTailUnder, r - 1.6)
                               : polynomial(kFarOver, r - 5.0) / polynomial(kFarUnder, r - 5.0);
  return q < 0.0 ? -magnitude : magnitude;
}

RandomStream::RandomStream(std::uint64_t seed, std::string_view name,
                           std::initializer_list<std::int64_t> entity_ids)
    : key_(seed), stream_(hash_name(name)) {
  for (const std::int64_t id : entity_ids) {
    stream_ = mix(stream_ ^ static_cast<std::uint64_t>(id));
  }
}

std::array<std::uint64_t, 2> RandomStream::block(std::uint64_t index) const {
  const PhiloxCounter words = philox4x32_10({low(index), high(index), low(stream_), high(stream_)},
                                            {low(key_), high(key_)});
  return {words[0] | std::uint64_t{words[1]} << 32, words[2] | std::uint64_t{words[3]} << 32};
}

std::uint64_t RandomStream::at(std::uint64_t i) const { return block(i / 2)[i % 2]; }

std::uint64_t RandomStream::next() {
  const std::uint64_t i = position_++;
  if (i / 2 != cached_block_) {
    cached_block_ = i / 2;
    cached_ = block(cached_block_);
  }
  return cached_[i % 2];
}

double RandomStream::exponential(double mean) {
  require(mean > 0.0, "an exponential variate needs a positive mean");
  return -mean * std::log(uniform());
}

double RandomStream::log_normal(double mu, double sigma) {
  require(sigma >= 0.0, "a log-normal variate needs sigma >= 0");
  return std::exp(mu + sigma * normal());
}

std::uint64_t RandomStream::below(std::uint64_t n) {
  require(n > 0, "below(n) needs n > 0");
  using Wide = unsigned __int128;
  Wide product = Wide{next()} * n;
  if (static_cast<std::uint64_t>(product) < n) {
    const std::uint64_t threshold = (0 - n) % n;  // 2^64 mod n
    while (static_cast<std::uint64_t>(product) < threshold) {
      product = Wide{next()} * n;
    }
  }
  return static_cast<std::uint64_t>(product >> 64);
}

}  // namespace moeplan::sim
