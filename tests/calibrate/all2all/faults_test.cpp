// Does a sweep over ranks outlive killed and hanging ranks, a killed parent and a full disk?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <functional>
#include <set>
#include <thread>
#include <tuple>

#include "calibrate/measurement/combined_point.hpp"
#include "tests/calibrate/all2all/ranks.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::calibrate {
namespace {

using testing::HasSubstr;

const std::string kProgram = MOEPLAN_MEASURE_PROGRAM;

void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(20)); }

std::vector<std::string> sweep(const std::string& journal, const std::string& longest = "60 s") {
  return {kProgram,          "all2all", "--launcher", tests::launcher(2),
          "--launches",      "2",       "--visits",   "1",
          "--budget",        "3 s",     "--kinds",    "all2allv",
          "--patterns",      "uniform", "--smallest", "1 KiB",
          "--largest",       "16 KiB",  "--start",    "barrier",
          "--point-timeout", longest,   "--journal",  journal};
}

std::vector<pid_t> ranks_of(const std::string& journal) {
  std::vector<pid_t> out;
  for (const pid_t pid : tests::processes_with({kProgram, "--worker", journal, "--launch"})) {
    char link[4096] = {};  // mpirun has the same words
    if (::readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), link, sizeof link - 1) > 0 &&
        kProgram == link) {
      out.push_back(pid);
    }
  }
  return out;
}

bool none_left(const std::string& journal) {
  for (int i = 0; i < 500; ++i) {
    if (tests::processes_with({"--worker", journal}).empty()) {
      return true;
    }
    pause();
  }
  return false;
}

std::size_t records_in(const std::string& journal) {
  try {
    return read_journal(journal).records.size();
  } catch (const std::exception&) {
    return 0;  // not begun
  }
}

void expect_complete(const std::string& journal) {
  const JournalContents contents = read_journal(journal, true);
  std::set<std::tuple<std::string, int, int>> visits;
  for (const PointRecord& record : contents.records) {
    visits.emplace(record.id, record.launch, record.visit);
  }
  EXPECT_EQ(visits.size(), 2 * contents.header.plan.size());
  EXPECT_EQ(contents.records.size(), visits.size());
}

// Runs `meddle` beside the sweep until it returns true or the sweep ends.
int run_meddled(const std::vector<std::string>& command, const std::string& out,
                const std::function<bool()>& meddle) {
  std::atomic<bool> ended = false;
  std::thread other([&] {
    while (!ended && !meddle()) {
      pause();
    }
  });
  const int code = tests::run_into(command, out);
  ended = true;
  other.join();
  return code;
}

class Faults : public testing::Test {
 protected:
  void SetUp() override {
    if (!tests::why_no_ranks().empty()) {
      GTEST_SKIP() << tests::why_no_ranks();
    }
  }
  tests::TemporaryDirectory directory_;
  const std::string journal_ = (directory_ / "j").string();
  const std::string out_ = (directory_ / "out").string();
};

TEST_F(Faults, ARankThatDiesEveryTimeFailsItsPointAndNoOther) {
  const int code = run_meddled(sweep(journal_), out_, [&] {
    if (records_in(journal_) > 0) {
      return true;  // the first visit has been given up
    }
    const std::vector<pid_t> ranks = ranks_of(journal_);
    if (ranks.size() == 2) {
      ::kill(ranks[1], SIGKILL);
    }
    return false;
  });
  ASSERT_EQ(code, 0) << tests::read_bytes(out_);
  expect_complete(journal_);
  const JournalContents contents = read_journal(journal_);
  EXPECT_EQ(contents.records[0].outcome.status, PointStatus::failed);
  EXPECT_THAT(contents.records[0].outcome.reason, HasSubstr("3 times"));
  for (std::size_t i = 1; i < contents.records.size(); ++i) {
    EXPECT_EQ(contents.records[i].outcome.status, PointStatus::measured);
  }
  EXPECT_THAT(tests::read_bytes(out_), HasSubstr("failed"));  // the notes say so
  EXPECT_TRUE(none_left(journal_));
}

TEST_F(Faults, ARankThatHangsIsEndedAndItsPointTriedAgain) {
  bool stopped = false;
  const int code = run_meddled(sweep(journal_, "4 s"), out_, [&] {
    const std::vector<pid_t> ranks = ranks_of(journal_);
    if (records_in(journal_) < 1 || ranks.size() != 2) {
      return false;
    }
    stopped = ::kill(ranks[1], SIGSTOP) == 0;
    return true;
  });
  EXPECT_TRUE(stopped);
  ASSERT_EQ(code, 0) << tests::read_bytes(out_);
  expect_complete(journal_);
  EXPECT_TRUE(none_left(journal_));
}

TEST_F(Faults, AKilledParentLeavesNoRankAndIsResumed) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::_exit(tests::run_into(sweep(journal_), out_));
  }
  for (int i = 0; i < 3000 && records_in(journal_) < 2; ++i) {
    pause();
  }
  ASSERT_GE(records_in(journal_), 2U);
  const std::vector<pid_t> all = tests::processes_with({kProgram, journal_});
  for (const pid_t pid : all) {
    const std::vector<pid_t> workers = tests::processes_with({"--worker", journal_});
    if (std::find(workers.begin(), workers.end(), pid) == workers.end()) {
      ::kill(pid, SIGKILL);  // the sweep itself
    }
  }
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(none_left(journal_));
  const std::string before = tests::read_bytes(journal_);
  const std::int64_t good = read_journal(journal_).good_bytes;
  ASSERT_EQ(tests::run_into(sweep(journal_), out_), 0) << tests::read_bytes(out_);
  // What was finished is as it was, and every visit is there once, as without the kill.
  EXPECT_EQ(tests::read_bytes(journal_).substr(0, static_cast<std::size_t>(good)),
            before.substr(0, static_cast<std::size_t>(good)));
  expect_complete(journal_);
}

TEST_F(Faults, AFullDiskEndsWithSixAndAWholeJournal) {
  const std::string small = (directory_ / "small").string();
  ASSERT_EQ(::mkdir(small.c_str(), 0700), 0);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=8k") != 0) {
    GTEST_SKIP() << "no tmpfs may be mounted here";
  }
  const std::string journal = small + "/j";
  const int code = tests::run_into(sweep(journal), out_);
  EXPECT_EQ(code, 6) << tests::read_bytes(out_);
  EXPECT_THAT(tests::read_bytes(out_), HasSubstr(journal));
  const JournalContents contents = read_journal(journal, true);
  EXPECT_FALSE(contents.torn);
  EXPECT_TRUE(none_left(journal));
  ::mount("tmpfs", small.c_str(), "tmpfs", MS_REMOUNT, "size=1m");
  EXPECT_EQ(tests::run_into(sweep(journal), out_), 0) << tests::read_bytes(out_);
  expect_complete(journal);
  ::umount(small.c_str());
}

}  // namespace
}  // namespace moeplan::calibrate
