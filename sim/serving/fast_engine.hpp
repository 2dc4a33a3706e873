#pragma once
// FastEngine: simulate() of one engine of one rank, the same trace to the last bit, without an
// event queue and without work per sequence and step. Between two steps all running sequences
// decode, except that the one admitted last may be inside its prompt (or what it computes again
// after it lost its cache); so a step is a handful of additions, and only arrivals, admissions,
// preemptions and completions cost time of their own. tests/sim/serving/fast_engine_test holds it
// against the event loop over PlainScheduler's rules.

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/serving/arrival_feed.hpp"
#include "sim/serving/decode_set.hpp"
#include "sim/serving/engine_replica.hpp"
#include "sim/serving/progress_watch.hpp"
#include "sim/serving/simulate.hpp"
#include "sim/serving/step_jitter.hpp"
#include "sim/serving/step_prices.hpp"

namespace moeplan::sim {

class FastEngine {
 public:
  // Whether it can run the setup with this cost: one replica of one rank that takes requests as
  // they come, and a cost with decode lines.
  static bool runs(const SimulationSetup& setup, StepCost& cost);

  // Both must outlive the engine. `jitter` is the replica's own stream.
  FastEngine(const SimulationSetup& setup, StepCost& cost, const RandomStream& jitter);

  // Once.
  ServingTrace run();

 private:
  // A sequence that is not decoding: its prompt, or its prompt and what it has emitted already, is
  // being computed, or waits to be computed again.
  struct Unready {
    std::int32_t request = 0;
    std::int32_t emitted = 0;
    std::int32_t target = 0;         // tokens in the cache before the next one is emitted
    std::int32_t computed = 0;       // tokens in the cache
    std::int32_t ever_computed = 0;  // below it, work is repeated
    std::int32_t scheduled = 0;      // tokens of the running step
    std::int64_t order = 0;          // of admission
    SimTime last_emission;
  };
  // Why waiting requests stay where they are until a sequence ends.
  enum class Blocked { no, by_budget, by_slot, by_memory };

  RequestRecord& record(std::int32_t request) {
    return trace_.requests[static_cast<std::size_t>(request)];
  }
  std::int64_t waiting() const {
    return static_cast<std::int64_t>(fresh_.size() - fresh_begin_ + preempted_.size());
  }
  std::int64_t in_system() const {
    return waiting() + decodes_.count() + (partial_ ? 1 : 0) +
           static_cast<std::int64_t>(pieces_.size());
  }
  Unready first_waiting() const;

  void arrive();
  bool arrive_during(SimTime begin, SimTime end);
  void complete(std::int32_t request);
  SimDuration jittered(std::int64_t ps);
  void start(std::int64_t steps, std::int64_t sequences, std::int64_t tokens, SimDuration busy);

  bool step();
  Blocked blocked() const;
  void decode_steps(Blocked why, bool only_one);
  void finish_decodes();
  void make_room();
  void preempt(const Unready& victim);
  void mixed_step();
  bool schedule_partial(std::int64_t budget);
  void admit_prompts(std::int64_t budget);
  void schedule_piece(Unready piece, std::int64_t tokens);
  void finish_pieces();

  const SimulationSetup& setup_;
  const SchedulerLimits limits_;
  ArrivalFeed feed_;
  StepPrices prices_;
  StepJitter jitter_;
  ServingTrace trace_;
  SimTime now_;
  ProgressWatch watch_;
  bool cut_off_ = false;  // the step now running is never finished

  std::vector<Unready> preempted_;   // wait before all others; the first one stands last
  std::vector<std::int32_t> fresh_;  // requests that never ran, first come first served
  std::size_t fresh_begin_ = 0;
  DecodeSet decodes_;
  std::optional<Unready> partial_;  // admitted, and to be computed on; between two steps
  std::vector<Unready> pieces_;     // of the running step
  RankBatch batch_;
  std::int64_t used_blocks_ = 0;
  std::int64_t admissions_ = 0;
};

}  // namespace moeplan::sim
