// Does a run that would not end stop with an error that helps?

#include "sim/serving/progress_watch.hpp"

#include <gmock/gmock.h>

#include "sim/serving/simulate.hpp"
#include "tests/support/linear_step_cost.hpp"

namespace moeplan::sim {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::ThrowsMessage;

TEST(ProgressWatch, StepsWithoutANewTokenEndTheRunWithTheLastEvents) {
  ProgressWatch watch(0, 50);
  watch.event(SimTime(1), -1, 7, 1);
  for (int i = 0; i < 50; ++i) {
    watch.event(SimTime(2 + i), 3, 7, 1);
  }
  // The 51st in a row; the 20 shown begin 19 before it, at 2 + 50 - 19 = 33 ps.
  EXPECT_THAT([&] { watch.event(SimTime(52), 3, 7, 1); },
              ThrowsMessage<SimulationStuck>(
                  AllOf(HasSubstr("51 steps without a new token"), HasSubstr("last 20 events"),
                        HasSubstr("0.000000000033 s: a step of engine 3 ends, 7 tokens so far"),
                        Not(HasSubstr("0.000000000032 s")))));
}

TEST(ProgressWatch, ATokenNowAndThenIsProgress) {
  ProgressWatch watch(0, 50);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_NO_THROW(watch.event(SimTime(i), 0, i / 40, 1));
  }
}

// 3 requests of one prefill and 4 decode steps, one user: 3 arrivals and 15 steps are 18 events.
TEST(ProgressWatch, EventsAreCounted) {
  tests::LinearStepCost cost(milliseconds(1), Seconds(0), Seconds(0));
  SimulationSetup setup;
  setup.limits.scheduler = {.max_sequences = 8, .max_batched_tokens = 150, .kv_blocks = 1000};
  setup.mix = {.arrivals = ClosedLoop{1},
               .prompt = FixedLength{50},
               .output = FixedLength{5},
               .request_count = 3};
  setup.max_events = 18;
  EXPECT_EQ(simulate(setup, cost).steps, 15);
  setup.max_events = 17;
  EXPECT_THAT([&] { simulate(setup, cost); },
              ThrowsMessage<SimulationStuck>(HasSubstr("limit of 17 events")));
}

}  // namespace
}  // namespace moeplan::sim
