// Is the launcher's text split as written, and refused where a shell would have done more?
#include "calibrate/all2all/launcher.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"

namespace moeplan::calibrate {
namespace {

using testing::ElementsAre;

TEST(Launcher, BlanksSeparateAndQuotesJoin) {
  EXPECT_THAT(launcher_arguments("  mpirun\t-n  4 "), ElementsAre("mpirun", "-n", "4"));
  EXPECT_THAT(launcher_arguments("a 'b  \"c' \"d 'e\""), ElementsAre("a", "b  \"c", "d 'e"));
  EXPECT_THAT(launcher_arguments("x='1 2'3"), ElementsAre("x=1 23"));
  EXPECT_THAT(launcher_arguments("a '' b"), ElementsAre("a", "", "b"));
}

TEST(Launcher, EscapesOfQuotesBackslashesAndBlanksOnly) {
  EXPECT_THAT(launcher_arguments(R"(a\ b "c\"d\\" \')"), ElementsAre("a b", R"(c"d\)", "'"));
  EXPECT_THAT(launcher_arguments(R"('\n')"), ElementsAre(R"(\n)"));
  tests::expect_input_error([] { launcher_arguments(R"(a\n)"); }, "E_SYNTAX", "1:2", R"(\n)");
}

TEST(Launcher, WhatAShellWouldActOnIsRefusedUnlessQuoted) {
  for (const char c : std::string("|&;<>$`()")) {
    const std::string sign(1, c);
    tests::expect_input_error([&] { launcher_arguments("mpirun " + sign + "x"); }, "E_VALUE", "1:8",
                              "no shell", sign);
    EXPECT_THAT(launcher_arguments("mpirun '" + sign + "x'"), ElementsAre("mpirun", sign + "x"));
  }
  // Not expanded, whatever it looks like.
  EXPECT_THAT(launcher_arguments("a * ~ \"$HOME\""), ElementsAre("a", "*", "~", "$HOME"));
}

TEST(Launcher, OpenEndsAreErrors) {
  tests::expect_input_error([] { launcher_arguments("a 'b"); }, "E_SYNTAX", "1:3", "not closed");
  tests::expect_input_error([] { launcher_arguments("a \"b\\\""); }, "E_SYNTAX", "1:3");
  tests::expect_input_error([] { launcher_arguments("a\\"); }, "E_SYNTAX", "1:2");
  tests::expect_input_error([] { launcher_arguments(" \t "); }, "E_VALUE", "no launcher");
}

}  // namespace
}  // namespace moeplan::calibrate
