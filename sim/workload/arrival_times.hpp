#pragma once
// ArrivalTimes: the instants of an open arrival process, one after the other. Streams: "arrival
// gaps" for the gaps, "burst phases" for the phases, both addressed by the seed alone.

#include <cstdint>
#include <optional>

#include "sim/engine/random_stream.hpp"
#include "sim/engine/sim_time.hpp"
#include "sim/workload/arrivals.hpp"

namespace moeplan::sim {

// Gamma with shape and mean as given: Marsaglia and Tsang's rejection, ACM TOMS 26 (2000) 363-372;
// below shape 1, a draw of shape + 1 times U^(1/shape). Takes as many words as it needs.
// Throws: std::logic_error unless shape > 0 and mean > 0.
double draw_gamma(RandomStream& stream, double shape, double mean);

class ArrivalTimes {
 public:
  // request_count: of the run (day profile, ramp). Throws: std::logic_error for parameters outside
  // the ranges of arrivals.hpp.
  ArrivalTimes(const ShapedArrivals& process, std::int64_t request_count, std::uint64_t seed);

  // The next instant; never before the one before.
  SimTime next();

 private:
  double unit_gap();
  double ramp_at(std::int64_t request) const;
  void begin_piece();
  SimTime next_of_varying_rate();

  ShapedArrivals process_;
  std::int64_t request_count_;
  RandomStream gaps_;
  RandomStream phases_;
  bool varying_;
  std::int64_t handed_out_ = 0;
  SimTime last_;

  // Varying rate: the expected number of arrivals up to now (`passed_`) and up to the start of the
  // present piece of constant rate.
  double passed_ = 0.0;
  double piece_passed_ = 0.0;
  double piece_begin_s_ = 0.0;
  double piece_end_s_ = 0.0;
  double piece_rate_ = 0.0;  // per second
  bool in_burst_ = false;
  double phase_end_s_ = 0.0;
  double hour_s_ = 0.0;  // length of an hour of the profile
  double mean_weight_ = 1.0;
  std::int64_t hour_ = -1;  // since the start
};

}  // namespace moeplan::sim
