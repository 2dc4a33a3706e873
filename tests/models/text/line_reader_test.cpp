// Are long files read line by line, rows with their numbers, and what is wrong located?

#include "models/text/line_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/text/csv_stream.hpp"
#include "models/text/json_lines.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::text {
namespace {

using testing::ElementsAre;
using tests::expect_input_error;

class Lines : public testing::Test {
 protected:
  std::filesystem::path file(const std::string& content) {
    return folder_.write("lines.txt", content);
  }
  std::vector<std::string> all(const std::string& content) {
    LineReader reader(file(content));
    std::vector<std::string> lines;
    while (reader.next()) {
      lines.emplace_back(reader.line());
      EXPECT_EQ(reader.number(), static_cast<int>(lines.size()));
    }
    return lines;
  }
  tests::TemporaryDirectory folder_;
};

TEST_F(Lines, EndsOfLines) {
  EXPECT_THAT(all("a\nb\n"), ElementsAre("a", "b"));
  EXPECT_THAT(all("a\r\nb"), ElementsAre("a", "b"));
  EXPECT_THAT(all("a\n\n"), ElementsAre("a", ""));
  EXPECT_THAT(all("\n"), ElementsAre(""));
}

// Pieces are 1 MiB: lines cross their borders.
TEST_F(Lines, CrossThePiecesOfALargeFile) {
  std::string content;
  for (int i = 0; i < 300'000; ++i) {
    content += std::to_string(i) + "\n";
  }
  const std::vector<std::string> lines = all(content);
  ASSERT_EQ(lines.size(), 300'000u);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    ASSERT_EQ(lines[i], std::to_string(i));
  }
}

TEST_F(Lines, WrongBytesAreLocatedAlsoInLaterPieces) {
  const std::string before(std::size_t{3} << 20, 'x');
  std::string lines;
  for (std::size_t i = 0; i < before.size(); i += 1024) {
    lines += before.substr(i, 1023) + "\n";  // 3072 lines of 1024 bytes
  }
  expect_input_error([&] { all(lines + "ab\xFF\n"); }, "E_ENCODING", "lines.txt:3073:3",
                     "offset 3145730");
  expect_input_error([&] { all(lines + std::string("a\0b\n", 4)); }, "E_ENCODING", ":3073:2",
                     "NUL byte at offset 3145729");
  expect_input_error([&] { all(lines + "a\x01\n"); }, "E_SYNTAX", ":3073:2");
  expect_input_error([&] { all(lines + "a\rb\n"); }, "E_SYNTAX", ":3073:2", "without a line feed");
  expect_input_error([&] { all("a\r"); }, "E_SYNTAX", ":1:2");
  EXPECT_EQ(all(lines + "\xC3\xA9\n").back(), "\xC3\xA9");
}

TEST_F(Lines, FilesThatAreNone) {
  expect_input_error([&] { all(""); }, "E_ENCODING", "empty");
  expect_input_error(
      [&] {
        all("\xEF\xBB\xBF"
            "a\n");
      },
      "E_ENCODING", "byte order mark");
  expect_input_error([&] { LineReader(folder_ / "nowhere"); }, "E_IO", "No such file");
  expect_input_error([&] { LineReader(folder_.path()); }, "E_IO", "Is a directory");
  expect_input_error([&] { all(std::string(std::size_t{3} << 20, 'x')); }, "E_LIMIT", ":1",
                     "1 MiB");
}

TEST_F(Lines, CsvRows) {
  LineReader lines(file("a,b\r\n1,\"x, \"\"y\"\"\"\r\n-3,\r\n\r\n"));
  lines.next();
  CsvStream rows(lines);
  EXPECT_THAT(rows.columns(), ElementsAre("a", "b"));
  EXPECT_EQ(rows.find("c"), std::nullopt);
  expect_input_error([&] { rows.column("c"); }, "E_MISSING", "lines.txt:1", "columns a, b");
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.cell(1), "x, \"y\"");
  EXPECT_EQ(rows.count(0), 1);
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.line(), 3);
  expect_input_error([&] { rows.count(0); }, "E_RANGE", "lines.txt:3", "column 'a'", "'-3'");
  EXPECT_EQ(rows.count(0, kAny), -3);
  expect_input_error([&] { rows.count(1); }, "E_TYPE", "column 'b'");
  EXPECT_FALSE(rows.next());
}

TEST_F(Lines, CsvRowsThatAreRagged) {
  LineReader lines(file("a,b\n1,2,3\n"));
  lines.next();
  CsvStream rows(lines);
  expect_input_error([&] { rows.next(); }, "E_SYNTAX", "lines.txt:2", "3 in '1,2,3'", "2 cells");
}

TEST_F(Lines, JsonRows) {
  LineReader lines(file("{\"a\": 1}\n{\"a\": [2, 3]}\n{\"a\": }\n"));
  lines.next();
  JsonLines rows(lines);
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.row().find("a")->scalar, "1");
  ASSERT_TRUE(rows.next());
  EXPECT_EQ(rows.row().find("a")->items.size(), 2u);
  expect_input_error([&] { rows.next(); }, "E_SYNTAX", "lines.txt:3:");
}

}  // namespace
}  // namespace moeplan::text
