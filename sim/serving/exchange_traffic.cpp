#include "sim/serving/exchange_traffic.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::sim {
namespace {

// Copies of one token that go to each rank [ranks].
std::vector<double> copies_per_rank(const models::Routing& routing, Exchange exchange, int ranks,
                                    std::optional<double> distinct_ranks) {
  std::vector<double> copies;
  for (int rank = 0; rank < ranks; ++rank) {
    const models::ExpertRange range = models::experts_of_rank(routing.experts(), ranks, rank);
    double sum = 0.0;
    double none = 1.0;
    for (std::int64_t e = range.begin; e < range.end; ++e) {
      const double inclusion = routing.inclusion()[static_cast<std::size_t>(e)];
      sum += inclusion;
      none *= 1.0 - inclusion;
    }
    copies.push_back(exchange == Exchange::alltoall_per_expert ? sum : 1.0 - none);
  }
  if (exchange == Exchange::alltoall_per_rank) {
    double all = 0.0;
    for (const double each : copies) {
      all += each;
    }
    const double scale =
        (distinct_ranks ? *distinct_ranks : routing.expected_distinct_ranks(ranks)) / all;
    for (double& each : copies) {
      each *= scale;
    }
  }
  return copies;
}

}  // namespace

ExchangeTraffic::ExchangeTraffic(int ranks, std::vector<double> rows)
    : ranks_(ranks), rows_(std::move(rows)) {
  require(ranks > 0 &&
              rows_.size() == static_cast<std::size_t>(ranks) * static_cast<std::size_t>(ranks),
          "exchange traffic is a square matrix over ranks");
}

double ExchangeTraffic::rows(int source, int destination) const {
  return rows_[static_cast<std::size_t>(source) * static_cast<std::size_t>(ranks_) +
               static_cast<std::size_t>(destination)];
}

double ExchangeTraffic::sent(int source) const {
  double sum = 0.0;
  for (int d = 0; d < ranks_; ++d) {
    sum += rows(source, d);
  }
  return sum;
}

double ExchangeTraffic::received(int destination) const {
  double sum = 0.0;
  for (int s = 0; s < ranks_; ++s) {
    sum += rows(s, destination);
  }
  return sum;
}

double ExchangeTraffic::total() const {
  double sum = 0.0;
  for (int s = 0; s < ranks_; ++s) {
    sum += sent(s);
  }
  return sum;
}

double ExchangeTraffic::busiest() const {
  double largest = 0.0;
  for (int rank = 0; rank < ranks_; ++rank) {
    largest = std::max({largest, network_out(rank), network_in(rank)});
  }
  return largest;
}

ExchangeTraffic ExchangeTraffic::transposed() const {
  std::vector<double> turned;
  for (int s = 0; s < ranks_; ++s) {
    for (int d = 0; d < ranks_; ++d) {
      turned.push_back(rows(d, s));
    }
  }
  return ExchangeTraffic(ranks_, std::move(turned));
}

ExchangeTraffic dispatch_traffic(const models::Routing& routing, Exchange exchange,
                                 std::span<const double> tokens,
                                 std::optional<double> distinct_ranks) {
  require(exchange == Exchange::alltoall_per_expert || exchange == Exchange::alltoall_per_rank,
          "only all-to-all exchanges have rows per destination");
  const int ranks = static_cast<int>(tokens.size());
  const std::vector<double> copies = copies_per_rank(routing, exchange, ranks, distinct_ranks);
  std::vector<double> rows;
  for (const double own : tokens) {
    for (const double each : copies) {
      rows.push_back(own * each);
    }
  }
  return ExchangeTraffic(ranks, std::move(rows));
}

}  // namespace moeplan::sim
