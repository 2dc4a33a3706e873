// Conservation of the exchange (tests.md C2 3) and the copies of serving.md 1.

#include "models/routing/exchange_traffic.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <numeric>

namespace moeplan::models {
namespace {

constexpr std::array kExchanges = {Exchange::alltoall_per_expert, Exchange::alltoall_per_rank};

TEST(ExchangeTraffic, SentIsReceivedAndTheDiagonalStaysHome) {
  const std::vector<double> tokens = {10, 250, 0, 33};
  for (const Routing& routing :
       {Routing::uniform(128, 8), Routing::power_law(128, 8, 1.2), Routing::uniform(8, 2)}) {
    for (const Exchange exchange : kExchanges) {
      const ExchangeTraffic traffic = dispatch_traffic(routing, exchange, tokens);
      double sent = 0.0;
      double received = 0.0;
      double network_out = 0.0;
      double network_in = 0.0;
      double diagonal = 0.0;
      for (int rank = 0; rank < traffic.ranks(); ++rank) {
        sent += traffic.sent(rank);
        received += traffic.received(rank);
        network_out += traffic.network_out(rank);
        network_in += traffic.network_in(rank);
        diagonal += traffic.rows(rank, rank);
      }
      EXPECT_NEAR(sent, received, 1e-9 * sent);
      EXPECT_NEAR(network_out, network_in, 1e-9 * sent);
      EXPECT_NEAR(network_out + diagonal, sent, 1e-9 * sent);
    }
  }
}

TEST(ExchangeTraffic, CombineIsTheTransposeOfDispatch) {
  const std::vector<double> tokens = {10, 250, 7};
  const ExchangeTraffic dispatch =
      dispatch_traffic(Routing::power_law(63, 4, 0.8), Exchange::alltoall_per_expert, tokens);
  const ExchangeTraffic combine = dispatch.transposed();
  for (int s = 0; s < 3; ++s) {
    EXPECT_DOUBLE_EQ(combine.sent(s), dispatch.received(s));
    for (int d = 0; d < 3; ++d) {
      EXPECT_DOUBLE_EQ(combine.rows(s, d), dispatch.rows(d, s));
    }
  }
  EXPECT_DOUBLE_EQ(combine.busiest(), dispatch.busiest());
}

TEST(ExchangeTraffic, CopiesPerTokenAreTopKOrTheDistinctRanks) {
  // 8 of 128 experts over 8 ranks: 8 copies by expert; by rank 8 (1 - C(112, 8) / C(128, 8)), which
  // Routing gives exactly, close to the 8 (1 - (7/8)^8) = 5.25 of many experts.
  const std::vector<double> tokens(8, 100.0);
  const Routing routing = Routing::uniform(128, 8);
  const double by_expert =
      dispatch_traffic(routing, Exchange::alltoall_per_expert, tokens).total() / 800.0;
  const double by_rank =
      dispatch_traffic(routing, Exchange::alltoall_per_rank, tokens).total() / 800.0;
  EXPECT_NEAR(by_expert, 8.0, 1e-9);
  EXPECT_NEAR(by_rank, routing.expected_distinct_ranks(8), 1e-9);
  EXPECT_NEAR(by_rank, 5.25, 0.1);
}

TEST(ExchangeTraffic, SkewOnlyAddsToTheBusiestRank) {
  // The same rows in total, so any unevenness raises the largest volume (C2 22).
  const std::vector<double> tokens(4, 50.0);
  const double even =
      dispatch_traffic(Routing::uniform(64, 4), Exchange::alltoall_per_expert, tokens).busiest();
  EXPECT_NEAR(even, 50.0 * 4 * 3 / 4, 1e-9);
  const double skewed =
      dispatch_traffic(Routing::power_law(64, 4, 1.2), Exchange::alltoall_per_expert, tokens)
          .busiest();
  EXPECT_GT(skewed, even);
}

constexpr NodeLayout kTwoNodes{.ranks = 16, .per_node = 8};

ExchangeTraffic even(const Routing& routing, Exchange exchange, const NodeLayout& layout,
                     const GroupLimit& limit = {}) {
  const std::vector<double> tokens(static_cast<std::size_t>(layout.ranks), 100.0);
  return dispatch_traffic(
      routing, exchange, layout, tokens,
      distinct_parts(routing, limit, Placement::contiguous(routing.experts(), layout.ranks),
                     layout));
}

TEST(ExchangeOverNodes, OneNodeUsesNoUplink) {
  for (const Exchange exchange : kExchanges) {
    const ExchangeTraffic traffic =
        even(Routing::power_law(64, 4, 1.0), exchange, {.ranks = 8, .per_node = 8});
    EXPECT_EQ(traffic.volume().far, 0.0);
    EXPECT_EQ(traffic.volume().staged, 0.0);
    EXPECT_DOUBLE_EQ(traffic.volume().near, traffic.busiest());
    EXPECT_FALSE(traffic.forwards());
  }
}

TEST(ExchangeOverNodes, EvenVolumesAreThoseOfTheHand) {
  // 256 experts, top 8, 16 ranks on 2 nodes, 100 tokens a rank, uniform.
  // By expert: half a rank of a token's copies stays home: 8/16 = 0.5 copies a rank; 7 other ranks
  // of the node: 3.5; the other node: 4.
  const Routing routing = Routing::uniform(256, 8);
  const ExchangeVolume direct = even(routing, Exchange::alltoall_per_expert, kTwoNodes).volume();
  EXPECT_NEAR(direct.near, 350.0, 1e-9);
  EXPECT_NEAR(direct.far, 400.0, 1e-9);
  EXPECT_EQ(direct.staged, 0.0);
  // Forwarded: once to a node with a chance of 1 - C(128, 8) / C(256, 8); a rank receives from the
  // 15 others with 1 - C(240, 8) / C(256, 8) each, all over its own node's fabric.
  double none_on_node = 1.0;
  double none_on_rank = 1.0;
  for (int i = 0; i < 8; ++i) {
    none_on_node *= (128.0 - i) / (256.0 - i);
    none_on_rank *= (240.0 - i) / (256.0 - i);
  }
  const ExchangeVolume forwarded = even(routing, Exchange::alltoall_per_rank, kTwoNodes).volume();
  EXPECT_NEAR(forwarded.near, 1500.0 * (1.0 - none_on_rank), 1e-9);
  EXPECT_NEAR(forwarded.far, 100.0 * (1.0 - none_on_node), 1e-9);
  EXPECT_NEAR(forwarded.staged, 200.0 * (1.0 - none_on_node), 1e-9);
}

// C2 3 per tier: what leaves arrives, and combine moves the same rows the other way.
TEST(ExchangeOverNodes, EveryTierConservesRows) {
  const NodeLayout layout{.ranks = 12, .per_node = 4};
  const std::vector<double> tokens = {10, 250, 0, 33, 8, 90, 1, 2, 300, 5, 60, 7};
  for (const Exchange exchange : kExchanges) {
    const ExchangeTraffic dispatch =
        dispatch_traffic(Routing::power_law(60, 4, 1.1), exchange, layout, tokens);
    const ExchangeTraffic combine = dispatch.transposed();
    std::array<double, 4> sums{};
    for (int rank = 0; rank < 12; ++rank) {
      sums[0] += dispatch.uplink_out(rank);
      sums[1] += dispatch.uplink_in(rank);
      sums[2] += dispatch.near_out(rank);
      sums[3] += dispatch.near_in(rank);
      EXPECT_NEAR(combine.uplink_in(rank), dispatch.uplink_out(rank), 1e-9);
      EXPECT_NEAR(combine.uplink_out(rank), dispatch.uplink_in(rank), 1e-9);
      EXPECT_NEAR(combine.near_in(rank), dispatch.near_out(rank), 1e-9);
      EXPECT_NEAR(combine.near_out(rank), dispatch.near_in(rank), 1e-9);
      for (int other = 0; other < 12; ++other) {
        EXPECT_EQ(combine.rows(rank, other), dispatch.rows(other, rank));
      }
    }
    EXPECT_GT(sums[0], 0.0);
    EXPECT_NEAR(sums[0], sums[1], 1e-9 * sums[0]);
    // Forwarded rows reach the fabric at their node: its ranks hand out what was handed to them,
    // less the diagonal that never left.
    EXPECT_NEAR(sums[2], sums[3], 1e-9 * sums[2]);
    const ExchangeVolume there = dispatch.volume();
    const ExchangeVolume back = combine.volume();
    EXPECT_NEAR(there.near, back.near, 1e-9);
    EXPECT_NEAR(there.far, back.far, 1e-9);
    EXPECT_NEAR(there.staged, back.staged, 1e-9);
  }
}

TEST(ExchangeOverNodes, ForwardingNeverCrossesMoreThanCopiesForEachRankOrExpert) {
  for (const Routing& routing : {Routing::uniform(128, 8), Routing::power_law(128, 8, 1.2)}) {
    for (const int nodes : {2, 4, 8}) {
      const NodeLayout layout{.ranks = 8 * nodes, .per_node = 8};
      EXPECT_LE(even(routing, Exchange::alltoall_per_rank, layout).volume().far,
                even(routing, Exchange::alltoall_per_expert, layout).volume().far);
    }
  }
}

TEST(ExchangeOverNodes, MoreNodesCrossMore) {
  // The same tokens and experts on more nodes: more of a token's experts are elsewhere.
  double last = 0.0;
  for (const int nodes : {1, 2, 4, 8}) {
    const double far = even(Routing::uniform(128, 8), Exchange::alltoall_per_rank,
                            {.ranks = 8 * nodes, .per_node = 8})
                           .volume()
                           .far;
    EXPECT_GT(far, nodes == 1 ? -1.0 : last);
    last = far;
  }
}

TEST(ExchangeOverNodes, TheRoutersGroupLimitCutsTheUplinks) {
  // DeepSeek-V3: 256 experts in 8 groups, 4 kept, 8 nodes: a token's experts lie on at most 4.
  const Routing routing = Routing::uniform(256, 8);
  const NodeLayout layout{.ranks = 64, .per_node = 8};
  const double free = even(routing, Exchange::alltoall_per_rank, layout).volume().staged / 100.0;
  const double limited =
      even(routing, Exchange::alltoall_per_rank, layout, {8, 4}).volume().staged / 100.0;
  EXPECT_NEAR(free, 8.0 * (1.0 - std::pow(7.0 / 8.0, 8)), 0.1);
  EXPECT_LE(limited, 4.0);
  EXPECT_GT(limited, 3.5);
  for (const Routing& skewed : {routing, Routing::power_law(256, 8, 0.8)}) {
    EXPECT_LE(even(skewed, Exchange::alltoall_per_rank, layout, {8, 4}).volume().far,
              even(skewed, Exchange::alltoall_per_rank, layout).volume().far);
  }
}

// C2 17: names of the ranks of a node mean nothing.
TEST(ExchangeOverNodes, RelabellingTheRanksOfANodeChangesNothing) {
  const NodeLayout layout{.ranks = 6, .per_node = 3};
  const std::vector<double> tokens = {5, 80, 13, 2, 40, 7};
  const std::array<int, 6> name = {2, 0, 1, 4, 5, 3};
  const ExchangeTraffic before =
      dispatch_traffic(Routing::power_law(30, 3, 1.0), Exchange::alltoall_per_rank, layout, tokens);
  std::vector<double> rows(36);
  std::vector<double> node_rows(12);
  for (std::size_t s = 0; s < 6; ++s) {
    const auto renamed = static_cast<std::size_t>(name[s]);
    for (std::size_t d = 0; d < 6; ++d) {
      rows[renamed * 6 + static_cast<std::size_t>(name[d])] =
          before.rows(static_cast<int>(s), static_cast<int>(d));
    }
    for (std::size_t n = 0; n < 2; ++n) {
      node_rows[renamed * 2 + n] = before.node_rows(static_cast<int>(s), static_cast<int>(n));
    }
  }
  const ExchangeVolume here = before.volume();
  const ExchangeVolume there = ExchangeTraffic(layout, rows, node_rows).volume();
  EXPECT_NEAR(here.near, there.near, 1e-12 * here.near);
  EXPECT_NEAR(here.far, there.far, 1e-12 * here.far);
  EXPECT_NEAR(here.staged, there.staged, 1e-12 * here.staged);
}

TEST(ExchangeTraffic, OtherExchangesHaveNoRows) {
  EXPECT_THROW(dispatch_traffic(Routing::uniform(8, 2), Exchange::capacity_padded,
                                std::vector<double>{1.0, 1.0}),
               std::logic_error);
}

}  // namespace
}  // namespace moeplan::models
