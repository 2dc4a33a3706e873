// What must not compile: an instant plus an instant, a bare number as a time, a mixed comparison.

#include <type_traits>

#include "sim/engine/sim_time.hpp"

namespace moeplan::sim {

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

static_assert(!Addable<SimTime, SimTime>);
static_assert(!Addable<SimTime, double>);
static_assert(!Addable<SimTime, long>);
static_assert(!Addable<SimDuration, Seconds>);  // rounding stands where one reads it: duration_from
static_assert(!Comparable<SimTime, SimDuration>);
static_assert(!Comparable<SimTime, double>);
static_assert(!std::is_convertible_v<long, SimTime>);
static_assert(!std::is_convertible_v<double, SimDuration>);
static_assert(!std::is_convertible_v<SimDuration, SimTime>);

static_assert(Addable<SimTime, Seconds>);
static_assert(Addable<SimTime, SimDuration>);
static_assert(Subtractable<SimTime, SimTime>);
static_assert(sizeof(SimTime) == 8 && std::is_trivially_copyable_v<SimTime>);

}  // namespace moeplan::sim
