// Is every planned visit made once, in an order that is the same in every run?
#include "calibrate/measurement/sweep.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <set>
#include <thread>
#include <tuple>

#include "calibrate/measurement/budget.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "tests/calibrate/measurement/fake_timer.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::calibrate {
namespace {

using testing::ElementsAre;
using testing::Not;
using testing::UnorderedElementsAreArray;
using tests::FakeCase;
using tests::FakeClock;

using VisitKey = std::tuple<std::string, int, int>;

JournalHeader header(std::vector<std::string> plan, int launches = 2) {
  JournalHeader out;
  out.what = "fake";
  out.seed = 11;
  out.launches = launches;
  out.visits = 2;
  out.plan = std::move(plan);
  return out;
}

std::vector<std::string> letters(int n) {
  std::vector<std::string> ids;
  for (int i = 0; i < n; ++i) {
    ids.emplace_back(1, static_cast<char>('a' + i));
  }
  return ids;
}

std::set<VisitKey> visits_of(const std::filesystem::path& path) {
  std::set<VisitKey> keys;
  for (const PointRecord& record : read_journal(path).records) {
    keys.insert({record.id, record.launch, record.visit});
  }
  return keys;
}

class SweepTest : public testing::Test {
 protected:
  MadeCase make(const std::string& /*id*/) {
    return std::make_unique<FakeCase>(clock_, [](int) { return 0.010; });
  }
  LaunchEnd run(Journal& journal, int launch, const LaunchOptions& options = {}) {
    return run_launch(
        journal, launch, [this](const std::string& id) { return make(id); }, options, clock_);
  }

  FakeClock clock_;
  tests::TemporaryDirectory directory_;
  std::filesystem::path path_ = directory_ / "points.jsonl";
};

TEST(VisitOrder, IsAPermutationThatSeedLaunchAndVisitChoose) {
  const JournalHeader h = header(letters(20));
  const auto order = visit_order(h, 0, 0);
  EXPECT_THAT(order, UnorderedElementsAreArray(h.plan));
  EXPECT_EQ(order, visit_order(h, 0, 0));
  EXPECT_NE(order, h.plan);
  EXPECT_NE(order, visit_order(h, 0, 1));
  EXPECT_NE(order, visit_order(h, 1, 0));
  JournalHeader other = h;
  other.seed = 12;
  EXPECT_NE(order, visit_order(other, 0, 0));
}

TEST_F(SweepTest, EveryPointIsVisitedTwiceInEveryLaunch) {
  Journal journal(path_, header(letters(3)));
  EXPECT_EQ(run(journal, 0), LaunchEnd::finished);
  EXPECT_EQ(run(journal, 1), LaunchEnd::finished);
  EXPECT_EQ(visits_of(path_).size(), 12U);  // 3 points, 2 launches, 2 visits
}

TEST_F(SweepTest, AStopFinishesThePointThatRuns) {
  Journal journal(path_, header(letters(3)));
  int asked = 0;
  LaunchOptions options;
  options.stop = [&] { return ++asked > 2; };
  EXPECT_EQ(run(journal, 0, options), LaunchEnd::stopped);
  EXPECT_EQ(journal.records().size(), 2U);
  EXPECT_EQ(journal.records()[1].outcome.samples.size(), 30U);
  EXPECT_EQ(run(journal, 0), LaunchEnd::finished);
  EXPECT_EQ(journal.records().size(), 6U);
}

TEST_F(SweepTest, APointThatFailsDoesNotStopTheOthers) {
  Journal journal(path_, header(letters(4), 1));
  const auto some = [&](const std::string& id) -> MadeCase {
    if (id == "a") {
      throw DeviceError("no such kernel");
    }
    if (id == "b") {
      return Skipped{"not on this device"};
    }
    if (id == "c") {
      throw std::bad_alloc();
    }
    return make(id);
  };
  EXPECT_EQ(run_launch(journal, 0, some, {}, clock_), LaunchEnd::finished);
  std::map<std::string, std::pair<PointStatus, std::string>> found;
  for (const PointRecord& record : journal.records()) {
    found[record.id] = {record.outcome.status, record.outcome.reason};
  }
  EXPECT_EQ(found["a"], std::pair(PointStatus::failed, std::string("no such kernel")));
  EXPECT_EQ(found["b"], std::pair(PointStatus::skipped, std::string("not on this device")));
  EXPECT_EQ(found["c"], std::pair(PointStatus::failed, std::string("out of memory")));
  EXPECT_EQ(found["d"].first, PointStatus::measured);
}

TEST_F(SweepTest, ProgressKnowsTheTimeLeft) {
  Journal journal(path_, header(letters(2), 1));
  std::vector<double> left;
  LaunchOptions options;
  options.progress = [&](const SweepProgress& progress) {
    EXPECT_EQ(progress.all, 4);
    left.push_back(progress.left.value());
  };
  run(journal, 0, options);
  // A visit of 10 ms calls: 20 to warm up, 30 samples, 0.5 s. Before the first one nothing is
  // known.
  ASSERT_EQ(left.size(), 4U);
  EXPECT_LT(left[0], 0.0);
  EXPECT_NEAR(left[1], 1.5, 1e-9);
  EXPECT_NEAR(left[3], 0.5, 1e-9);
}

TEST_F(SweepTest, ABudgetEndsNoisyPointsEarly) {
  // 1 and 2 ms by turns never converge: without a budget each visit takes 2000 samples, 3 s.
  JournalHeader h = header(letters(4), 1);
  h.budget_s = 4.0;  // half a second for each of the 8 visits
  Journal journal(path_, h);
  const auto noisy = [&](const std::string&) -> MadeCase {
    return std::make_unique<FakeCase>(clock_, [](int i) { return i % 2 == 0 ? 0.001 : 0.002; });
  };
  const Seconds begin = clock_.now();
  run_launch(journal, 0, noisy, {}, clock_);
  // A visit takes all of twice its share at first; what later ones get shrinks towards the least.
  EXPECT_LT((clock_.now() - begin).value(), 4.0 + 8 * 0.2);
  EXPECT_EQ(visits_of(path_).size(), 8U);
}

// A child runs the sweep with a real clock and is killed; the next one goes on.
TEST_F(SweepTest, KilledAndResumedGivesTheVisitsOfAnUninterruptedRun) {
  const JournalHeader h = header(letters(5), 2);
  const auto sweep = [&](const std::filesystem::path& path) {
    StopRule quick = device_rule();
    quick.warm_time = seconds(0.0);
    const auto real = [](const std::string&) -> MadeCase {
      class Nap : public TimedCase {
       public:
        double sample() override {
          std::this_thread::sleep_for(std::chrono::microseconds(20));
          return 1e-5;
        }
      };
      return std::make_unique<Nap>();
    };
    Journal journal(path, h);
    for (int launch = 0; launch < h.launches; ++launch) {
      run_launch(journal, launch, real, {.rule = quick}, steady_clock());
    }
  };
  const std::filesystem::path whole = directory_ / "whole.jsonl";
  sweep(whole);
  std::size_t before = 0;
  for (int kill = 0; kill < 20; ++kill) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      sweep(path_);
      ::kill(::getpid(), SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(500 + 700 * ((kill * 7) % 20)));
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    if (!std::filesystem::exists(path_)) {
      continue;  // killed before it began
    }
    const JournalContents contents = read_journal(path_);  // never corrupt
    ASSERT_GE(contents.records.size(), before);            // nothing that was there is lost
    before = contents.records.size();
  }
  sweep(path_);
  EXPECT_EQ(visits_of(path_), visits_of(whole));
  EXPECT_EQ(visits_of(path_).size(), 20U);
}

TEST(Budget, TheCoarsestGridIsAlwaysInAndFinerOnesAsTheyFit) {
  std::vector<GridPoint> grid;
  for (int i = 0; i < 30; ++i) {
    grid.push_back({"point" + std::to_string(i), i / 10, milliseconds(1.0)});
  }
  // A visit of short calls: 0.6 s; 6 visits: 3.6 s a point. 10 points 36 s, 20 points 72 s.
  EXPECT_EQ(choose_points(grid, seconds(1.0), 6, 1).plan.size(), 10U);
  EXPECT_EQ(choose_points(grid, seconds(36.0), 6, 1).level, 0);
  const GridChoice half = choose_points(grid, seconds(54.5), 6, 1);
  EXPECT_EQ(half.plan.size(), 15U);
  EXPECT_EQ(half.level, 1);
  EXPECT_NEAR(half.expected.value(), 54.0, 1e-9);
  EXPECT_EQ(choose_points(grid, seconds(1e4), 6, 1).plan.size(), 30U);
  EXPECT_EQ(half.plan, choose_points(grid, seconds(54.5), 6, 1).plan);
  EXPECT_NE(half.plan, choose_points(grid, seconds(54.5), 6, 2).plan);  // another seed
}

TEST(Budget, LongCallsCostMore) { EXPECT_EQ(visit_time(seconds(1.0)), seconds(50.0)); }

}  // namespace
}  // namespace moeplan::calibrate
