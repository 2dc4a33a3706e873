#pragma once
// A browser that opens a report, and what it drew. Needs Chromium; tests are skipped where there is
// none, and in builds without npm.

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "models/text/node.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {

// Nothing for a key that is not there, or no number.
std::optional<double> number_if(const text::Node& node, const std::string& key);

// "" when there is none in the PATH.
std::string find_chromium();

class Browser : public testing::Test {
 protected:
  void SetUp() override;

  // The page as a browser shows it, without any network: {problems[], title, images, shown (of the
  // notice of a problem), drawings, figures[] {id, marks[] {layer, type, datum, and x, y, width,
  // height read back through the scales, in units of the data}}}.
  text::Document open(std::string page) const;

  TemporaryDirectory folder_;
  std::string chromium_ = find_chromium();
};

// Every figure of the page is drawn, without a word on the console, where its saved spec says.
void expect_all_drawn(const text::Document& check, const std::filesystem::path& specs,
                      std::size_t figures_wanted);

}  // namespace moeplan::tests
