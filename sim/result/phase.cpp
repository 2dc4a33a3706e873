#include "sim/result/phase.hpp"

#include "models/units/require.hpp"

namespace moeplan::sim {

std::string_view name_of(Phase phase) {
  constexpr std::array<std::string_view, kPhaseCount> kNames = {
      "host",     "norm",   "projection", "attention", "allreduce", "router",
      "dispatch", "expert", "combine",    "dense",     "head"};
  return kNames[static_cast<std::size_t>(phase)];
}

void PhaseTimes::scale(double factor) {
  for (std::int64_t& time : picoseconds_) {
    time = duration_from(to_seconds(SimDuration(time)) * factor).picoseconds();
  }
}

double PhaseTimes::exchange_share() const {
  const double all = in_seconds(total());
  return all > 0.0 ? in_seconds((*this)[Phase::dispatch] + (*this)[Phase::combine]) / all : 0.0;
}

}  // namespace moeplan::sim
