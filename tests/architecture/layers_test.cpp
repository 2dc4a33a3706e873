// The house rules applied to this tree (rules_test.cpp proves that each of them can fail). A
// failure lists every offending line as path:line: rule.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/architecture/rules.hpp"

namespace moeplan::architecture {
namespace {

const std::filesystem::path kRoot = MOEPLAN_ROOT;

// Sources under the layering table, and the tests, which may include anything.
const std::vector<SourceFile>& sources() {
  static const std::vector<SourceFile> kSources =
      read_source_files(kRoot, {"models", "sim", "calibrate", "app"});
  return kSources;
}

const std::vector<SourceFile>& tests() {
  static const std::vector<SourceFile> kTests = read_source_files(kRoot, {"tests"});
  return kTests;
}

std::string report(const std::vector<Violation>& violations) {
  std::string text;
  for (const Violation& violation : violations) {
    text += "\n" + violation.text();
  }
  return text;
}

// The violations are the message; GoogleTest would escape the line ends of a compared string.
testing::AssertionResult none(const std::string& text) {
  return text.empty() ? testing::AssertionSuccess() : testing::AssertionFailure() << text;
}

template <class Rule>
std::string apply(const std::vector<SourceFile>& files, Rule rule) {
  std::vector<Violation> all;
  for (const SourceFile& file : files) {
    const std::vector<Violation> found = rule(file);
    all.insert(all.end(), found.begin(), found.end());
  }
  return report(all);
}

// Other text files of the tree by name or ending, without the build folders.
std::vector<std::filesystem::path> files_below(const std::vector<std::string>& folders,
                                               const std::vector<std::string>& endings) {
  std::vector<std::filesystem::path> paths;
  for (const std::string& folder : folders) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot / folder)) {
      const std::string name = entry.path().filename().string();
      if (entry.is_regular_file() &&
          std::any_of(endings.begin(), endings.end(),
                      [&](const std::string& ending) { return name.ends_with(ending); })) {
        paths.push_back(entry.path());
      }
    }
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

std::string from_root(const std::filesystem::path& path) {
  return path.lexically_relative(kRoot).generic_string();
}

TEST(Layers, TheTreeIsSeen) {
  // An empty list would pass every rule: the unit types are always there.
  EXPECT_GT(sources().size(), 10U);
  EXPECT_TRUE(std::any_of(sources().begin(), sources().end(), [](const SourceFile& file) {
    return file.path == "models/units/quantity.hpp";
  }));
}

TEST(Layers, IncludesFollowTheTable) {
  std::set<std::string> known;
  for (const std::vector<SourceFile>* files : {&sources(), &tests()}) {
    for (const SourceFile& file : *files) {
      known.insert(file.path);
    }
  }
  EXPECT_TRUE(
      none(apply(sources(), [&](const SourceFile& file) { return check_includes(file, known); })));
}

TEST(Layers, NothingBelowAProgramPrintsOrExits) {
  EXPECT_TRUE(none(apply(sources(), check_output)));
}

TEST(Layers, NoRandomnessButTheEnginesStreams) {
  EXPECT_TRUE(none(apply(sources(), check_randomness)));
}

TEST(Layers, NoWallClockInTheSimulatedWorld) { EXPECT_TRUE(none(apply(sources(), check_clocks))); }

TEST(Layers, HeadersAndNamespacesHaveTheHouseForm) {
  EXPECT_TRUE(none(apply(sources(), check_form)));
}

TEST(Layers, SourcesAreShortAsciiAndNamedInSnakeCase) {
  EXPECT_TRUE(none(apply(sources(), check_text) + apply(tests(), check_text)));
}

TEST(Layers, BuildFilesAndScriptsAreShort) {
  std::vector<std::filesystem::path> paths =
      files_below({"models", "sim", "calibrate", "app", "tests", "cmake", ".ci"},
                  {"CMakeLists.txt", ".cmake", ".sh", ".awk", "run"});
  paths.push_back(kRoot / "CMakeLists.txt");
  paths.push_back(kRoot / "moeplan");
  for (const std::filesystem::path& path : paths) {
    EXPECT_LE(split_lines(read_text(path)).size(), 400U) << from_root(path);
  }
}

// Folders of tests/ mirror the tree and need no README of their own, the questions they answer do.
TEST(Layers, EveryFolderWithCodeHasAShortReadme) {
  std::set<std::string> folders;
  for (const SourceFile& file : sources()) {
    folders.insert(file.folder());
  }
  for (const SourceFile& file : tests()) {
    const std::string folder = file.folder();
    if (std::count(folder.begin(), folder.end(), '/') == 1) {
      folders.insert(folder);
    }
  }
  std::vector<Violation> all;
  for (const std::string& folder : folders) {
    const std::vector<Violation> found = check_readme(kRoot, folder);
    all.insert(all.end(), found.begin(), found.end());
  }
  EXPECT_TRUE(none(report(all)));
}

TEST(Layers, EveryDataFileHasASource) {
  if (!std::filesystem::exists(kRoot / "models/data")) {
    GTEST_SKIP() << "no models/data in this tree yet";
  }
  std::vector<Violation> all;
  for (const std::filesystem::path& path :
       files_below({"models/data"}, {".yaml", ".yml", ".json"})) {
    const std::vector<Violation> found = check_source_key(from_root(path), read_text(path));
    all.insert(all.end(), found.begin(), found.end());
  }
  EXPECT_TRUE(none(report(all)));
}

TEST(Layers, TheScriptInstallsWhatCMakeAsksFor) {
  const std::string script = read_text(kRoot / "moeplan");
  std::vector<std::filesystem::path> paths =
      files_below({"models", "sim", "calibrate", "app", "tests"}, {"CMakeLists.txt"});
  paths.push_back(kRoot / "CMakeLists.txt");
  std::vector<Violation> all;
  for (const std::filesystem::path& path : paths) {
    const std::vector<Violation> found = check_packages(from_root(path), read_text(path), script);
    all.insert(all.end(), found.begin(), found.end());
  }
  EXPECT_TRUE(none(report(all)));
}

}  // namespace
}  // namespace moeplan::architecture
