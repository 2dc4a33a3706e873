#include "models/text/input_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace moeplan {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ProblemText, HasTheFormOfTheDesign) {
  // tests.md C3: error[CODE] file:line:col (json-pointer): what, got, expected, fix.
  const Problem problem{.code = "E_TYPE",
                        .file = "scenario.yaml",
                        .mark = {12, 7},
                        .pointer = "/hardware/gpus",
                        .what = "wrong type",
                        .got = "a string \"8\"",
                        .expected = "a whole number >= 1",
                        .fix = "remove the quotes"};
  EXPECT_EQ(problem.text(),
            "error[E_TYPE] scenario.yaml:12:7 (/hardware/gpus): wrong type, got a string \"8\", "
            "expected a whole number >= 1; remove the quotes");
}

TEST(ProblemText, LeavesOutWhatIsNotKnown) {
  EXPECT_EQ((Problem{.code = "E_IO", .file = "a.yaml", .what = "cannot open"}).text(),
            "error[E_IO] a.yaml: cannot open");
  EXPECT_EQ((Problem{.code = "E_TYPE", .file = "a.csv", .mark = {3, 0}, .what = "no"}).text(),
            "error[E_TYPE] a.csv:3: no");
  EXPECT_EQ((Problem{.code = "E_VALUE", .what = "no", .expected = "yes"}).text(),
            "error[E_VALUE]: no, expected yes");
}

TEST(InputError, WhatHoldsTheFirstTwentyProblems) {
  std::vector<Problem> problems;
  for (int i = 1; i <= 23; ++i) {
    problems.push_back({.code = "E_TYPE", .what = "problem-" + std::to_string(i) + "."});
  }
  const InputError error(problems);
  EXPECT_EQ(error.problems().size(), 23u);
  EXPECT_THAT(error.what(), HasSubstr("problem-20."));
  EXPECT_THAT(error.what(), Not(HasSubstr("problem-21.")));
  EXPECT_THAT(error.what(), HasSubstr("... and 3 more problems"));
}

TEST(Nearest, FindsTypingMistakes) {
  const std::vector<std::string> keys{"tensor_parallel", "expert_parallel", "gpus", "seed"};
  EXPECT_EQ(nearest("tensor_paralel", keys), "tensor_parallel");   // one letter lost
  EXPECT_EQ(nearest("tensor_parallle", keys), "tensor_parallel");  // two letters swapped
  EXPECT_EQ(nearest("tensorParallel", keys), "tensor_parallel");   // another spelling
  EXPECT_EQ(nearest("tensor-parallel", keys), "tensor_parallel");
  EXPECT_EQ(nearest("gpu", keys), "gpus");
}

TEST(Nearest, SaysNothingWhenNothingIsNear) {
  const std::vector<std::string> keys{"tensor_parallel", "gpus"};
  EXPECT_EQ(nearest("rate", keys), "");
  EXPECT_EQ(nearest("", keys), "");
  EXPECT_EQ(nearest("gpus", {}), "");
  EXPECT_EQ(nearest(std::string(100000, 'g'), keys), "");
  // A third of the longer name is the most: 6 letters allow 2 changes, not 3.
  EXPECT_EQ(nearest("abcdef", {"abcdxy"}), "abcdxy");
  EXPECT_EQ(nearest("abcdef", {"abcxyz"}), "");
}

TEST(Nearest, PrefersTheNearerOne) {
  EXPECT_EQ(nearest("h100-sxn", {"h100-pcie", "h200-sxm", "h100-sxm"}), "h100-sxm");
}

TEST(DidYouMean, IsASentenceOrNothing) {
  EXPECT_EQ(did_you_mean("gpu", {"gpus"}), "did you mean 'gpus'?");
  EXPECT_EQ(did_you_mean("rate", {"gpus"}), "");
}

TEST(DidYouMean, NamesThatGoOnComeFirst) {
  const std::vector<std::string> gpus{"a10", "h100-pcie", "h100-sxm", "h200-sxm"};
  EXPECT_EQ(did_you_mean("H100", gpus), "did you mean 'h100-pcie' or 'h100-sxm'?");
  // One letter away from the first, the beginning of the second.
  EXPECT_EQ(did_you_mean("qwen3-30b", {"qwen3-32b", "qwen3-30b-a3b"}),
            "did you mean 'qwen3-30b-a3b'?");
  // Two letters begin too many names, and more than three names are no hint.
  EXPECT_EQ(did_you_mean("h1", gpus), "");
  EXPECT_EQ(did_you_mean("paper", {"paper-one", "paper-two", "paper-three", "paper-four"}), "");
}

TEST(Joined, SeparatesByCommas) {
  EXPECT_EQ(joined({"a", "b"}), "a, b");
  EXPECT_EQ(joined({}), "");
}

}  // namespace
}  // namespace moeplan
