// Are the matrices what their patterns say, and the grid what the ranks can do?
#include "calibrate/all2all/exchange_case.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "calibrate/all2all/exchange_grid.hpp"
#include "calibrate/all2all/replay.hpp"
#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::calibrate {
namespace {

const std::vector<int> kTwoByTwo = {0, 0, 1, 1};

TEST(Patterns, UniformIsEqualAndKeepsEveryByte) {
  const ByteMatrix matrix = pattern_matrix("uniform", kTwoByTwo, 1003);
  for (int s = 0; s < 4; ++s) {
    EXPECT_EQ(matrix.sent(s), 1003);  // 251 251 251 250
    EXPECT_EQ(matrix.at(s, 0), 251);
    EXPECT_EQ(matrix.at(s, 3), 250);
  }
}

TEST(Patterns, AHotReceiverGetsItsFactorAndNobodySendsMore) {
  // Weights 4 1 1 1: rank 0 gets 4/7 of every row.
  const ByteMatrix matrix = pattern_matrix("hot_receiver_x4", kTwoByTwo, 7000);
  EXPECT_EQ(matrix.received(0), 4 * 4000);
  EXPECT_EQ(matrix.received(3), 4 * 1000);
  EXPECT_EQ(matrix.sent(2), 7000);
  // Combine: the same rows back.
  const ByteMatrix combine = matrix.transposed();
  EXPECT_EQ(combine.sent(0), 16000);
  EXPECT_EQ(combine.received(2), 7000);
}

TEST(Patterns, AHotSenderSendsItsFactorOfTheSameTotal) {
  // 4 ranks x 7000 B in the ratio 4 1 1 1.
  const ByteMatrix matrix = pattern_matrix("hot_sender_x4", kTwoByTwo, 7000);
  EXPECT_EQ(matrix.sent(0), 16000);
  EXPECT_EQ(matrix.sent(1), 4000);
}

TEST(Patterns, SparseIntraAndInterLeaveZeroPairs) {
  const ByteMatrix sparse = pattern_matrix("sparse", kTwoByTwo, 100);
  EXPECT_EQ(sparse.at(0, 1), 100);
  EXPECT_EQ(sparse.at(3, 0), 100);
  EXPECT_EQ(sparse.at(0, 0) + sparse.at(0, 2) + sparse.at(0, 3), 0);
  const ByteMatrix intra = pattern_matrix("intra", kTwoByTwo, 100);
  EXPECT_EQ(intra.at(2, 3), 100);
  EXPECT_EQ(intra.sent(0), intra.at(0, 1));
  const ByteMatrix inter = pattern_matrix("inter", kTwoByTwo, 100);
  EXPECT_EQ(inter.at(0, 2), 50);
  EXPECT_EQ(inter.at(0, 0) + inter.at(0, 1), 0);
  EXPECT_EQ(pattern_matrix("intra", {0, 1}, 100).sent(0), 0);  // alone on its node
  EXPECT_THROW(pattern_matrix("unknown", kTwoByTwo, 1), std::logic_error);
}

TEST(Patterns, APowerLawFallsWithTheRank) {
  // 1 + 1/2 + 1/3 + 1/4 = 25/12.
  const ByteMatrix matrix = pattern_matrix("power_law_1", kTwoByTwo, 2500);
  EXPECT_EQ(matrix.at(1, 0), 1200);
  EXPECT_EQ(matrix.at(1, 1), 600);
  EXPECT_EQ(matrix.at(1, 3), 300);
}

RankWorld world(std::vector<int> nodes) { return {.node_of_rank = std::move(nodes)}; }

bool has(const ExchangeGrid& grid, const std::string& part) {
  return std::any_of(grid.cases.begin(), grid.cases.end(), [&](const auto& entry) {
    return entry.first.find(part) != std::string::npos;
  });
}

TEST(Grid, HasWhatTheRanksCanDoAndNothingElse) {
  const ExchangeGrid one_node = exchange_grid(world({0, 0}), {});
  EXPECT_TRUE(has(one_node, "pingpong/near/p2n1/b256"));
  EXPECT_TRUE(has(one_node, "all2allv/combine/hot_receiver_x4/p2n1/b65536"));
  EXPECT_FALSE(has(one_node, "far"));
  EXPECT_FALSE(has(one_node, "inter"));
  const ExchangeGrid nodes = exchange_grid(world({0, 1, 2}), {});
  EXPECT_TRUE(has(nodes, "inter/p3n3"));
  EXPECT_TRUE(has(nodes, "pingpong/far/p3n3"));
  EXPECT_FALSE(has(nodes, "near"));
  EXPECT_FALSE(has(nodes, "intra"));
  std::set<std::string> ids;
  for (const GridPoint& point : nodes.points) {
    EXPECT_TRUE(ids.insert(point.id).second) << point.id;
    EXPECT_EQ(nodes.cases.at(point.id).id(), point.id);
  }
}

TEST(Grid, UnknownNamesAreRefusedWithTheKnownOnes) {
  tests::expect_input_error(
      [] {
        exchange_grid(world({0, 0}), {.families = {"all2al"}});
      },
      "E_VALUE", "all2al", "did you mean");
  tests::expect_input_error(
      [] {
        exchange_grid(world({0, 0}), {.patterns = {"inter"}});
      },
      "E_VALUE", "inter", "uniform");
}

TEST(Grid, SumsAreOfWholeFloatsForEveryRank) {
  const ExchangeGrid grid = exchange_grid(world({0, 0, 0}), {.families = {"allreduce"}});
  for (const auto& [id, exchange] : grid.cases) {
    EXPECT_EQ(exchange.bytes % 12, 0) << id;
  }
  EXPECT_FALSE(grid.cases.empty());
}

TEST(Replay, ReadsMatricesByName) {
  const auto matrices = replayed_matrices(
      "name,source,destination,bytes\nmorning,0,1,7\nmorning,1,0,9\nnight,0,0,1\n", "m.csv", 2);
  ASSERT_EQ(matrices.size(), 2U);
  EXPECT_EQ(matrices.at("morning").at(0, 1), 7);
  EXPECT_EQ(matrices.at("morning").at(1, 1), 0);
  const ExchangeGrid grid = exchange_grid(world({0, 0}), {.replayed = matrices});
  EXPECT_TRUE(has(grid, "all2allv/dispatch/replay_morning/p2n1/b9"));
}

TEST(Replay, WrongRowsAreNamed) {
  const auto expect = [](const std::string& row, const std::string& code, const std::string& part) {
    tests::expect_input_error(
        [&] { replayed_matrices("name,source,destination,bytes\n" + row, "m.csv", 2); }, code,
        "m.csv:", part);
  };
  expect("a,0,2,1\n", "E_RANGE", "destination");
  expect("a,0,1,-1\n", "E_RANGE", "bytes");
  expect("a,0,1,1.5\n", "E_TYPE", "bytes");
  expect("a,0,1,1\na,0,1,2\n", "E_DUPLICATE", "a 0 -> 1");
  expect("a/b,0,1,1\n", "E_VALUE", "a/b");
}

TEST(World, IsReadAsWritten) {
  const RankWorld written{.node_of_rank = {0, 0, 1},
                          .hosts = 2,
                          .shared_cores = true,
                          .settings = {{"mpi", "Open \"MPI\""}}};
  const RankWorld read = world_from(text::parse_json(to_json(written).line(), "probe"));
  EXPECT_EQ(read.node_of_rank, written.node_of_rank);
  EXPECT_EQ(read.hosts, 2);
  EXPECT_TRUE(read.shared_cores);
  EXPECT_EQ(read.settings, written.settings);
  EXPECT_EQ(read.near_peer(), 1);
  EXPECT_EQ(read.far_peer(), 2);
  EXPECT_FALSE(read.even());
}

}  // namespace
}  // namespace moeplan::calibrate
