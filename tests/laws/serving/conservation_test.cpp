// What must hold at every event of a run, seen by an observer of the event loop (tests.md C2 1, 4,
// 5, 6, 7, 13, 29): nothing is lost, time goes on, memory is there, engines with work do not idle.

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "sim/serving/simulate.hpp"
#include "tests/support/linear_step_cost.hpp"

namespace moeplan::sim {
namespace {

// Keeps count of what it is told, and checks each word of it.
class Bookkeeper : public SimulationObserver {
 public:
  explicit Bookkeeper(const SimulationSetup& setup)
      : blocks_(setup.limits.scheduler.kv_blocks * setup.limits.data_parallel),
        engines_(static_cast<std::size_t>(setup.replicas)) {}

  void arrived(std::int32_t index, const RequestRecord& record) override {
    ASSERT_EQ(index, arrived_);
    ++arrived_;
    pass_to(record.arrival);
    (record.status == RequestStatus::unfinished ? in_system_ : rejected_) += 1;
    last_arrival_ = record.arrival;
  }

  void step_began(const StepBegin& step) override {
    pass_to(step.begin);
    Engine& engine = engines_[static_cast<std::size_t>(step.replica)];
    ASSERT_FALSE(engine.stepping) << "two steps of one engine overlap";
    engine.stepping = true;
    // Work conservation: what was there when the step before ended goes on at once; an engine that
    // had nothing begins at the instant of the arrival.
    ASSERT_EQ(step.begin, engine.has_work ? engine.ended : last_arrival_);
    ASSERT_EQ(step.phases.total(), step.end - step.begin);
    busy_ += step.end - step.begin;
    check(step.state);
    most_running_ = std::max(most_running_, step.state.running);
  }

  void step_ended(const StepEnd& step) override {
    pass_to(step.end);
    Engine& engine = engines_[static_cast<std::size_t>(step.replica)];
    ASSERT_TRUE(engine.stepping);
    engine.stepping = false;
    engine.ended = step.end;
    engine.has_work = step.state.running + step.state.waiting > 0;
    for (const StepOutcome& outcome : step.outcomes) {
      const auto completed = static_cast<std::int64_t>(outcome.completed.size());
      in_system_ -= completed;
      completed_ += completed;
    }
    check(step.state);
    // Requests: all that arrived are done, refused or in the system, at this instant too.
    std::int64_t done = 0;
    std::int64_t refused = 0;
    for (const RequestRecord& r : step.requests) {
      done += r.status == RequestStatus::completed ? 1 : 0;
      refused += r.status == RequestStatus::rejected_too_large ? 1 : 0;
    }
    ASSERT_EQ(done, completed_);
    ASSERT_EQ(refused, rejected_);
    ASSERT_EQ(arrived_, completed_ + rejected_ + in_system_);
    if (engines_.size() == 1) {
      ASSERT_EQ(step.state.running + step.state.waiting, in_system_);
    }
  }

  std::int64_t in_system() const { return in_system_; }
  std::int64_t rejected() const { return rejected_; }
  std::int64_t most_running() const { return most_running_; }
  SimDuration busy() const { return busy_; }
  // Integral of the number in the system over time.
  SimDuration request_time() const { return request_time_; }

 private:
  struct Engine {
    bool stepping = false;
    bool has_work = false;
    SimTime ended;
  };
  void pass_to(SimTime now) {
    ASSERT_GE(now, now_) << "time runs backwards";
    request_time_ += (now - now_) * in_system_;
    now_ = now;
  }
  void check(const EngineState& state) const {
    ASSERT_GE(state.used_blocks, 0);
    ASSERT_LE(state.used_blocks, blocks_);
    ASSERT_GE(state.waiting, 0);
    ASSERT_EQ(state.used_blocks == 0, state.running == 0);
  }

  std::int64_t blocks_;
  std::vector<Engine> engines_;
  SimTime now_;
  SimTime last_arrival_;
  std::int32_t arrived_ = 0;
  std::int64_t in_system_ = 0;
  std::int64_t completed_ = 0;
  std::int64_t rejected_ = 0;
  std::int64_t most_running_ = 0;
  SimDuration busy_;
  SimDuration request_time_;
};

tests::LinearStepCost linear() { return {milliseconds(2), milliseconds(0.02), milliseconds(0.05)}; }

SimulationSetup random_setup(std::uint64_t seed) {
  SimulationSetup setup;
  setup.seed = seed;
  setup.replicas = static_cast<std::int32_t>(1 + seed % 3);
  setup.limits.data_parallel = static_cast<std::int32_t>(1 + seed % 2);
  setup.limits.jitter = seed % 4 == 0 ? 0.2 : 0.0;
  setup.limits.scheduler = {.max_sequences = static_cast<std::int64_t>(2 + seed % 9),
                            .max_batched_tokens = static_cast<std::int64_t>(64 + 32 * (seed % 20)),
                            .kv_blocks = static_cast<std::int64_t>(20 + seed)};
  setup.mix = {.arrivals = PoissonArrivals{PerSecond(15.0 + 5.0 * static_cast<double>(seed))},
               .prompt = LogNormalLength::from_median(80, 0.8, 1, 400),
               .output = LogNormalLength::from_median(20, 0.7, 1, 120),
               .request_count = 300};
  return setup;
}

TEST(Conservation, HoldsAtEveryEventOfRandomRuns) {
  std::int64_t rejected = 0;
  std::int64_t preemptions = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    const SimulationSetup setup = random_setup(seed);
    tests::LinearStepCost cost = linear();
    Bookkeeper books(setup);
    const ServingTrace trace = simulate_by_events(setup, cost, &books);
    ASSERT_FALSE(HasFatalFailure());
    EXPECT_EQ(books.in_system(), 0) << "everything drains";
    EXPECT_EQ(trace.blocks_at_end, 0);
    EXPECT_EQ(books.busy(), trace.busy);
    // Utilisation is at most 1 of each engine.
    EXPECT_LE(trace.busy, trace.end.since_start() * setup.replicas);
    // Little, in integers: the number in system over time is the sum of the times in system.
    SimDuration stays;
    for (const RequestRecord& r : trace.requests) {
      stays += r.status == RequestStatus::completed ? r.completion - r.arrival : SimDuration();
    }
    EXPECT_EQ(books.request_time(), stays);
    rejected += books.rejected();
    preemptions += trace.preemptions;
  }
  // The cases would prove little if nobody was refused or preempted.
  EXPECT_GT(rejected, 10);
  EXPECT_GT(preemptions, 100);
}

// An observer changes nothing.
TEST(Conservation, AWatchedRunIsTheSameRun) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    const SimulationSetup setup = random_setup(seed);
    tests::LinearStepCost cost = linear();
    Bookkeeper books(setup);
    const ServingTrace watched = simulate_by_events(setup, cost, &books);
    const ServingTrace alone = simulate(setup, cost);
    EXPECT_EQ(watched.requests, alone.requests);
    EXPECT_EQ(watched.busy, alone.busy);
    EXPECT_EQ(watched.steps, alone.steps);
  }
}

// Prompts of 160 tokens and one token out fill 10 blocks each and never more: floor(blocks / 10)
// run together; with one block less than a request needs all are refused, with just enough served.
TEST(Conservation, TheCacheAdmitsWhatTheClosedFormSays) {
  const auto run = [](std::int64_t blocks) {
    SimulationSetup setup;
    setup.limits.scheduler = {
        .max_sequences = 64, .max_batched_tokens = 1 << 20, .kv_blocks = blocks};
    setup.mix = {.arrivals = ClosedLoop{12},
                 .prompt = FixedLength{160},
                 .output = FixedLength{1},
                 .request_count = 12};
    tests::LinearStepCost cost = linear();
    Bookkeeper books(setup);
    simulate_by_events(setup, cost, &books);
    return std::pair(books.most_running(), books.rejected());
  };
  EXPECT_EQ(run(9), std::pair(std::int64_t{0}, std::int64_t{12}));
  for (const std::int64_t blocks : {10, 19, 20, 35, 119, 120, 500}) {
    EXPECT_EQ(run(blocks), std::pair(std::min<std::int64_t>(12, blocks / 10), std::int64_t{0}))
        << blocks;
  }
}

}  // namespace
}  // namespace moeplan::sim
