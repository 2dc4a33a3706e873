// Does what was finished stay, once and as it was, in journals and in the store?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <limits>

#include "sim/sweep/merge.hpp"
#include "sim/sweep/sweep_journal.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::expect_input_error;

SweepInfo info() {
  return {.version = "test",
          .scenario = "s.yaml",
          .digest = std::string(64, 'a'),
          .tasks = 4,
          .columns = {{"workload.rate_per_s", CellType::real},
                      {"odd \"name\", one", CellType::text},
                      {"gpus", CellType::integer},
                      {"accuracy_distinguishable", CellType::boolean}}};
}

Row row(std::int64_t task) {
  return {.task = task,
          .id = "id" + std::to_string(task),
          .cells = {0.1 * static_cast<double>(task), "a,\"b\"\n", task * 1000, task % 2 == 0}};
}

std::vector<Row> rows_in(const std::filesystem::path& file) {
  std::vector<Row> rows;
  read_results(
      file, [](const SweepInfo&) {}, [&](const Row& r) { rows.push_back(r); });
  return rows;
}

class Results : public testing::Test {
 protected:
  std::filesystem::path journal(const std::string& name, const std::vector<Row>& rows,
                                const SweepInfo& of = info()) const {
    const std::filesystem::path path = folder_ / name;
    SweepJournal out(path, of);
    for (const Row& r : rows) {
      out.append(r);
    }
    return path;
  }
  std::filesystem::path store(const std::vector<Row>& rows) const {
    const std::filesystem::path path = folder_ / "results.sqlite";
    ResultStore out(path, ResultStore::Mode::write);
    out.begin(info());
    for (const Row& r : rows) {
      out.add(r);
    }
    out.commit();
    return path;
  }
  tests::TemporaryDirectory folder_;
};

// Numbers whose shortest text is not what a person would write, absent cells, odd text.
TEST_F(Results, ComeBackToTheBit) {
  Row odd = row(1);
  odd.cells = {0.1 + 0.2, Cell(), std::numeric_limits<std::int64_t>::min() / 2048, Cell()};
  Row small = row(2);
  small.cells[0] = 5e-324;
  const std::vector<Row> rows = {row(0), odd, small};
  EXPECT_EQ(rows_in(journal("j.jsonl", rows)), rows);
  EXPECT_EQ(rows_in(store(rows)), rows);
}

TEST_F(Results, AreWrittenAsTheEcosystemReadsThem) {
  ResultStore out(store({row(2), row(1)}), ResultStore::Mode::read);
  EXPECT_EQ(export_csv(out),
            "task,id,workload.rate_per_s,\"odd \"\"name\"\", one\",gpus,accuracy_distinguishable\n"
            "1,id1,0.1,\"a,\"\"b\"\"\n\",1000,false\n"
            "2,id2,0.2,\"a,\"\"b\"\"\n\",2000,true\n");
  EXPECT_THAT(export_jsonl(out),
              HasSubstr("{\"task\": 1, \"id\": \"id1\", \"workload.rate_per_s\": 0.1, "
                        "\"odd \\\"name\\\", one\": \"a,\\\"b\\\"\\n\""));
  EXPECT_EQ(completeness(out), "2 of 4 points; missing: 0, 3");
  EXPECT_THAT(out.missing(1), ElementsAre(0));
}

TEST_F(Results, MergeInAnyOrderAnyNumberOfTimes) {
  const auto a = journal("a.jsonl", {row(3), row(0)});
  const auto b = journal("b.jsonl", {row(1), row(0)});
  ResultStore once = ResultStore::temporary();
  merge_into(once, {a, b});
  ResultStore often(folder_ / "often.sqlite", ResultStore::Mode::write);
  for (int i = 0; i < 3; ++i) {
    merge_into(often, {b, a, b});
  }
  merge_into(often, {folder_ / "often.sqlite"});  // itself
  EXPECT_EQ(often.count(), 3);
  EXPECT_EQ(export_csv(once), export_csv(often));
}

TEST_F(Results, TwoResultsOfOneTaskAreRefusedAndNothingIsAdded) {
  Row other = row(0);
  other.cells[0] = 7.0;
  const auto a = journal("a.jsonl", {row(0)});
  const auto b = journal("b.jsonl", {row(1), other});
  {
    ResultStore out(folder_ / "out.sqlite", ResultStore::Mode::write);
    merge_into(out, {a});
    expect_input_error([&] { merge_into(out, {b}); }, "E_VALUE", "two different results", "task 0");
  }
  const ResultStore again(folder_ / "out.sqlite", ResultStore::Mode::read);
  EXPECT_EQ(again.count(), 1);
}

TEST_F(Results, OfAnotherSweepAreRefused) {
  SweepInfo other = info();
  other.digest = std::string(64, 'b');
  const auto a = journal("a.jsonl", {row(0)});
  const auto b = journal("b.jsonl", {row(0)}, other);
  ResultStore out = ResultStore::temporary();
  expect_input_error([&] { merge_into(out, {a, b}); }, "E_VALUE", "b.jsonl", "another sweep");
  expect_input_error([&] { SweepJournal(a, other); }, "E_VALUE", "a.jsonl", "another sweep");
  other = info();
  other.version = "newer";
  expect_input_error([&] { SweepJournal(a, other); }, "E_VALUE", "version test there, newer here");
  ResultStore kept(store({row(0)}), ResultStore::Mode::write);
  expect_input_error([&] { kept.begin(other); }, "E_VALUE", "results.sqlite", "another sweep");
}

// A kill tears the line it was writing; wherever, the lines before it stay and the sweep goes on.
TEST_F(Results, ATornLineIsCutOffWhereverItWasTorn) {
  const std::string whole = tests::read_bytes(journal("j.jsonl", {row(0), row(1)}));
  const std::size_t header = whole.find('\n') + 1;
  const std::size_t second = whole.find('\n', header) + 1;
  for (std::size_t bytes = 0; bytes < whole.size(); bytes += 7) {
    const auto path = folder_.write("torn.jsonl", whole.substr(0, bytes));
    const std::size_t rows = bytes < second ? 0 : 1;
    {
      SweepJournal out(path, info());
      out.append(row(3));
    }
    EXPECT_EQ(rows_in(path).size(), rows + 1) << bytes;
    EXPECT_EQ(rows_in(path).back(), row(3));
  }
}

TEST_F(Results, AFlippedBitIsFoundWithItsPlace) {
  const std::string whole = tests::read_bytes(journal("j.jsonl", {row(0), row(1)}));
  const std::size_t header = whole.find('\n') + 1;
  for (std::size_t at = header + 12; at + 1 < whole.size(); at += 11) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    if (flipped[at] == '\n' || whole[at] == '\n') {
      continue;
    }
    const auto path = folder_.write("flipped.jsonl", flipped);
    expect_input_error([&] { rows_in(path); }, "E_CHECKSUM", "flipped.jsonl:", "from byte");
  }
}

TEST_F(Results, OneWriterAtATime) {
  const std::filesystem::path path = folder_ / "j.jsonl";
  const SweepJournal first(path, info());
  expect_input_error([&] { SweepJournal(path, info()); }, "E_VALUE", "another process writes");
}

void make_database(const std::filesystem::path& path, const char* sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  EXPECT_EQ(sqlite3_exec(database, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
}

TEST_F(Results, ForeignFilesAreRefused) {
  const auto refused = [&](const std::filesystem::path& path, const std::string& part) {
    SCOPED_TRACE(path);
    expect_input_error([&] { ResultStore(path, ResultStore::Mode::read); }, "E_SCHEMA", part);
    const std::string before = tests::read_bytes(path);
    expect_input_error([&] { ResultStore(path, ResultStore::Mode::write); }, "E_SCHEMA", part);
    EXPECT_EQ(tests::read_bytes(path), before);
  };
  refused(folder_.write("notes.sqlite", "these are notes\n"), "no SQLite file");
  make_database(folder_ / "theirs.sqlite", "CREATE TABLE results (task, id)");
  refused(folder_ / "theirs.sqlite", "another program");
  // Ours by its header, but without our tables.
  make_database(folder_ / "empty.sqlite",
                "PRAGMA application_id = 1836017008; CREATE TABLE other (x)");
  refused(folder_ / "empty.sqlite", "no store");
  expect_input_error([&] { ResultStore(folder_ / "none.sqlite", ResultStore::Mode::read); }, "E_IO",
                     "none.sqlite");
  expect_input_error([&] { rows_in(folder_.write("x.csv", "task,id\n")); }, "E_SCHEMA",
                     "neither a journal nor a store");
}

TEST_F(Results, ADamagedStoreIsRefused) {
  std::vector<Row> many;
  for (std::int64_t task = 0; task < 4; ++task) {
    many.push_back(row(task));
    many.back().cells[1] = std::string(3000, 'x');
  }
  const std::string whole = tests::read_bytes(store(many));
  ASSERT_GT(whole.size(), 12288U);
  const auto refused = [&](const std::string& bytes) {
    const auto path = folder_.write("damaged.sqlite", bytes);
    try {
      ResultStore(path, ResultStore::Mode::read).for_each([](const Row&) {});
      ADD_FAILURE() << "accepted";
    } catch (const InputError& error) {
      EXPECT_THAT(error.problems().front().text(), HasSubstr("damaged.sqlite"));
    }
  };
  refused(whole.substr(0, 8192));  // cut off
  refused(whole.substr(0, 100));   // the header alone
  refused(whole.substr(0, 4096) + std::string(4096, '\xff') + whole.substr(8192));
  refused(whole.substr(0, 16) + std::string(whole.size() - 16, '\0'));
}

TEST_F(Results, TheFolderKnowsItsFiles) {
  const SweepFolder folder(folder_.path());
  EXPECT_TRUE(folder.files().empty());
  expect_input_error([&] { result_files(folder_.path()); }, "E_IO", "no results");
  expect_input_error([&] { result_files(folder_ / "nowhere"); }, "E_IO", "nothing is there");
  journal("shard-1-of-2.jsonl", {row(1)});
  journal("shard-0-of-2.jsonl", {row(0)});
  journal("others.jsonl", {row(2)});
  folder_.write("shard-3-of-4.jsonl", "");  // killed before its first line
  EXPECT_EQ(folder.journal({1, 2}), folder_ / "shard-1-of-2.jsonl");
  EXPECT_THAT(result_files(folder_.path()),
              ElementsAre(folder_ / "shard-0-of-2.jsonl", folder_ / "shard-1-of-2.jsonl"));
}

}  // namespace
}  // namespace moeplan::sim
