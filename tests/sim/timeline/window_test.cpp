// Is a timeline bounded, and does it say where it was cut?

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sim/timeline/timeline.hpp"
#include "tests/sim/timeline/trace_file.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;

// The cut of a file, which the timeline tells too; every request in it is closed.
std::string cut_of(const sim::Timeline& timeline) {
  const TraceFile file(timeline.json);
  expect_balanced(file);
  EXPECT_EQ(file.cut, timeline.cut);
  return timeline.cut;
}

TEST(TimelineWindow, StepsAreCounted) {
  SmallRun run;
  const sim::Timeline whole = run.record();
  EXPECT_EQ(whole.cut, "");
  const sim::Timeline part = run.record({.steps = 25});
  EXPECT_THAT(cut_of(part), HasSubstr("the limit of 25 steps"));
  EXPECT_EQ(part.steps, 25);
  const TraceFile file(part.json);
  const auto tracks = file.tracks();
  EXPECT_EQ(tracks.begin()->second.size(), 25U);
  EXPECT_EQ(file.of('i').size(), 1U);
  // The run itself is not shortened.
  EXPECT_EQ(part.trace.requests, whole.trace.requests);
  EXPECT_EQ(run.record({.steps = whole.steps}).json, whole.json);
}

// Steps that begin in the window, in full; requests from its first instant to its last.
TEST(TimelineWindow, FromAndUntil) {
  SmallRun run;
  const auto steps_of = [](const sim::Timeline& timeline) {
    return TraceFile(timeline.json).tracks().begin()->second;
  };
  const sim::Timeline whole = run.record();
  const std::vector<TraceEvent> all = steps_of(whole);
  const std::int64_t from = all[40].at;
  const std::int64_t until = all[70].at;
  const sim::Timeline part = run.record({.from = sim::SimTime(from), .until = sim::SimTime(until)});
  EXPECT_THAT(cut_of(part), HasSubstr("begins at --from"));
  EXPECT_THAT(part.cut, HasSubstr("by --until"));
  const std::vector<TraceEvent> shown = steps_of(part);
  ASSERT_EQ(shown.size(), 30U);
  EXPECT_EQ(shown.front().at, from);
  EXPECT_EQ(shown.back().at, all[69].at);
  const TraceFile file(part.json);
  std::size_t overlapping = 0;
  for (const sim::RequestRecord& r : whole.trace.requests) {
    overlapping += r.arrival < sim::SimTime(until) && r.completion >= sim::SimTime(from) ? 1 : 0;
  }
  EXPECT_EQ(file.of('b', "request").size(), overlapping);
  for (const TraceEvent& event : file.events) {
    EXPECT_GE(event.at, from);
    EXPECT_LE(event.at, until);
  }
}

TEST(TimelineWindow, EventsAreCounted) {
  SmallRun run;
  const std::size_t all = run.record().events;
  for (const std::size_t most : {all / 2, all / 10, std::size_t{300}}) {
    const sim::Timeline part = run.record({.events = most});
    EXPECT_THAT(cut_of(part), HasSubstr("events"));
    EXPECT_LE(part.events, most);
    EXPECT_GT(part.events, most / 3) << "it stops long before the limit";
  }
  EXPECT_EQ(run.record({.events = all + 200}).cut, "");
}

TEST(TimelineWindow, BeyondTheEndShowsNothingAndSaysSo) {
  SmallRun run;
  const sim::Timeline none = run.record({.from = sim::SimTime() + hours(1)});
  EXPECT_EQ(none.steps, 0);
  EXPECT_EQ(none.requests, 0);
  EXPECT_THAT(cut_of(none), HasSubstr("the run ends at"));
}

}  // namespace
}  // namespace moeplan::tests
