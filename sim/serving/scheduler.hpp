#pragma once
// Scheduler: the same answers as PlainScheduler without touching decoding sequences step by step.
// While every running sequence decodes (at most one, the last admitted, is inside its prompt), a
// step adds one token to each of them, so it is enough to keep
//   how many decode, how many tokens they attend to, how many of them begin a new block in which
//   step (their cache length modulo 16), and in which step each ends (a heap).
// Whatever is irregular (out of blocks, a token budget below the number of decodes) is done by the
// plain scheduler, on the state written out in full. tests/sim/serving/scheduler_equivalence_test
// holds the two against each other.

#include <array>
#include <optional>

#include "sim/serving/plain_scheduler.hpp"

namespace moeplan::sim {

class Scheduler {
 public:
  explicit Scheduler(const SchedulerLimits& limits)
      : limits_(limits), plain_(limits), bulk_(!limits.by_sequence()) {}

  void enqueue(std::int32_t request, std::int32_t prompt, std::int32_t output,
               std::span<const std::uint64_t> shared = {}) {
    plain_.enqueue(request, prompt, output, shared);
  }
  // As PlainScheduler.
  const RankBatch& schedule(StepOutcome& outcome);
  void finish_step(std::int64_t step, StepOutcome& outcome);

  // Takes the blocks for a prompt computed elsewhere and the token after it. False while a request
  // that lost its blocks waits, no sequence slot is free, or the blocks are not there.
  bool reserve(std::int32_t prompt);
  // As PlainScheduler.
  void receive(std::int32_t request, std::int32_t prompt, std::int32_t output) {
    plain_.receive(request, prompt, output);
  }
  void release(std::int32_t request, std::int32_t prompt) { plain_.release(request, prompt); }

  bool has_work() const { return waiting() > 0 || running() > 0; }
  std::int64_t waiting() const { return plain_.waiting(); }
  std::int64_t running() const {
    return plain_.running() + static_cast<std::int64_t>(ends_.size()) + (partial_ ? 1 : 0) +
           static_cast<std::int64_t>(prefilling_.size());
  }
  std::int64_t in_system() const { return waiting() + running(); }
  std::int64_t used_blocks() const { return plain_.used_blocks(); }
  // Prompt tokens that a request would find in the cache now; 0 without one.
  std::int64_t hit_tokens(std::span<const std::uint64_t> shared, std::int64_t prompt) const {
    const std::optional<PrefixCache>& cache = plain_.state().cache;
    return cache ? cache->hit_tokens(shared, prompt) : 0;
  }

 private:
  // A decoding sequence: as it was when the round counter stood at `since`.
  struct Decoding {
    Sequence sequence;
    std::int64_t since = 0;
    std::int64_t end = 0;  // round after which it has emitted everything
    // Earliest end first, then the order of admission.
    friend bool operator<(const Decoding& a, const Decoding& b) {
      return a.end != b.end ? a.end > b.end : a.sequence.order > b.sequence.order;
    }
  };

  bool schedule_bulk(StepOutcome& outcome);
  void add_decoding(const Sequence& sequence);
  void write_out();                   // to the plain state; leaves bulk mode
  void take_over(std::int64_t step);  // from the plain state, if it is regular
  std::size_t phase_of(std::int64_t computed) const {
    return static_cast<std::size_t>((computed - rounds_) & (kBlockTokens - 1));
  }

  SchedulerLimits limits_;
  PlainScheduler plain_;  // holds waiting and blocks always, running sequences out of bulk mode
  bool bulk_;
  std::int64_t rounds_ = 0;                          // steps in bulk mode
  std::vector<Decoding> ends_;                       // heap
  std::array<std::int64_t, kBlockTokens> phases_{};  // decodes by phase_of(computed)
  std::int64_t kv_tokens_ = 0;                       // in the caches of decoding sequences
  std::optional<Sequence> partial_;                  // inside its prompt between steps
  std::vector<Sequence> prefilling_;                 // in the running step
  RankBatch batch_;
};

}  // namespace moeplan::sim
