// Conservation of the exchange (tests.md C2 3) and the copies of serving.md 1.

#include "sim/serving/exchange_traffic.hpp"

#include <gtest/gtest.h>

#include <numeric>

namespace moeplan::sim {
namespace {

using models::Routing;

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

TEST(ExchangeTraffic, OtherExchangesHaveNoRows) {
  EXPECT_THROW(dispatch_traffic(Routing::uniform(8, 2), Exchange::capacity_padded,
                                std::vector<double>{1.0, 1.0}),
               std::logic_error);
}

}  // namespace
}  // namespace moeplan::sim
