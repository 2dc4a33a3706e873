// Does a journal keep what was finished, whatever happens to it?
#include "calibrate/measurement/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <system_error>

#include "models/text/crc32.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::calibrate {
namespace {

using testing::HasSubstr;
using tests::expect_input_error;

JournalHeader header() {
  JournalHeader out;
  out.what = "kernels fake";
  out.seed = 7;
  out.launches = 3;
  out.visits = 2;
  out.budget_s = 60.0;
  out.fingerprint = {{"cpu", "fake"}, {"kernel", "Linux \"6\""}};
  out.settings = {{"threads", "2"}};
  out.plan = {"a", "b"};
  return out;
}

PointRecord record(const std::string& id, int launch, int visit) {
  return {id,
          launch,
          visit,
          {.reason = "", .samples = {0.1, 1.0 / 3.0}, .flags = {"unconverged"}, .spent_s = 0.5}};
}

class JournalTest : public testing::Test {
 protected:
  void write(const std::vector<PointRecord>& records) {
    Journal journal(path_, header());
    for (const PointRecord& point : records) {
      journal.append(point);
    }
  }
  void append_bytes(const std::string& bytes) {
    std::ofstream(path_, std::ios::binary | std::ios::app) << bytes;
  }

  tests::TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_ / "points.jsonl";
};

TEST(Crc32, IsTheOneOfGzip) {
  EXPECT_EQ(text::crc32("123456789"),
            0xCBF43926u);  // the check value of the polynomial's catalogue
  EXPECT_EQ(text::crc32(""), 0u);
}

TEST_F(JournalTest, ReadsWhatWasWritten) {
  PointRecord failed = record("b", 0, 1);
  failed.outcome = {.status = PointStatus::failed,
                    .reason = "line\n\"quoted\"",
                    .samples = {},
                    .discarded_throttle = 4,
                    .flags = {}};
  write({record("a", 0, 0), failed});
  const JournalContents found = read_journal(path_);
  EXPECT_EQ(found.header.what, "kernels fake");
  EXPECT_EQ(found.header.seed, 7U);
  EXPECT_EQ(found.header.fingerprint, header().fingerprint);
  EXPECT_EQ(found.header.settings, header().settings);
  EXPECT_EQ(found.header.plan, header().plan);
  ASSERT_EQ(found.records.size(), 2U);
  EXPECT_EQ(found.records[0].outcome.samples, (std::vector<double>{0.1, 1.0 / 3.0}));
  EXPECT_EQ(found.records[0].outcome.flags, std::vector<std::string>{"unconverged"});
  EXPECT_EQ(found.records[1].outcome.status, PointStatus::failed);
  EXPECT_EQ(found.records[1].outcome.reason, "line\n\"quoted\"");
  EXPECT_EQ(found.records[1].outcome.discarded_throttle, 4);
  EXPECT_FALSE(found.torn);
}

TEST_F(JournalTest, GoesOnWithItsOwnPlan) {
  write({record("a", 0, 0)});
  JournalHeader again = header();
  again.plan = {"c"};  // a newer program may plan otherwise
  Journal journal(path_, again);
  EXPECT_EQ(journal.header().plan, header().plan);
  EXPECT_TRUE(journal.has("a", 0, 0));
  EXPECT_FALSE(journal.has("a", 0, 1));
  EXPECT_FALSE(journal.has("b", 0, 0));
}

TEST_F(JournalTest, RefusesAnotherSweep) {
  write({});
  JournalHeader other = header();
  other.fingerprint["cpu"] = "another";
  other.settings["threads"] = "4";
  expect_input_error([&] { Journal journal(path_, other); }, "E_VALUE", "points.jsonl",
                     "cpu 'fake' there, 'another' here", "threads '2' there, '4' here");
  other = header();
  other.settings["precision"] = "fp32";
  expect_input_error([&] { Journal journal(path_, other); }, "E_VALUE",
                     "precision 'nothing' there, 'fp32' here");
}

TEST_F(JournalTest, ASecondWriterIsRefused) {
  const Journal first(path_, header());
  expect_input_error([&] { Journal second(path_, header()); }, "E_VALUE", "another process");
}

TEST_F(JournalTest, ATornLastLineIsDroppedAndCutOff) {
  write({record("a", 0, 0), record("b", 0, 0)});
  const std::string whole = tests::read_bytes(path_);
  const std::size_t last = whole.rfind('\n', whole.size() - 2) + 1;
  for (const std::size_t kept : {last + 1, last + 20, whole.size() - 1}) {
    directory_.write("points.jsonl", whole.substr(0, kept));
    EXPECT_TRUE(read_journal(path_).torn) << kept;
    EXPECT_EQ(read_journal(path_).records.size(), 1U) << kept;
    expect_input_error([&] { read_journal(path_, true); }, "E_CHECKSUM",
                       "from byte " + std::to_string(last));
    write({record("b", 0, 0)});
    EXPECT_EQ(tests::read_bytes(path_), whole) << kept;
  }
}

TEST_F(JournalTest, ATornHeaderBeginsAnew) {
  write({});
  const std::string whole = tests::read_bytes(path_);
  directory_.write("points.jsonl", whole.substr(0, whole.size() / 2));
  write({});
  EXPECT_EQ(tests::read_bytes(path_), whole);
}

TEST_F(JournalTest, EveryFlippedBitOfAWholeLineIsFound) {
  write({record("a", 0, 0), record("b", 0, 0)});
  const std::string whole = tests::read_bytes(path_);
  const std::size_t begin = whole.find('\n') + 1;
  const std::size_t end = whole.find('\n', begin);
  for (std::size_t at = begin; at < end; at += 7) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x01);
    directory_.write("points.jsonl", flipped);
    expect_input_error([&] { read_journal(path_); }, "E_CHECKSUM", "points.jsonl:2:1",
                       "from byte " + std::to_string(begin));
  }
}

TEST_F(JournalTest, AVisitTwiceIsAnError) {
  write({record("a", 0, 0), record("a", 0, 0)});
  expect_input_error([&] { read_journal(path_); }, "E_DUPLICATE", ":3:1", "a launch 0 visit 0");
}

TEST_F(JournalTest, AMissingFileIsAnError) {
  expect_input_error([&] { read_journal(directory_ / "none"); }, "E_IO", "none");
}

TEST_F(JournalTest, AFullDiskLeavesTheLastWholeLineAndNamesThePath) {
  write({record("a", 0, 0)});
  const std::string before = tests::read_bytes(path_);
  Journal journal(path_, header());
  // The limit on file sizes stands for a full disk: the write comes back short, then fails.
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  struct rlimit old {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  struct rlimit small = old;
  small.rlim_cur = before.size() + 10;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string said;
  try {
    journal.append(record("b", 0, 0));
  } catch (const std::system_error& error) {
    said = error.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);
  EXPECT_THAT(said, HasSubstr("points.jsonl"));
  EXPECT_THAT(said, HasSubstr(" bytes"));
  EXPECT_EQ(tests::read_bytes(path_), before);
  EXPECT_FALSE(journal.has("b", 0, 0));
}

}  // namespace
}  // namespace moeplan::calibrate
