// The helpers themselves: a helper that cannot fail would make every test using it worthless.

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/support/expect_input_error.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

void wrong() { throw InputError(Problem{.code = "E_TYPE", .file = "a.yaml", .what = "no number"}); }

TEST(ExpectInputError, PassesWhenCodeAndPartsMatch) {
  const auto problems = expect_input_error(wrong, "E_TYPE", "a.yaml", "no number");
  EXPECT_EQ(problems.size(), 1u);
}

TEST(ExpectInputError, FailsOtherwise) {
  EXPECT_NONFATAL_FAILURE(expect_input_error([] {}, "E_TYPE"), "nothing was thrown");
  EXPECT_NONFATAL_FAILURE(expect_input_error(wrong, "E_RANGE"), "wanted: E_RANGE");
  EXPECT_NONFATAL_FAILURE(expect_input_error(wrong, "E_TYPE", "b.yaml"), "E_TYPE | b.yaml");
  EXPECT_NONFATAL_FAILURE(expect_input_error([] { throw std::runtime_error("other"); }, "E_TYPE"),
                          "thrown: other");
}

TEST(EqualNumbers, SeesRealDifferencesOnly) {
  EXPECT_TRUE(equal_numbers("a,1.0,2", "a,1.0000000001,2"));
  EXPECT_FALSE(equal_numbers("a,1.0,2", "a,1.00001,2"));
  EXPECT_FALSE(equal_numbers("a,1.0,2", "b,1.0,2"));
  EXPECT_FALSE(equal_numbers("a,1.0", "a,1.0,2"));
}

TEST(ExpectGolden, ComparesAllBytes) {
  const TemporaryDirectory directory;
  const auto file = directory.write("g.txt", "one\ntwo\n");
  expect_golden(file, "one\ntwo\n");
  EXPECT_NONFATAL_FAILURE(expect_golden(file, "one\n2\n"), "line 2\n  stored: two\n  actual: 2");
  EXPECT_NONFATAL_FAILURE(expect_golden(file, "one\ntwo"), "final line break");
  EXPECT_NONFATAL_FAILURE(expect_golden(file, "one\n"), "actual: (end of file)");
  EXPECT_NONFATAL_FAILURE(expect_golden(directory / "none.txt", "x"), "there is no");
  EXPECT_EQ(read_bytes(file), "one\ntwo\n");
}

TEST(ExpectGolden, UpdatesOnlyWhenAskedAndSaysSo) {
  const TemporaryDirectory directory;
  const auto file = directory.write("g.txt", "old");
  ASSERT_EQ(::setenv("MOEPLAN_UPDATE_GOLDEN", "1", 1), 0);
  EXPECT_NONFATAL_FAILURE(expect_golden(file, "new"), "golden file rewritten");
  expect_golden(file, "new");  // equal now: nothing to say
  ASSERT_EQ(::unsetenv("MOEPLAN_UPDATE_GOLDEN"), 0);
  EXPECT_EQ(read_bytes(file), "new");
}

TEST(TemporaryDirectoryTest, IsFreshAndGoesAway) {
  std::filesystem::path path;
  {
    const TemporaryDirectory one;
    const TemporaryDirectory two;
    EXPECT_NE(one.path(), two.path());
    path = one.path();
    one.write("deep/er/file", "x");
    EXPECT_EQ(read_bytes(path / "deep/er/file"), "x");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_THROW(read_bytes(path / "absent"), std::runtime_error);
}

TEST(Locations, AreWhereTheySay) {
  EXPECT_TRUE(std::filesystem::exists(source_dir() / "CMakeLists.txt"));
  EXPECT_EQ(data_dir(), source_dir() / "models/data");
  const TemporaryDirectory directory;
  const char* before = std::getenv("MOEPLAN_SHARED");
  const std::string kept = before == nullptr ? "" : before;
  ASSERT_EQ(::setenv("MOEPLAN_SHARED", directory.path().c_str(), 1), 0);
  EXPECT_EQ(shared_dir(), directory.path());
  ASSERT_EQ(::setenv("MOEPLAN_SHARED", (directory / "absent").c_str(), 1), 0);
  EXPECT_EQ(shared_dir(), std::nullopt);
  if (before == nullptr) {
    ::unsetenv("MOEPLAN_SHARED");
  } else {
    ::setenv("MOEPLAN_SHARED", kept.c_str(), 1);
  }
}

}  // namespace
}  // namespace moeplan::tests
