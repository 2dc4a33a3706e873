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
#include <vector>

#include "sim/engine/random_stream.hpp"
#include "sim/workload/arrival_times.hpp"
#include "sim/workload/arrivals.hpp"
#include "sim/workload/length_distribution.hpp"
#include "sim/workload/request.hpp"

namespace moeplan::sim {

// The first `tokens` tokens of every prompt are those of one of `groups` texts, drawn with equal
// probability; a shorter prompt is the beginning of its text. Lengths stay as they are drawn.
struct SharedPrefix {
  std::int32_t tokens = 0;  // >= 1
  std::int32_t groups = 1;  // >= 1
};

struct RequestMix {
  Arrivals arrivals;
  LengthDistribution prompt;   // of a trace that is replayed: not read
  LengthDistribution output;   //
  std::int64_t request_count;  // >= 1; the source ends after so many
  // Prompt and output are drawn with the same word: with two EmpiricalLength of the same requests,
  // a recorded pair.
  bool joint_lengths = false;
  // Most requests of an open loop in the system; 0: any number. Later ones wait at the client, and
  // their arrival is when the client sends them: as `vllm bench serve --max-concurrency`, whose
  // clock of a request starts behind its semaphore, so TTFT does not count that wait.
  std::int64_t max_in_flight = 0;
  // What prompts have in common beside what a trace says; see PromptBlocks.
  std::optional<SharedPrefix> shared_prefix = std::nullopt;
};

// All requests as arrays, in order of arrival.
struct RequestArrays {
  std::vector<SimTime> arrivals;
  std::vector<std::int32_t> prompt_tokens;
  std::vector<std::int32_t> output_tokens;
};

class RequestSource {
 public:
  // Throws: std::logic_error if rate, concurrency or request_count is not positive, a trace has no
  // times or fewer than request_count requests, or max_in_flight limits a closed loop.
  RequestSource(const RequestMix& mix, std::uint64_t seed);

  // The next request whose arrival is known without waiting for a completion: open loop, every
  // request; closed loop, the first `concurrency` ones, at time 0; with max_in_flight, so many.
  // nullopt: no such request (left). Take them all before the first completion.
  std::optional<RequestSpec> next();

  // Tells that a request handed out before completed at `now`. The request that takes its place:
  // closed loop, arriving a think time later; with max_in_flight, the next one, not before now.
  // nullopt: open loop, or all handed out.
  // Throws: std::logic_error if more complete than were handed out.
  std::optional<RequestSpec> on_completion(SimTime now);

  // next() alone hands out every request: no arrival depends on a completion.
  bool known_in_advance() const { return known_in_advance_; }
  // Everything that next() would still hand out.
  RequestArrays take_all();

  std::int64_t handed_out() const { return handed_out_; }
  std::int64_t request_count() const { return request_count_; }
  bool is_closed_loop() const { return process_ == Process::closed; }

 private:
  enum class Process : std::uint8_t { closed, open, trace };
  SimTime next_open_arrival();
  RequestSpec make(SimTime arrival);

  Process process_;
  bool joint_lengths_;
  bool draws_prompt_;
  bool draws_output_;
  bool known_in_advance_;
  std::int64_t request_count_;
  std::int64_t at_once_;  // handed out before the first completion
  Seconds think_time_;
  std::optional<ArrivalTimes> times_;
  std::shared_ptr<const RequestTrace> trace_;
  double speed_ = 1.0;
  LengthDistribution prompt_;
  LengthDistribution output_;
  RandomStream prompt_lengths_;
  RandomStream output_lengths_;
  std::int64_t handed_out_ = 0;
  std::int64_t completed_ = 0;
};

}  // namespace moeplan::sim
