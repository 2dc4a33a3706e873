#pragma once
// ExchangeTraffic: which rank sends how many token rows to which in one dispatch. Combine is the
// transpose: every copy comes back to where its token lives (serving.md 1).

#include <optional>
#include <span>
#include <vector>

#include "models/routing/exchange.hpp"
#include "models/routing/routing.hpp"

namespace moeplan::sim {

using models::Exchange;

class ExchangeTraffic {
 public:
  // rows [ranks x ranks], row = source, column = destination.
  ExchangeTraffic(int ranks, std::vector<double> rows);

  int ranks() const { return ranks_; }
  double rows(int source, int destination) const;
  double sent(int source) const;           // to all ranks, itself included
  double received(int destination) const;  // from all ranks, itself included
  double total() const;
  // Rows that cross the network: the diagonal does not.
  double network_out(int source) const { return sent(source) - rows(source, source); }
  double network_in(int rank) const { return received(rank) - rows(rank, rank); }
  // Largest network_out or network_in of a rank: what sets the time of the exchange.
  double busiest() const;
  ExchangeTraffic transposed() const;

 private:
  int ranks_;
  std::vector<double> rows_;
};

// Expected rows of a dispatch when rank s holds tokens[s] tokens [ranks].
//   alltoall_per_expert: a token goes to a rank once for each of its experts there:
//     rows = tokens[s] x sum of inclusion probabilities of the rank's experts
//   alltoall_per_rank: once for each rank that holds one of its experts: the chance of that is
//     taken as 1 - product of (1 - inclusion), scaled so that all ranks together give
//     `distinct_ranks`, by default Routing::expected_distinct_ranks (group_limit.hpp knows others).
// Experts lie contiguously (Routing::rank_load; Routing::placed for other placements). Throws:
// std::logic_error for other exchanges.
ExchangeTraffic dispatch_traffic(const models::Routing& routing, Exchange exchange,
                                 std::span<const double> tokens,
                                 std::optional<double> distinct_ranks = std::nullopt);

}  // namespace moeplan::sim
