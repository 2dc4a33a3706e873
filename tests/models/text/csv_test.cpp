// CSV in: cells with their lines; what is wrong names row and column (tests.md C3 row 35).

#include "models/text/csv.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::text {
namespace {

using tests::expect_input_error;

template <class... Parts>
void expect_refused(const std::string& content, const std::string& code, const Parts&... parts) {
  expect_input_error([&] { CsvTable::parse(content, "t.csv"); }, code, parts...);
}

TEST(Csv, ReadsCellsWithTheirLines) {
  const CsvTable table = CsvTable::parse("name,tokens,rate\na,8,0.5\nb,9,1e3\n", "t.csv");
  EXPECT_EQ(table.columns(), (std::vector<std::string>{"name", "tokens", "rate"}));
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.cell(1, table.column("name")), "b");
  EXPECT_EQ(table.count(0, table.column("tokens")), 8);
  EXPECT_EQ(table.number(1, table.column("rate")), 1000.0);
  EXPECT_EQ(table.line(0), 2);
  EXPECT_EQ(table.line(1), 3);
  EXPECT_TRUE(table.has("rate"));
  EXPECT_FALSE(table.has("Rate"));
}

TEST(Csv, AcceptsWindowsLineEndsAndNoFinalLineBreak) {
  const CsvTable table = CsvTable::parse("a,b\r\n1,2\r\n3,4", "t.csv");
  ASSERT_EQ(table.rows(), 2u);
  EXPECT_EQ(table.columns()[1], "b");
  EXPECT_EQ(table.cell(0, 1), "2");
  EXPECT_EQ(table.cell(1, 1), "4");
  EXPECT_EQ(CsvTable::parse("a,b\n1,2\n\n\r\n", "t.csv").rows(), 1u);  // empty lines at the end
}

TEST(Csv, HeaderAloneHasNoRows) { EXPECT_EQ(CsvTable::parse("a,b\n", "t.csv").rows(), 0u); }

TEST(Csv, QuotesAsInRfc4180) {
  const CsvTable table = CsvTable::parse("\"a,1\",b\n\"x, \"\"y\"\"\",\"\"\n", "t.csv");
  EXPECT_EQ(table.columns()[0], "a,1");
  EXPECT_EQ(table.cell(0, 0), "x, \"y\"");
  EXPECT_EQ(table.cell(0, 1), "");
}

TEST(Csv, EmptyCellsCount) {
  const CsvTable table = CsvTable::parse("a,b,c\n,,\n", "t.csv");
  ASSERT_EQ(table.rows(), 1u);
  EXPECT_EQ(table.cell(0, 2), "");
  expect_input_error([&] { table.number(0, 2); }, "E_TYPE", "t.csv:2", "column 'c'", "''");
}

TEST(Csv, MissingColumnNamesTheColumns) {
  const CsvTable table = CsvTable::parse("input_tokens,output_tokens\n1,2\n", "t.csv");
  expect_input_error([&] { table.column("input_token"); }, "E_MISSING", "t.csv:1",
                     "the column 'input_token' is missing", "columns input_tokens, output_tokens",
                     "did you mean 'input_tokens'?");
}

TEST(Csv, RaggedRowsNameLineAndCounts) {
  expect_refused("a,b\n1,2\n3\n", "E_SYNTAX", "t.csv:3", "1 in '3'", "expected 2 cells");
  // A decimal comma or a thousands separator without quotes makes one cell too many.
  expect_refused("a,b\n1,2,5\n", "E_SYNTAX", "t.csv:2", "3 in '1,2,5'", "decimal comma");
  expect_refused("a,b\n1,2\n\n3,4\n", "E_SYNTAX", "t.csv:3", "an empty line");
}

TEST(Csv, WrongHeaders) {
  expect_refused("\na,b\n", "E_SYNTAX", "t.csv:1", "the header is empty");
  expect_refused("a,,c\n", "E_SYNTAX", "column 2 of the header has no name");
  expect_refused("a,b,a\n", "E_DUPLICATE", "'a' is there twice", "columns 1 and 3");
}

TEST(Csv, WrongQuotes) {
  expect_refused("a,b\n\"x\ny\",2\n", "E_SYNTAX", "t.csv:2:1", "line breaks inside quotes");
  expect_refused("a,b\n1,\"x\"y\n", "E_SYNTAX", "t.csv:2:6", "text after a closing quote");
  expect_refused("a,b\nx\"y,2\n", "E_SYNTAX", "t.csv:2", "a quote inside an unquoted cell");
}

TEST(Csv, WrongNumbers) {
  const CsvTable table = CsvTable::parse(
      "a\nnan\n****\n\"1,5\"\n\"1,234.5\"\n1e999\n-1\n8.5\nx\n9007199254740993\n-0\n", "t.csv");
  expect_input_error([&] { table.number(0, 0); }, "E_TYPE", "t.csv:2", "column 'a'", "'nan'",
                     "a finite number");
  expect_input_error([&] { table.number(1, 0); }, "E_TYPE", "t.csv:3", "'****'");
  expect_input_error([&] { table.number(2, 0); }, "E_TYPE", "'1,5'", "'.' as decimal mark");
  expect_input_error([&] { table.number(3, 0); }, "E_TYPE", "'1,234.5'", "no thousands separators");
  expect_input_error([&] { table.number(4, 0); }, "E_TYPE", "'1e999'");
  expect_input_error([&] { table.number(5, 0, kNonNegative); }, "E_RANGE", "t.csv:7", "'-1'",
                     "expected >= 0");
  EXPECT_EQ(table.number(5, 0), -1.0);
  expect_input_error([&] { table.count(5, 0); }, "E_RANGE", "'-1'", "a whole number >= 0");
  expect_input_error([&] { table.count(6, 0); }, "E_TYPE", "t.csv:8", "'8.5'", "a whole number");
  expect_input_error([&] { table.count(7, 0); }, "E_TYPE", "'x'");
  expect_input_error([&] { table.count(8, 0); }, "E_OVERFLOW", "t.csv:10", "9007199254740992");
  expect_input_error([&] { table.number(9, 0, kPositive); }, "E_RANGE", "'-0'", "> 0");
}

TEST(Csv, LoadsFiles) {
  const tests::TemporaryDirectory directory;
  const auto path = directory.write("t.csv", "a\n1\n");
  EXPECT_EQ(CsvTable::load(path).count(0, 0), 1);
  EXPECT_EQ(CsvTable::load(path).file(), path.string());
}

TEST(Csv, AbsentCellsAreABug) {
  const CsvTable table = CsvTable::parse("a\n1\n", "t.csv");
  EXPECT_THROW(table.cell(1, 0), std::logic_error);
  EXPECT_THROW(table.cell(0, 1), std::logic_error);
}

}  // namespace
}  // namespace moeplan::text
