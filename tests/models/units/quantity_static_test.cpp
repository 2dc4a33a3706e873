// What must not compile: mixing dimensions, and doubles going in or out without a name.

#include <concepts>
#include <type_traits>

#include "models/units/id.hpp"
#include "models/units/quantity.hpp"

namespace moeplan {
namespace {

template <class A, class B>
concept Addable = requires(A a, B b) {
  a + b;
};
template <class A, class B>
concept Subtractable = requires(A a, B b) {
  a - b;
};
template <class A, class B>
concept Comparable = requires(A a, B b) {
  a < b;
};
template <class A, class B>
concept EqualityComparable = requires(A a, B b) {
  a == b;
};
template <class A, class B>
concept Assignable = requires(A a, B b) {
  a = b;
};

// Equal dimensions only.
static_assert(Addable<Seconds, Seconds>);
static_assert(!Addable<Seconds, Bytes>);
static_assert(!Addable<Seconds, double>);
static_assert(!Addable<double, Usd>);
static_assert(!Addable<Flops, FlopsPerSecond>);
static_assert(!Addable<UsdPerToken, UsdPerSecond>);
static_assert(Subtractable<Bytes, Bytes>);
static_assert(!Subtractable<Joules, Watts>);
static_assert(Comparable<Bytes, Bytes>);
static_assert(!Comparable<Bytes, Tokens>);
static_assert(!Comparable<Seconds, double>);
static_assert(!EqualityComparable<Seconds, PerSecond>);
static_assert(!Assignable<Seconds&, Bytes>);

// No implicit double either way.
static_assert(!std::convertible_to<double, Seconds>);
static_assert(!std::convertible_to<Seconds, double>);
static_assert(!Assignable<Seconds&, double>);
static_assert(std::constructible_from<Seconds, double>);

// Exponents add and subtract; equal dimensions divide to a plain double.
template <class A, class B>
using Product = decltype(std::declval<A>() * std::declval<B>());
template <class A, class B>
using Ratio = decltype(std::declval<A>() / std::declval<B>());
static_assert(std::same_as<Ratio<Bytes, BytesPerSecond>, Seconds>);
static_assert(std::same_as<Ratio<Flops, FlopsPerSecond>, Seconds>);
static_assert(std::same_as<Ratio<Bytes, Seconds>, BytesPerSecond>);
static_assert(std::same_as<Product<UsdPerSecond, Seconds>, Usd>);
static_assert(std::same_as<Product<Watts, Seconds>, Joules>);
static_assert(std::same_as<Product<Joules, UsdPerJoule>, Usd>);
static_assert(std::same_as<Ratio<UsdPerSecond, TokensPerSecond>, UsdPerToken>);
static_assert(std::same_as<Ratio<Bytes, Bytes>, double>);
static_assert(std::same_as<Product<Seconds, PerSecond>, double>);

// As cheap as a double.
static_assert(sizeof(Seconds) == sizeof(double));
static_assert(std::is_trivially_copyable_v<Seconds>);

// Indices of different things do not mix, and integers do not slip in.
static_assert(Comparable<ExpertId, ExpertId>);
static_assert(!Comparable<ExpertId, LayerId>);
static_assert(!EqualityComparable<DeviceId, ReplicaId>);
static_assert(!EqualityComparable<DeviceId, int>);
static_assert(!std::convertible_to<int, ExpertId>);
static_assert(!std::convertible_to<ExpertId, int>);

}  // namespace
}  // namespace moeplan
