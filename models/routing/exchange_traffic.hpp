#pragma once
// ExchangeTraffic: which rank sends how many token rows to which in one dispatch, and which of
// them cross between nodes. Combine is the transpose: every copy comes back to where its token
// lives (serving.md 1). Closed-form laws take its volumes, a network simulation its rows.

#include <optional>
#include <span>
#include <vector>

#include "models/routing/exchange.hpp"
#include "models/routing/group_limit.hpp"
#include "models/routing/placement.hpp"
#include "models/routing/routing.hpp"

namespace moeplan::models {

// Ranks lie on nodes in order: rank r on node r / per_node. ranks <= per_node: one node.
struct NodeLayout {
  int ranks = 1;
  int per_node = 1;
  int nodes() const { return (ranks + per_node - 1) / per_node; }
  int node_of(int rank) const { return rank / per_node; }
  int begin(int node) const { return node * per_node; }
  int end(int node) const {
    return begin(node) + per_node < ranks ? begin(node) + per_node : ranks;
  }
};

// Rows that the busiest rank moves, in or out, over each resource.
struct ExchangeVolume {
  double near = 0.0;    // over the fabric inside its node, to and from other ranks
  double far = 0.0;     // over its share of the node's uplink
  double staged = 0.0;  // handed to nodes, its own included, before they spread there; 0 on one
                        // node and where rows go straight to their rank
};

class ExchangeTraffic {
 public:
  // rows [ranks x ranks], row = source, column = destination; every row goes straight to its rank.
  // All ranks on one node unless a layout says otherwise.
  ExchangeTraffic(int ranks, std::vector<double> rows);
  ExchangeTraffic(const NodeLayout& layout, std::vector<double> rows);
  // With forwarding: a token crosses to a node once, and the node's own fabric spreads it there.
  // node_rows [ranks x nodes]: rows from a rank to a node, its own included. What arrives at a node
  // is taken to spread evenly over its ranks' uplinks.
  ExchangeTraffic(const NodeLayout& layout, std::vector<double> rows,
                  std::vector<double> node_rows);

  int ranks() const { return layout_.ranks; }
  const NodeLayout& layout() const { return layout_; }
  double rows(int source, int destination) const;
  double sent(int source) const;           // to all ranks, itself included
  double received(int destination) const;  // from all ranks, itself included
  double total() const;
  // Rows that cross the network: the diagonal does not.
  double network_out(int source) const { return sent(source) - rows(source, source); }
  double network_in(int rank) const { return received(rank) - rows(rank, rank); }
  // Largest network_out or network_in of a rank: what sets the time of the exchange on one node.
  double busiest() const;

  bool forwards() const { return !node_rows_.empty(); }
  // Rows of a rank that leave for a node (combine of forwarded rows: come back from it).
  double node_rows(int rank, int node) const;
  // Over the fabric inside the node. Forwarded rows pass it at their destination's node, whichever
  // of its ranks they reach first.
  double near_out(int rank) const;
  double near_in(int rank) const;
  double uplink_out(int rank) const;
  double uplink_in(int rank) const;
  ExchangeVolume volume() const;

  ExchangeTraffic transposed() const;

 private:
  double far_sent(int rank) const;      // forwarded: from a rank to other nodes
  double far_received(int rank) const;  // forwarded: a rank's share of what its node receives
  double forwarded(int rank) const;     // a rank's share of what its node spreads for others

  NodeLayout layout_;
  std::vector<double> rows_;
  std::vector<double> node_rows_;
  bool backwards_ = false;  // a combine: node_rows_ flow from the nodes to the ranks
};

// Expected number of different ranks, and of different nodes, that hold one of a token's experts.
struct DistinctParts {
  std::optional<double> ranks;  // nullopt: Routing::expected_distinct_ranks
  std::optional<double> nodes;  //
};
// Those of a group-limited router under a placement. Nodes of experts with copies, or of ranks that
// hold unequally many: without the limit, and a little high (Routing::placed).
// routing: not placed. Throws: as group_limit.hpp.
DistinctParts distinct_parts(const Routing& routing, const GroupLimit& limit,
                             const Placement& placement, const NodeLayout& layout);

// Expected rows of a dispatch when rank s holds tokens[s] tokens [ranks].
//   alltoall_per_expert: a token goes to a rank once for each of its experts there:
//     rows = tokens[s] x sum of inclusion probabilities of the rank's experts
//   alltoall_per_rank: once for each rank that holds one of its experts: the chance of that is
//     taken as 1 - product of (1 - inclusion), scaled so that all ranks together give
//     distinct.ranks. On several nodes rows are forwarded: once to each node that holds one of its
//     experts, likewise.
// Experts lie contiguously (Routing::rank_load; Routing::placed for other placements).
// layout.ranks = tokens.size(). Throws: std::logic_error for other exchanges.
ExchangeTraffic dispatch_traffic(const Routing& routing, Exchange exchange,
                                 const NodeLayout& layout, std::span<const double> tokens,
                                 const DistinctParts& distinct = {});
// The same on one node.
ExchangeTraffic dispatch_traffic(const Routing& routing, Exchange exchange,
                                 std::span<const double> tokens);

}  // namespace moeplan::models
