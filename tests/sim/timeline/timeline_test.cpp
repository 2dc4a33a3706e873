// Does a timeline show what happened: every step and request, nothing twice, nothing moved?

#include "sim/timeline/timeline.hpp"

#include <gtest/gtest.h>

#include <set>

#include "sim/evaluate.hpp"
#include "sim/serving/fast_engine.hpp"
#include "tests/sim/timeline/trace_file.hpp"

namespace moeplan::tests {
namespace {

TEST(Timeline, EveryTrackAndProcessHasANameAndTimeNeverRunsBackwards) {
  SmallRun run;
  run.setup.replicas = 2;
  const sim::Timeline timeline = run.record();
  const TraceFile file(timeline.json);
  EXPECT_EQ(file.process_name.size(), 3U);  // requests, two engines
  EXPECT_EQ(file.cut, "");
  std::set<std::int64_t> used;
  std::int64_t last = 0;
  for (const TraceEvent& event : file.events) {
    EXPECT_EQ(file.process_name.count(event.process), 1U);
    EXPECT_GE(event.at, last);
    last = event.at;
    if (event.phase == 'X') {
      used.insert(event.thread);
    }
  }
  for (const std::int64_t thread : used) {
    EXPECT_EQ(file.name.count(thread), 1U) << thread;
  }
  // Of each engine: steps, two devices, the fabric inside the node.
  EXPECT_EQ(used.size(), 2U * 4U);
}

TEST(Timeline, SpansOfOneTrackNeverOverlap) {
  SmallRun run;
  run.setup.replicas = 2;
  for (const double jitter : {0.0, 0.2}) {
    run.setup.limits.jitter = jitter;
    for (const auto& [thread, spans] : TraceFile(run.record().json).tracks()) {
      for (std::size_t i = 1; i < spans.size(); ++i) {
        ASSERT_GE(spans[i].at, spans[i - 1].end()) << "track " << thread << ", span " << i;
      }
    }
  }
}

// On every device the phases of a step fill it without a gap; all steps together are the busy time
// that the metrics are made of.
TEST(Timeline, PhasesFillTheirStepAndStepsTheBusyTime) {
  SmallRun run;
  for (const double jitter : {0.0, 0.2}) {
    run.setup.limits.jitter = jitter;
    const sim::Timeline timeline = run.record();
    const auto tracks = TraceFile(timeline.json).tracks();
    const std::vector<TraceEvent>& steps = tracks.begin()->second;
    ASSERT_EQ(static_cast<std::int64_t>(steps.size()), timeline.trace.steps);
    std::int64_t busy = 0;
    for (const TraceEvent& step : steps) {
      busy += step.duration;
    }
    EXPECT_EQ(busy, timeline.trace.busy.picoseconds());
    EXPECT_EQ(timeline.busy, timeline.trace.busy);
    auto track = std::next(tracks.begin());
    for (int device = 0; device < 2; ++device, ++track) {
      std::size_t i = 0;
      for (const TraceEvent& step : steps) {
        std::int64_t at = step.at;
        for (; i < track->second.size() && track->second[i].at < step.end(); ++i) {
          ASSERT_EQ(track->second[i].at, at) << "a gap, or a span of another step";
          at = track->second[i].end();
        }
        ASSERT_EQ(at, step.end());
      }
      EXPECT_EQ(i, track->second.size());
    }
    // Without jitter each phase is the metrics' to the picosecond.
    if (jitter == 0.0) {
      std::map<std::string, std::int64_t> sums;
      for (const TraceEvent& span : std::next(tracks.begin())->second) {
        sums[span.name] += span.duration;
      }
      for (std::size_t p = 0; p < sim::kPhaseCount; ++p) {
        const auto phase = static_cast<sim::Phase>(p);
        EXPECT_EQ(sums[std::string(sim::name_of(phase))],
                  timeline.trace.phases[phase].picoseconds());
      }
    }
  }
}

TEST(Timeline, EveryRequestIsThereAndEveryBeginHasItsEnd) {
  SmallRun run;
  run.setup.limits.max_model_length = 230;  // some of up to 240 tokens are rejected
  const sim::Timeline timeline = run.record();
  const TraceFile file(timeline.json);
  expect_balanced(file);
  const std::vector<TraceEvent> begins = file.of('b', "request");
  const std::vector<TraceEvent> ends = file.of('e', "request");
  ASSERT_EQ(begins.size(), timeline.trace.requests.size());
  ASSERT_EQ(ends.size(), begins.size());
  std::map<std::int64_t, std::int64_t> first;
  for (const TraceEvent& event : file.of('n', "first token")) {
    first[event.id] = event.at;
  }
  std::size_t rejected = 0;
  for (const TraceEvent& begin : begins) {
    const sim::RequestRecord& r = timeline.trace.requests.at(static_cast<std::size_t>(begin.id));
    EXPECT_EQ(begin.at, r.arrival.picoseconds());
    EXPECT_EQ(begin.args.at("input_tokens"), std::to_string(r.prompt_tokens));
    EXPECT_EQ(begin.args.at("output_tokens"), std::to_string(r.output_tokens));
    rejected += r.status == sim::RequestStatus::rejected_too_long ? 1 : 0;
  }
  for (const TraceEvent& end : ends) {
    const sim::RequestRecord& r = timeline.trace.requests.at(static_cast<std::size_t>(end.id));
    if (r.status == sim::RequestStatus::completed) {
      EXPECT_EQ(end.at, r.completion.picoseconds());
      EXPECT_EQ(first.at(end.id), r.first_token.picoseconds());
      EXPECT_DOUBLE_EQ(std::stod(end.args.at("ttft_s")),
                       sim::in_seconds(r.first_token - r.arrival));
    } else {
      EXPECT_EQ(end.args.at("status"), "rejected: longer than the model allows");
    }
  }
  EXPECT_GT(rejected, 0U);
  EXPECT_EQ(file.of('n', "rejected").size(), rejected);
}

// A preempted request waits, and computes its prompt again.
TEST(Timeline, PreemptionsAreSpansAndPrefillsAgain) {
  SmallRun run;
  const sim::Timeline timeline = run.record();
  ASSERT_GT(timeline.trace.preemptions, 10);
  const TraceFile file(timeline.json);
  EXPECT_EQ(static_cast<std::int64_t>(file.of('b', "preempted").size()),
            timeline.trace.preemptions);
  std::int64_t again = 0;
  for (const TraceEvent& begin : file.of('b', "prefill")) {
    again += begin.args.at("again") == "true" ? 1 : 0;
  }
  EXPECT_EQ(again, timeline.trace.preemptions);
  EXPECT_EQ(file.of('b', "queued").size(), 120U);
}

TEST(Timeline, CountersStayWithinTheCacheAndEndAtNothing) {
  SmallRun run;
  std::map<std::string, std::int64_t> last;
  for (const TraceEvent& event : TraceFile(run.record().json).of('C')) {
    const std::int64_t value = std::stoll(event.args.at("value"));
    EXPECT_GE(value, 0);
    if (event.name == "KV blocks used") {
      EXPECT_LE(value, 2 * 24);  // two ranks
    }
    last[event.name] = value;
  }
  EXPECT_EQ(last, (std::map<std::string, std::int64_t>{
                      {"running", 0}, {"waiting", 0}, {"KV blocks used", 0}}));
}

// The one engine that simulate() would run on its fast path goes step by step for a timeline.
TEST(Timeline, RequestsHaveTheTimesOfSimulate) {
  SmallRun run;
  EXPECT_EQ(run.record().trace.requests, run.simulate().requests);

  ScenarioFile file;
  const sim::Scenario scenario = file.load();
  const auto placed = sim::deploy(scenario, {.experts_kept = 64});
  const auto& deployment = std::get<sim::Deployment>(placed);
  sim::ModelStepCost cost(deployment);
  sim::SimulationSetup setup = sim::setup_of(deployment, sim::full_load(scenario, 10.0));
  setup.mix.request_count = 300;
  setup.limits.jitter = 0.1;
  ASSERT_TRUE(sim::FastEngine::runs(setup, cost));
  const sim::ServingTrace fast = sim::simulate(setup, cost);
  const sim::ServingTrace shown =
      sim::record_timeline(deployment, setup, cost, {}, text::Json::object()).trace;
  EXPECT_EQ(shown.requests, fast.requests);
  EXPECT_EQ(shown.busy, fast.busy);
  EXPECT_EQ(shown.end, fast.end);
}

TEST(Timeline, SameBytesTwice) {
  SmallRun one;
  SmallRun other;
  const std::string first = one.record().json;
  EXPECT_EQ(one.record().json, first);
  EXPECT_EQ(other.record().json, first);
  other.setup.seed = 99;
  EXPECT_NE(other.record().json, first);
}

}  // namespace
}  // namespace moeplan::tests
