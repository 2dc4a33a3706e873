// Is the page one file that needs nothing else, small, and safe whatever its strings hold?

#include "sim/report/html/page.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "models/text/load.hpp"
#include "tests/sim/report/html/planned.hpp"

namespace moeplan::sim {
namespace {

using tests::planned;
using tests::with_strings;

constexpr const char* kWithout = "built without npm: nothing draws here";
constexpr const char* kHostile =
    "</script></style><img src=x onerror=\"document.title='taken'\"><!--&'\"{{7*7}}\\u003c ";

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
    ++found;
  }
  return found;
}

TEST(Page, IsOneSmallFileWithoutAddresses) {
  if (!can_draw()) {
    GTEST_SKIP() << kWithout;
  }
  const std::string page = html_page(report_content(planned()), "1.2.3");
  EXPECT_LT(page.size(), 2'000'000U);
  EXPECT_THAT(page, testing::StartsWith("<!DOCTYPE html>"));
  EXPECT_EQ(count(page, "<link"), 0U);
  EXPECT_EQ(count(page, "<iframe"), 0U);
  EXPECT_EQ(count(page, "<script src"), 0U);
  EXPECT_EQ(count(page, "sourceMappingURL"), 0U);
  EXPECT_THAT(page, testing::HasSubstr("default-src 'none'"));
}

// One cell that is no number keeps its column to the left, as a whole. On paper, a heading, its
// sentence and its figure are in one box, which no page break cuts.
TEST(Page, ColumnsAlignAsAWholeAndFiguresStayWhole) {
  if (!can_draw()) {
    GTEST_SKIP() << kWithout;
  }
  ReportContent content;
  content.figures.push_back({"some",
                             "Some",
                             "Numbers.",
                             text::Json(),
                             {{"what", "count", "mixed"}, {{"a", "1", "2"}, {"b", "-3", "x"}}}});
  const std::string page = html_page(content, "1.2.3");
  EXPECT_THAT(page, testing::HasSubstr("<td class=\"number\">1</td><td>2</td>"));
  EXPECT_THAT(page, testing::HasSubstr("<td class=\"number\">-3</td><td>x</td>"));
  EXPECT_THAT(page, testing::HasSubstr("<section id=\"some\">\n<div class=\"whole\">\n<h2>"));
  EXPECT_THAT(page, testing::HasSubstr(".whole, .warnings { break-inside: avoid-page; }"));
}

TEST(Page, HasATableUnderEveryFigureAndItsProvenance) {
  if (!can_draw()) {
    GTEST_SKIP() << kWithout;
  }
  const ReportContent content = report_content(planned());
  const std::string page = html_page(content, "1.2.3");
  for (const ReportFigure& figure : content.figures) {
    EXPECT_THAT(page, testing::HasSubstr("<section id=\"" + figure.id + "\">"));
  }
  EXPECT_EQ(count(page, "<div class=\"scroll\"><table>"), content.figures.size() + 1)
      << "and the provenance";
  EXPECT_THAT(page, testing::HasSubstr(
                        tests::value_at(planned().root, "provenance/scenario_sha256").scalar));
  EXPECT_THAT(page, testing::HasSubstr("price_as_of"));
}

TEST(Page, StringsOfUsersEndNothing) {
  if (!can_draw()) {
    GTEST_SKIP() << kWithout;
  }
  const std::string plain = html_page(report_content(planned()), "1.2.3");
  const std::string page =
      html_page(report_content(with_strings(planned(), kHostile)), "1.2.3</script>");
  EXPECT_EQ(count(page, "</script>"), count(plain, "</script>"));
  EXPECT_EQ(count(page, "</style>"), 1U);
  EXPECT_EQ(count(page, "<img"), count(plain, "<img")) << "one stands in a library's text";
  EXPECT_EQ(count(page, "<!--"), count(plain, "<!--"));
  EXPECT_THAT(page, testing::HasSubstr("&lt;/script&gt;")) << "it is shown as it was written";
}

TEST(Page, SpecsAreSavedAsTheyAreDrawn) {
  const ReportContent content = report_content(with_strings(planned(), kHostile));
  const std::vector<SpecFile> files = spec_files(content);
  ASSERT_EQ(files.size(), content.figures.size());
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_TRUE(std::regex_match(files[i].name, std::regex("[a-z_]+\\.vl\\.json")));
    const text::Document spec = text::parse_json(files[i].text, files[i].name);
    EXPECT_THAT(tests::value_at(spec.root, "$schema").scalar, testing::HasSubstr("vega-lite/v6"));
    EXPECT_EQ(tests::value_at(spec.root, "title").scalar, content.figures[i].title);
  }
}

}  // namespace
}  // namespace moeplan::sim
