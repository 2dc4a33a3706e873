// Does every law have its row in COVERAGE.md, and does every test named there exist?

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "models/text/load.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::tests {
namespace {

constexpr int kLaws = 32;

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(' ');
  return begin == std::string::npos ? std::string()
                                    : text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

// "file.cpp Suite.Name"
void expect_there(const std::string& entry) {
  const std::size_t space = entry.find(' ');
  const std::size_t dot = entry.rfind('.');
  ASSERT_TRUE(space != std::string::npos && dot > space) << entry;
  const std::string source = text::read_file(source_dir() / "tests" / entry.substr(0, space));
  const std::string test =
      "(" + entry.substr(space + 1, dot - space - 1) + ", " + entry.substr(dot + 1) + ")";
  EXPECT_NE(source.find(test), std::string::npos) << "no test " << test << " in " << entry;
}

TEST(LawCoverage, EveryLawHasItsTestsOrWaits) {
  std::istringstream lines(text::read_file(source_dir() / "tests/laws/COVERAGE.md"));
  int laws = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("| ") || line.starts_with("| law")) {
      continue;
    }
    EXPECT_TRUE(line.starts_with("| " + std::to_string(++laws) + " |")) << line;
    const std::size_t end = line.rfind(" |");
    std::istringstream held(line.substr(line.rfind("| ", end - 1) + 2, end));
    for (std::string entry; std::getline(held, entry, ';');) {
      entry = trimmed(entry.substr(0, entry.find('|')));
      if (!entry.starts_with("waiting: ")) {
        expect_there(entry);
      }
    }
  }
  EXPECT_EQ(laws, kLaws);
}

}  // namespace
}  // namespace moeplan::tests
