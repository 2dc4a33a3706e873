// `moeplan timeline`: is the trace where it should be, cut where it says, and of the run that
// `simulate` makes?

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "models/units/parse.hpp"
#include "tests/app/process.hpp"
#include "tests/app/scenario_text.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class TimelineCommand : public testing::Test {
 protected:
  TemporaryDirectory folder_;
  std::string file_ = folder_.write("s.yaml", kScenario).string();

  Finished timeline(std::vector<std::string> more, const std::string& command = "timeline") const {
    std::vector<std::string> all = {command,          file_, "--gpus",     "1",
                                    "--experts-kept", "64",  "--replicas", "6"};
    all.insert(all.end(), more.begin(), more.end());
    return run_moeplan(all);
  }
  static double number(const text::Node& node, const std::string& key) {
    return parse_number(node.find(key)->scalar).value();
  }
};

TEST_F(TimelineCommand, TraceOnStdoutAndNothingWrittenWithoutO) {
  const Finished run = timeline({"--steps", "50"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const text::Document trace = text::parse_json(run.out, "stdout");
  EXPECT_GT(trace.root.find("traceEvents")->items.size(), 50U * 5U);
  // A cut is announced in both places.
  EXPECT_THAT(run.err, HasSubstr("the timeline is not the whole run: it ends at"));
  EXPECT_THAT(run.err, HasSubstr("the limit of 50 steps (--steps)"));
  EXPECT_THAT(trace.root.find("otherData")->find("cut")->scalar, HasSubstr("50 steps"));
  EXPECT_THAT(timeline({"--steps", "50", "-q"}).err, HasSubstr("not the whole run"));
}

TEST_F(TimelineCommand, OWritesTheSameBytesAndASummaryIsPrinted) {
  const std::string path = (folder_.path() / "t.json").string();
  const Finished run = timeline({"--steps", "50", "-o", path, "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(text::read_file(path), timeline({"--steps", "50"}).out);
  const text::Document summary = text::parse_json(run.out, "stdout");
  EXPECT_EQ(number(summary.root, "steps_shown"), 50.0);
  EXPECT_EQ(number(summary.root, "requests"), 300.0);
  const Finished people = timeline({"--steps", "50", "-o", path});
  EXPECT_THAT(people.out, HasSubstr("ui.perfetto.dev"));
}

// The whole run: its busy time is the one that simulate's busy fraction is made of.
TEST_F(TimelineCommand, IsTheRunOfSimulate) {
  const std::string path = (folder_.path() / "t.json").string();
  const Finished run = timeline({"--steps", "1000000", "-o", path, "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, IsEmpty()) << "nothing is cut";
  const text::Document shown = text::parse_json(run.out, "timeline");
  const text::Document simulated =
      text::parse_json(timeline({"--format", "json"}, "simulate").out, "simulate");
  EXPECT_EQ(number(shown.root, "steps_shown"), number(simulated.root, "steps"));
  EXPECT_EQ(number(shown.root, "engine_load"), number(simulated.root, "engine_load"));
  EXPECT_NEAR(number(shown.root, "busy_shown_s"),
              number(simulated.root, "busy_fraction") * number(simulated.root, "duration_s"), 1e-9);
}

TEST_F(TimelineCommand, WrongInputAndWrongUse) {
  const std::string wrong = folder_.write("w.yaml", with(kScenario, "gpu:", "gpo:")).string();
  const Finished input = run_moeplan({"timeline", wrong});
  EXPECT_EQ(input.exit_code, 3);
  EXPECT_THAT(input.err, HasSubstr("w.yaml:7"));
  EXPECT_THAT(input.out, IsEmpty());
  EXPECT_EQ(run_moeplan({"timeline", folder_.path() / "none.yaml"}).exit_code, 3);
  EXPECT_EQ(run_moeplan({"timeline", file_}).exit_code, 2) << "one design is needed";
  EXPECT_THAT(timeline({"--from", "3"}).err, HasSubstr("--from"));
  EXPECT_EQ(timeline({"--from", "3"}).exit_code, 2) << "no unit";
  EXPECT_EQ(timeline({"--from", "3 s", "--until", "2 s"}).exit_code, 2);
  EXPECT_EQ(timeline({"--steps", "0"}).exit_code, 2);
  const Finished late = timeline({"--from", "1 h"});
  EXPECT_EQ(late.exit_code, 2);
  EXPECT_THAT(late.err, HasSubstr("the run ends at"));
  const std::string nowhere = (folder_.path() / "no" / "t.json").string();
  EXPECT_EQ(timeline({"--steps", "5", "-o", nowhere}).exit_code, 6);
}

TEST_F(TimelineCommand, InfeasibleExits4) {
  file_ = folder_
              .write("small.yaml", with(kScenario, "workload:\n",
                                        "engine: {memory_utilization: 0.2}\nworkload:\n"))
              .string();
  const Finished run = timeline({});
  EXPECT_EQ(run.exit_code, 4);
  EXPECT_THAT(run.err, HasSubstr("infeasible (memory)"));
}

}  // namespace
}  // namespace moeplan::tests
