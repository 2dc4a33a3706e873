// Are the arrivals and recorded requests of a scenario read as written, and is what is wrong with
// them refused (tests.md C3 36 and 37)?

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "sim/evaluate.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using testing::Contains;
using testing::HasSubstr;
using tests::expect_input_error;

const std::string kLengths = "input_tokens: {tokens: 500}, output_tokens: {tokens: 100}";

Workload read(const std::string& workload, const std::string& trace = "") {
  tests::ScenarioFile file;
  if (!trace.empty()) {
    std::ofstream(file.folder() / "trace.csv") << trace;
  }
  file.set("workload", "{" + workload + "}");
  return file.load().workload;
}

void refused(const std::string& workload, const std::string& code, const std::string& part,
             const std::string& trace = "") {
  expect_input_error([&] { read(workload, trace); }, code, part);
}

TEST(ScenarioArrivals, GammaBurstsDayAndRamp) {
  const Workload w = read(
      "arrivals: gamma, rate: 4 requests/s, burstiness: 0.5, bursts: {factor: 5, on: 10 s, off: 1 "
      "min}, day_profile: [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,2], day_length: 24 h, "
      "max_concurrency: 30, " +
      kLengths);
  const auto shaped = std::get<ShapedArrivals>(w.arrivals_at(2.0));
  EXPECT_EQ(shaped.rate, PerSecond(2.0));
  EXPECT_EQ(shaped.burstiness, 0.5);
  EXPECT_EQ(shaped.bursts->off, Seconds(60.0));
  EXPECT_EQ(shaped.day->weights.back(), 2.0);
  EXPECT_EQ(*shaped.day->length, Seconds(86400.0));
  EXPECT_EQ(w.max_in_flight, 30);
  EXPECT_FALSE(w.is_steady());
  const Workload ramp =
      read("rate: 4 requests/s, ramp_up: {shape: exponential, start: 0.1}, " + kLengths);
  EXPECT_TRUE(std::get<ShapedArrivals>(ramp.arrivals_at(2.0)).ramp->exponential);
  EXPECT_TRUE(std::holds_alternative<PoissonArrivals>(
      read("rate: 4 requests/s, " + kLengths).arrivals_at(2.0)));
}

TEST(ScenarioArrivals, AllAtOnceIsABatchOfItsRequests) {
  const Workload w = read("arrivals: all_at_once, requests: 64, " + kLengths);
  EXPECT_EQ(w.concurrency, 64);
  EXPECT_EQ(w.warmup, 0);
  EXPECT_TRUE(w.closed_loop);
  EXPECT_EQ(std::get<ClosedLoop>(w.arrivals_at(64.0)).concurrency, 64);
}

TEST(ScenarioArrivals, KeysOfOthersAndHalfGroupsAreRefused) {
  refused("rate: 4 requests/s, burstiness: 2, " + kLengths, "E_VALUE", "workload.arrivals: gamma");
  refused("arrivals: gamma, rate: 4 requests/s, " + kLengths, "E_MISSING", "burstiness");
  refused("arrivals: closed_loop, concurrency: 3, max_concurrency: 2, " + kLengths, "E_VALUE",
          "poisson or gamma or trace");
  refused("rate: 4 requests/s, bursts: {factor: 3, on: 1 s}, " + kLengths, "E_MISSING",
          "/workload/bursts/off");
  refused("rate: 4 requests/s, day_profile: [1, 2], " + kLengths, "E_VALUE", "a day has 2 rates");
  refused("rate: 4 requests/s, day_length: 24 h, " + kLengths, "E_VALUE", "no day_profile");
  refused(
      "rate: 4 requests/s, ramp_up: {shape: linear, start: 0.5}, bursts: {factor: 3, on: 1 s, "
      "off: 1 s}, " +
          kLengths,
      "E_VALUE", "neither bursts");
  refused("arrivals: all_at_once, rate: 4 requests/s, requests: 64, " + kLengths, "E_VALUE",
          "/workload/rate");
  refused("arrivals: all_at_once, requests: 64, warmup_requests: 4, " + kLengths, "E_VALUE",
          "no warm-up");
}

const std::string kTrace =
    "arrived_at,num_prefill_tokens,num_decode_tokens\n0,100,10\n1,200,20\n2,300,30\n4,400,40\n";

// 3 gaps in 4 s: 0.75 requests/s recorded, 1.5 wanted; an engine at 3 a second compresses by 4.
TEST(ScenarioTrace, ReplaysWithItsLengthsAtItsRate) {
  const Workload w = read("arrivals: trace, trace: {file: trace.csv, rate_scale: 2}", kTrace);
  EXPECT_EQ(w.rate, PerSecond(1.5));
  EXPECT_EQ(std::get<TraceArrivals>(w.arrivals_at(3.0)).speed, 4.0);
  EXPECT_EQ(w.requests, 4);
  EXPECT_EQ(w.warmup, 0);
  EXPECT_EQ(w.mean_input(), 250.0);
  EXPECT_EQ(longest_length(w.output), 40);
  EXPECT_FALSE(w.is_steady());
  EXPECT_THAT(w.notes, Contains(HasSubstr("all its times divided by one factor")));
  EXPECT_THAT(w.source, HasSubstr("trace.csv (vidur, 4 requests)"));
}

TEST(ScenarioTrace, TooLongRequestsAreNamed) {
  const Workload w = read("arrivals: trace, trace: {file: trace.csv}", kTrace + "5,5000000,1\n");
  EXPECT_THAT(w.notes, Contains(HasSubstr("the first is request 5 (5000000 + 1 tokens)")));
}

TEST(ScenarioTrace, WhatIsWrongIsRefused) {
  const std::string trace = "arrivals: trace, trace: {file: trace.csv}";
  refused("arrivals: trace", "E_MISSING", "/workload/trace/file");
  refused("arrivals: trace, trace: {file: nowhere.csv}", "E_IO", "/workload/trace/file");
  refused(trace, "E_RANGE", "trace.csv:6", kTrace + "5,-1,1\n");
  refused(trace, "E_VALUE", "go back", kTrace + "3,1,1\n");
  refused(trace + ", input_tokens: {tokens: 5}", "E_VALUE", "the lengths come from workload.trace",
          kTrace);
  refused(trace + ", rate: 4 requests/s", "E_VALUE", "/workload/rate", kTrace);
  refused(trace + ", requests: 5", "E_RANGE", "the trace has 4 requests", kTrace);
  refused(trace + ", warmup_requests: 4", "E_RANGE", "0 requests after warm-up", kTrace);
  refused(trace, "E_VALUE", "workload.lengths.file draws from it",
          "prompt_tokens,output_tokens\n5,5\n6,6\n");
  refused(trace, "E_VALUE", "all_at_once",
          "arrived_at,num_prefill_tokens,num_decode_tokens\n1,5,5\n1,6,6\n");
  refused("rate: 4 requests/s, trace: {file: trace.csv}, " + kLengths, "E_VALUE",
          "trace.file has no meaning for poisson", kTrace);
}

TEST(ScenarioLengths, RecordedOnesAreDrawnTogetherUnlessToldOtherwise) {
  const std::string lengths = "rate: 4 requests/s, lengths: {file: trace.csv";
  const Workload joint = read(lengths + "}", kTrace);
  EXPECT_TRUE(joint.joint_lengths);
  EXPECT_EQ(joint.mean_output(), 25.0);
  EXPECT_FALSE(read(lengths + ", joint: false}", kTrace).joint_lengths);
  refused(lengths + "}, output_tokens: {tokens: 5}", "E_VALUE", "workload.lengths", kTrace);
  refused("rate: 4 requests/s, lengths: {joint: true}, " + kLengths, "E_VALUE", "no file");
}

TEST(MixOf, SingleUsersOfOpenTrafficKeepItsLengths) {
  Workload w = read("arrivals: trace, trace: {file: trace.csv}", kTrace);
  const RequestMix floor = mix_of(w, {.value = 1.0, .closed_loop = true, .requests = 50});
  EXPECT_EQ(std::get<ClosedLoop>(floor.arrivals).concurrency, 1);
  EXPECT_EQ(mean_length(floor.prompt), 250.0);
  const RequestMix full = mix_of(w, {.value = 0.75, .requests = 4});
  EXPECT_EQ(std::get<TraceArrivals>(full.arrivals).speed, 1.0);
}

}  // namespace
}  // namespace moeplan::sim
