// Do ranks share a sweep fairly, once each point, and to the same bytes as one process? Ranks are
// threads here; over MPI: app/sweep_ranks_test.cpp.
#include "sim/sweep/rank_sweep.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <mutex>
#include <numeric>
#include <thread>

#include "sim/sweep/merge.hpp"
#include "tests/sim/sweep/sweep_scenario.hpp"

namespace moeplan::sim {
namespace {

using testing::ElementsAre;

// Mailboxes of ranks that are threads of one process.
struct Post {
  std::mutex mutex;
  std::vector<std::deque<RankMessage>> boxes;
};

class PostLink : public RankLink {
 public:
  PostLink(Post& post, int rank) : post_(post), rank_(rank) {}
  int rank() const override { return rank_; }
  int ranks() const override { return static_cast<int>(post_.boxes.size()); }
  void send(int to, const std::string& text) override {
    const std::lock_guard lock(post_.mutex);
    post_.boxes[static_cast<std::size_t>(to)].push_back({.from = rank_, .text = text});
  }
  std::optional<RankMessage> poll() override {
    const std::lock_guard lock(post_.mutex);
    std::deque<RankMessage>& box = post_.boxes[static_cast<std::size_t>(rank_)];
    if (box.empty()) {
      return std::nullopt;
    }
    RankMessage message = box.front();
    box.pop_front();
    return message;
  }
  void flush() override {}

 private:
  Post& post_;
  int rank_;
};

std::vector<Row> led(const std::filesystem::path& scenario, int ranks,
                     std::vector<std::int64_t> which) {
  Post post;
  post.boxes.resize(static_cast<std::size_t>(ranks));
  std::vector<std::thread> others;
  for (int rank = 1; rank < ranks; ++rank) {
    others.emplace_back([&, rank] {
      PostLink link(post, rank);
      const TaskList tasks(scenario, tests::small_runs());
      follow_sweep(link, tasks, {.threads = 1});
    });
  }
  PostLink link(post, 0);
  const TaskList tasks(scenario, tests::small_runs());
  std::vector<Row> rows;
  const std::int64_t done = lead_sweep(
      link, tasks, which, {.threads = 1, .finished = [&](const Row& row) { rows.push_back(row); }});
  EXPECT_EQ(done, static_cast<std::int64_t>(which.size()));
  for (std::thread& other : others) {
    other.join();
  }
  return rows;
}

TEST(RankSweep, AnyNumberOfRanksGivesTheSameBytes) {
  const tests::SweptScenario file("{from: 5 requests/s, to: 60 requests/s, points: 12}");
  const std::filesystem::path path = file.write();
  const TaskList tasks(path, tests::small_runs());
  std::vector<std::int64_t> all(12);
  std::iota(all.begin(), all.end(), 0);
  const std::string alone = export_csv(tests::store_of(tasks.info(), tests::rows_of(tasks)));
  for (const int ranks : {1, 2, 4, 20}) {
    const std::vector<Row> rows = led(path, ranks, all);
    EXPECT_EQ(rows.size(), 12U) << ranks;  // each once
    EXPECT_EQ(export_csv(tests::store_of(tasks.info(), rows)), alone) << ranks;
  }
  EXPECT_EQ(led(path, 3, {4, 7}).size(), 2U);  // what a resumed sweep has left
  EXPECT_TRUE(led(path, 3, {}).empty());
}

// Work 8 4 2 1 1 for two threads: a share is 16/4 = 4, so the longest goes alone; then 8/4 = 2.
TEST(RankSweep, ChunksAreHalfAnEvenShareOfWhatIsLeft) {
  const std::vector<double> work = {1.0, 8.0, 2.0, 4.0, 1.0};
  const std::vector<std::int64_t> todo = {1, 3, 2, 0, 4};
  std::size_t next = 0;
  double left = 16.0;
  const auto chunk = [&] { return next_chunk(todo, next, work, left, 2); };
  EXPECT_THAT(chunk(), ElementsAre(1));
  EXPECT_EQ(left, 8.0);
  EXPECT_THAT(chunk(), ElementsAre(3));
  EXPECT_THAT(chunk(), ElementsAre(2));
  EXPECT_THAT(chunk(), ElementsAre(0));
  EXPECT_THAT(chunk(), ElementsAre(4));
  EXPECT_TRUE(chunk().empty());
}

TEST(RankSweep, ChunksShrinkAndCoverEverything) {
  std::vector<std::int64_t> todo(1000);
  std::iota(todo.begin(), todo.end(), 0);
  const std::vector<double> work(1000, 3.0);
  std::size_t next = 0;
  double left = 3000.0;
  std::vector<std::size_t> sizes;
  for (auto chunk = next_chunk(todo, next, work, left, 4); !chunk.empty();
       chunk = next_chunk(todo, next, work, left, 4)) {
    sizes.push_back(chunk.size());
  }
  EXPECT_EQ(std::accumulate(sizes.begin(), sizes.end(), std::size_t{0}), 1000U);
  EXPECT_TRUE(std::is_sorted(sizes.rbegin(), sizes.rend()));
  EXPECT_EQ(sizes.front(), 64U);  // the most
  EXPECT_EQ(sizes.back(), 1U);
  EXPECT_NEAR(left, 0.0, 1e-9);
}

}  // namespace
}  // namespace moeplan::sim
