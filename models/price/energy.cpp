#include "models/price/energy.hpp"

#include "models/units/require.hpp"

namespace moeplan::models {

JoulesPerToken energy_per_token(Watts board_power, std::int64_t gpus, double busy_fraction,
                                TokensPerSecond rate) {
  require(board_power >= Watts(0.0) && gpus >= 0, "no negative power or number of GPUs");
  require(busy_fraction >= 0.0 && busy_fraction <= 1.0, "a share of time is 0 to 1");
  require(rate > TokensPerSecond(0.0), "energy per token needs tokens");
  return board_power * static_cast<double>(gpus) * busy_fraction / rate;
}

}  // namespace moeplan::models
