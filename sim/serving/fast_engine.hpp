#pragma once
// FastEngine: simulate() of one engine of one rank, the same trace to the last bit, without an
// event queue and without work per sequence and step. It knows two states: regular (every running
// sequence decodes, the last admitted one may be inside its prompt, nothing is computed again),
// where a step is a handful of additions; and everything else (out of KV blocks, a token budget
// below the number of decodes), where EngineReplica goes on from the same state until it is regular
// again. tests/sim/serving/fast_engine_test holds it against the event loop.

#include <cstdint>
#include <optional>
#include <vector>

#include "sim/serving/arrival_feed.hpp"
#include "sim/serving/decode_set.hpp"
#include "sim/serving/engine_replica.hpp"
#include "sim/serving/simulate.hpp"
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
  // A prompt, or what is left of it, in the running step.
  struct Piece {
    std::int32_t request = 0;
    std::int32_t computed = 0;  // tokens in the cache after the step
    std::int64_t order = 0;     // of admission
  };
  // Why waiting requests stay where they are until a sequence ends.
  enum class Blocked { no, by_budget, by_slot, by_memory };

  RequestRecord& record(std::int32_t request) {
    return trace_.requests[static_cast<std::size_t>(request)];
  }
  std::int64_t waiting() const {
    return static_cast<std::int64_t>(fresh_.size() - fresh_begin_) +
           (handed_over_ ? replica_.waiting() : 0);
  }
  std::int64_t in_system() const {
    return static_cast<std::int64_t>(fresh_.size() - fresh_begin_) +
           (handed_over_ ? replica_.in_system()
                         : decodes_.count() + (partial_ ? 1 : 0) +
                               static_cast<std::int64_t>(pieces_.size()));
  }

  void arrive();
  bool arrive_during(SimTime begin, SimTime end);
  void complete(std::int32_t request);
  SimDuration jittered(std::int64_t ps);
  void start(std::int64_t steps, std::int64_t sequences, std::int64_t tokens, SimDuration busy);

  bool step();
  Blocked blocked() const;
  void decode_steps(Blocked why);
  bool mixed_step();
  bool schedule_partial(std::int64_t budget);
  void admit_prompts(std::int64_t budget);
  void schedule_piece(const Piece& piece, std::int64_t tokens, std::int32_t prompt);
  void finish_decodes();
  void finish_prompts();

  void hand_over();
  void take_back(const SchedulerState& state);
  void top_up();
  bool irregular_step();

  const SimulationSetup& setup_;
  const SchedulerLimits limits_;
  ArrivalFeed feed_;
  StepPrices prices_;
  EngineReplica replica_;  // for what is irregular; owns the jitter
  ServingTrace trace_;
  SimTime now_;
  bool handed_over_ = false;
  bool cut_off_ = false;  // aborted inside a step

  std::vector<std::int32_t> fresh_;  // requests that never ran, first come first served
  std::size_t fresh_begin_ = 0;
  DecodeSet decodes_;
  std::optional<Piece> partial_;  // inside its prompt between two steps
  std::vector<Piece> pieces_;     // of the running step
  RankBatch batch_;
  std::int64_t used_blocks_ = 0;
  std::int64_t admissions_ = 0;
  std::int64_t steps_ = 0;  // finished
  std::vector<std::int32_t> completed_;
};

}  // namespace moeplan::sim
