// Recorded requests as traffic: replay, joint lengths, the limit at the client, arrays.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "sim/workload/request_source.hpp"
#include "sim/workload/request_trace.hpp"

namespace moeplan::sim {
namespace {

std::shared_ptr<const RequestTrace> trace_of(std::vector<RequestSpec> requests) {
  RequestTrace trace;
  trace.requests = std::move(requests);
  return std::make_shared<const RequestTrace>(std::move(trace));
}

RequestMix replay(std::shared_ptr<const RequestTrace> trace, double speed = 1.0) {
  const auto count = static_cast<std::int64_t>(trace->requests.size());
  return {.arrivals = TraceArrivals{std::move(trace), speed},
          .prompt = FixedLength{1},
          .output = FixedLength{1},
          .request_count = count};
}

const std::vector<RequestSpec> kThree = {
    {SimTime{}, 10, 1}, {SimTime(3'000'000'000'001), 20, 2}, {SimTime(3'000'000'000'001), 30, 3}};

TEST(Replay, GivesTheTraceToThePicosecond) {
  RequestSource source(replay(trace_of(kThree)), 1);
  for (const RequestSpec& request : kThree) {
    EXPECT_EQ(source.next(), request);
  }
  EXPECT_FALSE(source.next().has_value());
  EXPECT_TRUE(source.known_in_advance());
}

// Mean rate 2 / 3 per second; twice the speed, half the time.
TEST(Replay, SpeedCompressesAllTimes) {
  RequestSource source(replay(trace_of(kThree), 2.0), 1);
  source.next();
  EXPECT_EQ(source.next()->arrival, SimTime(1'500'000'000'001)) << "half a picosecond rounds up";
  EXPECT_EQ(source.next()->prompt_tokens, 30);
}

TEST(Replay, RefusesWhatIsNotThere) {
  RequestMix mix = replay(trace_of(kThree));
  mix.request_count = 4;
  EXPECT_THROW(RequestSource(mix, 1), std::logic_error);
  EXPECT_THROW(RequestSource(replay(trace_of(kThree), 0.0), 1), std::logic_error);
  RequestTrace lengths;
  lengths.has_times = false;
  lengths.requests = kThree;
  EXPECT_THROW(RequestSource(replay(std::make_shared<const RequestTrace>(std::move(lengths))), 1),
               std::logic_error);
}

RequestMix drawn(bool joint) {
  std::vector<std::int32_t> prompts;
  std::vector<std::int32_t> outputs;
  for (int i = 1; i <= 10; ++i) {
    prompts.push_back(i);
    outputs.push_back(100 * i);
  }
  return {.arrivals = PoissonArrivals{PerSecond(1.0)},
          .prompt = EmpiricalLength(prompts),
          .output = EmpiricalLength(outputs),
          .request_count = 20'000,
          .joint_lengths = joint};
}

// Ten pairs (i, 100 i): drawn together they stay pairs, each a tenth of the time (binomial: 2000 +-
// 3 x 42); apart, all 100 combinations come up.
TEST(EmpiricalLengths, JointDrawsKeepPairsTogether) {
  std::vector<int> counts(11, 0);
  RequestSource source(drawn(true), 5);
  while (const auto request = source.next()) {
    ASSERT_EQ(request->output_tokens, 100 * request->prompt_tokens);
    ++counts[static_cast<std::size_t>(request->prompt_tokens)];
  }
  for (std::size_t i = 1; i <= 10; ++i) {
    EXPECT_NEAR(counts[i], 2000, 127);
  }
  std::set<std::pair<int, int>> pairs;
  RequestSource apart(drawn(false), 5);
  while (const auto request = apart.next()) {
    pairs.emplace(request->prompt_tokens, request->output_tokens);
  }
  EXPECT_EQ(pairs.size(), 100u);
}

TEST(EmpiricalLengths, HaveTheMeanAndLongestOfTheSample) {
  const EmpiricalLength length({4, 1, 7});
  EXPECT_EQ(length.mean(), 4.0);
  EXPECT_EQ(length.longest(), 7);
  EXPECT_EQ(length.sample(0), 4);
  EXPECT_EQ(length.sample(~std::uint64_t{0}), 7);
  EXPECT_THROW(EmpiricalLength({}), std::logic_error);
  EXPECT_THROW(EmpiricalLength({1, 0}), std::logic_error);
}

// tests.md C2 27: how many requests are drawn, at what rate, under which limit, changes no length.
TEST(EmpiricalLengths, DrawsDependOnSeedAndNumberOnly) {
  RequestMix fast = drawn(true);
  fast.arrivals = ShapedArrivals{.rate = PerSecond(99.0), .burstiness = 0.3};
  fast.max_in_flight = 7;
  RequestSource a(drawn(true), 5);
  RequestSource b(fast, 5);
  for (int i = 0; i < 7; ++i) {
    EXPECT_EQ(a.next()->prompt_tokens, b.next()->prompt_tokens);
  }
}

// Scheduled at 0, 3 and 3 s with one request in flight at a time, each served in 2 s: sent at 0,
// 3 and 5 s.
TEST(ClientLimit, LaterRequestsWaitForASlotInOrder) {
  RequestMix mix = replay(trace_of(kThree));
  mix.max_in_flight = 1;
  RequestSource source(mix, 1);
  EXPECT_FALSE(source.known_in_advance());
  EXPECT_EQ(source.next()->arrival, SimTime{});
  EXPECT_FALSE(source.next().has_value());
  const auto second = source.on_completion(SimTime(2'000'000'000'000));
  EXPECT_EQ(second->arrival, SimTime(3'000'000'000'001)) << "free before it is due";
  const auto third = source.on_completion(SimTime(5'000'000'000'001));
  EXPECT_EQ(third->arrival, SimTime(5'000'000'000'001)) << "due before it is free";
  EXPECT_EQ(third->prompt_tokens, 30);
  EXPECT_FALSE(source.on_completion(SimTime(7'000'000'000'000)).has_value());
}

TEST(ClientLimit, OneThatIsNeverReachedChangesNothing) {
  RequestMix mix = replay(trace_of(kThree));
  mix.max_in_flight = 3;
  EXPECT_TRUE(RequestSource(mix, 1).known_in_advance());
  mix.arrivals = ClosedLoop{2};
  EXPECT_THROW(RequestSource(mix, 1), std::logic_error);
}

TEST(RequestArrays, AreWhatNextGives) {
  for (const Arrivals& arrivals :
       {Arrivals(PoissonArrivals{PerSecond(4.0)}), Arrivals(ClosedLoop{20'000})}) {
    RequestMix mix = drawn(false);
    mix.arrivals = arrivals;
    RequestSource one(mix, 2);
    RequestSource all(mix, 2);
    ASSERT_TRUE(one.known_in_advance());
    const RequestArrays arrays = all.take_all();
    ASSERT_EQ(arrays.arrivals.size(), 20'000u);
    for (std::size_t i = 0; i < arrays.arrivals.size(); ++i) {
      ASSERT_EQ((RequestSpec{arrays.arrivals[i], arrays.prompt_tokens[i], arrays.output_tokens[i]}),
                *one.next());
    }
    EXPECT_FALSE(all.next().has_value());
  }
  RequestMix waiting = drawn(false);
  waiting.arrivals = ClosedLoop{3};
  EXPECT_EQ(RequestSource(waiting, 2).take_all().arrivals.size(), 3u);
}

}  // namespace
}  // namespace moeplan::sim
