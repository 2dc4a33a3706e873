#include "sim/result/phase.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {

std::string_view name_of(Phase phase) {
  constexpr std::array<std::string_view, kPhaseCount> kNames = {"host",
                                                                "launch",
                                                                "norm",
                                                                "projection",
                                                                "attention",
                                                                "allreduce",
                                                                "router",
                                                                "dispatch",
                                                                "expert",
                                                                "combine",
                                                                "dense",
                                                                "head",
                                                                "pipeline_transfer",
                                                                "pipeline_wait"};
  return kNames[static_cast<std::size_t>(phase)];
}

void PhaseTimes::scale_to(SimDuration wanted) {
  using Wide = __int128;
  const std::int64_t before = total().picoseconds();
  if (before <= 0) {
    return;
  }
  std::int64_t sum = 0;
  std::int64_t scaled = 0;
  for (std::int64_t& time : picoseconds_) {
    sum += time;
    const auto reached = static_cast<std::int64_t>(Wide{sum} * wanted.picoseconds() / before);
    time = reached - scaled;
    scaled = reached;
  }
}

Phase PhaseTimes::largest() const {
  const auto most = std::max_element(picoseconds_.begin(), picoseconds_.end());
  return static_cast<Phase>(most - picoseconds_.begin());
}

double PhaseTimes::exchange_share() const {
  const double all = in_seconds(total());
  return all > 0.0 ? in_seconds((*this)[Phase::dispatch] + (*this)[Phase::combine]) / all : 0.0;
}

}  // namespace moeplan::sim
