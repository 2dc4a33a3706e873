// `moeplan simulate` and `plan` of static scenarios, `fit --static-forward`: exit codes and output.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/app/process.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;

std::string scenario(const std::string& name) {
  return (source_dir() / "scenarios/paper" / name).string();
}

TEST(SimulateStatic, PrintsAllDesignsByTerm) {
  const Finished run = run_moeplan({"simulate", scenario("fig2a_experts.yaml")});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("173.62"));  // figure 2a, 128 experts, a fitted point
  EXPECT_THAT(run.out, HasSubstr("No law affine"));
}

TEST(SimulateStatic, FlagsNarrowAndOthersAreRefused) {
  const Finished one = run_moeplan(
      {"simulate", scenario("fig2a_experts.yaml"), "--experts-kept", "8", "--format", "json"});
  EXPECT_EQ(one.exit_code, 0) << one.err;
  EXPECT_EQ(text::parse_json(one.out, "out").root.find("passes")->items.size(), 1u);
  EXPECT_EQ(run_moeplan({"simulate", scenario("fig2a_experts.yaml"), "--gpus", "3"}).exit_code, 2);
  const Finished flag = run_moeplan({"simulate", scenario("fig2a_dense.yaml"), "--replicas", "2"});
  EXPECT_EQ(flag.exit_code, 2);
  EXPECT_THAT(flag.err, HasSubstr("--replicas"));
}

TEST(SimulateStatic, PlanSaysWhatToDo) {
  const Finished run = run_moeplan({"plan", scenario("fig5_gpus.yaml")});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("moeplan simulate"));
}

TEST(SimulateStatic, FitWritesTheCommittedLaw) {
  const TemporaryDirectory folder;
  const std::string file = (folder.path() / "a10.json").string();
  const Finished run =
      run_moeplan({"fit", "--static-forward", "sarkar-2024", "--hardware", "a10", "-o", file});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(run.out, text::read_file(file));
  const Finished other =
      run_moeplan({"fit", "--static-forward", "sarkar-2024", "--hardware", "h100-sxm"});
  EXPECT_EQ(other.exit_code, 3);
  EXPECT_THAT(other.err, HasSubstr("another device"));
  EXPECT_EQ(run_moeplan({"fit", "--hardware", "a10"}).exit_code, 2);
}

}  // namespace
}  // namespace moeplan::tests
