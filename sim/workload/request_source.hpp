#pragma once
// RequestSource: hands out the requests of one simulation, in order of arrival. Requests are
// numbered 0, 1, ... in the order handed out; lengths of request i depend on (seed, i) only, and
// arrival gaps, prompt lengths and output lengths are separate streams: changing the rate, the
// concurrency or one distribution leaves the others' numbers alone.
//
//   RequestSource source(workload, seed);
//   while (auto request = source.next()) schedule(*request);        // or one at a time
//   on completion: if (auto request = source.on_completion(now)) schedule(*request);

#include <cstdint>
#include <optional>

#include "sim/engine/random_stream.hpp"
#include "sim/workload/arrivals.hpp"
#include "sim/workload/length_distribution.hpp"
#include "sim/workload/request.hpp"

namespace moeplan::sim {

struct RequestMix {
  Arrivals arrivals;
  LengthDistribution prompt;
  LengthDistribution output;
  std::int64_t request_count;  // >= 1; the source ends after so many
};

class RequestSource {
 public:
  // Throws: std::logic_error if rate, concurrency or request_count is not positive.
  RequestSource(const RequestMix& mix, std::uint64_t seed);

  // The next request whose arrival is known without waiting for a completion: open loop, every
  // request; closed loop, the first `concurrency` ones, at time 0. nullopt: no such request (left).
  std::optional<RequestSpec> next();

  // Tells that a request handed out before completed at `now`. Closed loop: the request that takes
  // its slot, arriving a think time later. nullopt: open loop, or all handed out.
  // Throws: std::logic_error if more complete than were handed out.
  std::optional<RequestSpec> on_completion(SimTime now);

  std::int64_t handed_out() const { return handed_out_; }
  bool is_closed_loop() const { return std::holds_alternative<ClosedLoop>(mix_.arrivals); }

 private:
  RequestSpec make(SimTime arrival);

  RequestMix mix_;
  RandomStream gaps_;
  RandomStream prompt_lengths_;
  RandomStream output_lengths_;
  SimTime last_arrival_;
  std::int64_t handed_out_ = 0;
  std::int64_t completed_ = 0;
};

}  // namespace moeplan::sim
