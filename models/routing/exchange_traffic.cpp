#include "models/routing/exchange_traffic.hpp"

#include <algorithm>
#include <numeric>

#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

std::size_t at(int row, int columns, int column) {
  return static_cast<std::size_t>(row) * static_cast<std::size_t>(columns) +
         static_cast<std::size_t>(column);
}

// Copies of one token that go to each part [parts]: every rank or every node holds a contiguous
// range of experts, ends[i] is where the one after part i begins.
std::vector<double> copies_per_part(const Routing& routing, Exchange exchange,
                                    const std::vector<std::int64_t>& ends,
                                    std::optional<double> distinct) {
  std::vector<double> copies;
  std::int64_t begin = 0;
  for (const std::int64_t end : ends) {
    double sum = 0.0;
    double none = 1.0;
    for (std::int64_t e = begin; e < end; ++e) {
      const double inclusion = routing.inclusion()[static_cast<std::size_t>(e)];
      sum += inclusion;
      none *= 1.0 - inclusion;
    }
    copies.push_back(exchange == Exchange::alltoall_per_expert ? sum : 1.0 - none);
    begin = end;
  }
  if (exchange == Exchange::alltoall_per_rank) {
    const double all = std::accumulate(copies.begin(), copies.end(), 0.0);
    const double wanted =
        distinct ? *distinct : routing.expected_distinct_ranks(static_cast<int>(ends.size()));
    const double scale = wanted / all;
    for (double& each : copies) {
      each *= scale;
    }
  }
  return copies;
}

// [sources x parts]: every source's tokens times the copies of one.
std::vector<double> outer(std::span<const double> tokens, const std::vector<double>& copies) {
  std::vector<double> rows;
  for (const double own : tokens) {
    for (const double each : copies) {
      rows.push_back(own * each);
    }
  }
  return rows;
}

}  // namespace

ExchangeTraffic::ExchangeTraffic(int ranks, std::vector<double> rows)
    : ExchangeTraffic(NodeLayout{.ranks = ranks, .per_node = ranks}, std::move(rows)) {}

ExchangeTraffic::ExchangeTraffic(const NodeLayout& layout, std::vector<double> rows)
    : layout_(layout), rows_(std::move(rows)) {
  require(layout.ranks > 0 && layout.per_node > 0, "an exchange needs ranks on nodes");
  require(rows_.size() == at(layout.ranks, layout.ranks, 0),
          "exchange traffic is a square matrix over ranks");
}

ExchangeTraffic::ExchangeTraffic(const NodeLayout& layout, std::vector<double> rows,
                                 std::vector<double> node_rows)
    : ExchangeTraffic(layout, std::move(rows)) {
  require(node_rows.size() == at(layout.ranks, layout.nodes(), 0),
          "rows to nodes are a matrix of ranks x nodes");
  node_rows_ = std::move(node_rows);
}

double ExchangeTraffic::rows(int source, int destination) const {
  return rows_[at(source, layout_.ranks, destination)];
}

double ExchangeTraffic::sent(int source) const {
  double sum = 0.0;
  for (int d = 0; d < layout_.ranks; ++d) {
    sum += rows(source, d);
  }
  return sum;
}

double ExchangeTraffic::received(int destination) const {
  double sum = 0.0;
  for (int s = 0; s < layout_.ranks; ++s) {
    sum += rows(s, destination);
  }
  return sum;
}

double ExchangeTraffic::total() const {
  double sum = 0.0;
  for (int s = 0; s < layout_.ranks; ++s) {
    sum += sent(s);
  }
  return sum;
}

double ExchangeTraffic::busiest() const {
  double largest = 0.0;
  for (int rank = 0; rank < layout_.ranks; ++rank) {
    largest = std::max({largest, network_out(rank), network_in(rank)});
  }
  return largest;
}

double ExchangeTraffic::node_rows(int rank, int node) const {
  if (forwards()) {
    return node_rows_[at(rank, layout_.nodes(), node)];
  }
  double sum = 0.0;
  for (int d = layout_.begin(node); d < layout_.end(node); ++d) {
    sum += rows(rank, d);
  }
  return sum;
}

double ExchangeTraffic::far_sent(int rank) const {
  double sum = 0.0;
  for (int node = 0; node < layout_.nodes(); ++node) {
    sum += node == layout_.node_of(rank) ? 0.0 : node_rows_[at(rank, layout_.nodes(), node)];
  }
  return sum;
}

double ExchangeTraffic::far_received(int rank) const {
  const int node = layout_.node_of(rank);
  double sum = 0.0;
  for (int s = 0; s < layout_.ranks; ++s) {
    sum += layout_.node_of(s) == node ? 0.0 : node_rows_[at(s, layout_.nodes(), node)];
  }
  return sum / (layout_.end(node) - layout_.begin(node));
}

double ExchangeTraffic::forwarded(int rank) const {
  const int node = layout_.node_of(rank);
  double sum = 0.0;
  for (int s = 0; s < layout_.ranks; ++s) {
    for (int d = layout_.begin(node); d < layout_.end(node) && layout_.node_of(s) != node; ++d) {
      sum += backwards_ ? rows(d, s) : rows(s, d);
    }
  }
  return sum / (layout_.end(node) - layout_.begin(node));
}

double ExchangeTraffic::near_out(int rank) const {
  if (forwards() && backwards_) {  // every copy leaves over its own node's fabric
    return network_out(rank);
  }
  const int node = layout_.node_of(rank);
  double sum = forwards() ? forwarded(rank) : 0.0;
  for (int d = layout_.begin(node); d < layout_.end(node); ++d) {
    sum += d == rank ? 0.0 : rows(rank, d);
  }
  return sum;
}

double ExchangeTraffic::near_in(int rank) const {
  if (forwards() && !backwards_) {
    return network_in(rank);
  }
  const int node = layout_.node_of(rank);
  double sum = forwards() ? forwarded(rank) : 0.0;
  for (int s = layout_.begin(node); s < layout_.end(node); ++s) {
    sum += s == rank ? 0.0 : rows(s, rank);
  }
  return sum;
}

double ExchangeTraffic::uplink_out(int rank) const {
  if (forwards()) {
    return backwards_ ? far_received(rank) : far_sent(rank);
  }
  double sum = 0.0;
  for (int d = 0; d < layout_.ranks; ++d) {
    sum += layout_.node_of(d) == layout_.node_of(rank) ? 0.0 : rows(rank, d);
  }
  return sum;
}

double ExchangeTraffic::uplink_in(int rank) const {
  if (forwards()) {
    return backwards_ ? far_sent(rank) : far_received(rank);
  }
  double sum = 0.0;
  for (int s = 0; s < layout_.ranks; ++s) {
    sum += layout_.node_of(s) == layout_.node_of(rank) ? 0.0 : rows(s, rank);
  }
  return sum;
}

ExchangeVolume ExchangeTraffic::volume() const {
  ExchangeVolume v;
  for (int rank = 0; rank < layout_.ranks; ++rank) {
    v.near = std::max({v.near, near_out(rank), near_in(rank)});
    v.far = std::max({v.far, uplink_out(rank), uplink_in(rank)});
    if (forwards()) {
      const double own = node_rows(rank, layout_.node_of(rank));
      v.staged = std::max({v.staged, own + uplink_out(rank), own + uplink_in(rank)});
    }
  }
  return v;
}

ExchangeTraffic ExchangeTraffic::transposed() const {
  ExchangeTraffic turned = *this;
  turned.backwards_ = !backwards_;
  for (int s = 0; s < layout_.ranks; ++s) {
    for (int d = 0; d < layout_.ranks; ++d) {
      turned.rows_[at(s, layout_.ranks, d)] = rows(d, s);
    }
  }
  return turned;
}

DistinctParts distinct_parts(const Routing& routing, const GroupLimit& limit,
                             const Placement& placement, const NodeLayout& layout) {
  require(placement.ranks() == layout.ranks, "a placement and a layout of the same ranks");
  const DistinctParts found{.ranks = expected_distinct_ranks(routing, limit, placement)};
  const int nodes = layout.nodes();
  if (placement.redundant() > 0 || placement.experts() % layout.ranks != 0 ||
      layout.ranks % nodes != 0) {
    return found;
  }
  Placement::OnRank on_node(static_cast<std::size_t>(nodes));
  for (int rank = 0; rank < layout.ranks; ++rank) {
    const std::vector<ExpertId>& here = placement.on_rank()[static_cast<std::size_t>(rank)];
    std::vector<ExpertId>& node = on_node[static_cast<std::size_t>(layout.node_of(rank))];
    node.insert(node.end(), here.begin(), here.end());
  }
  return {.ranks = found.ranks,
          .nodes = expected_distinct_ranks(
              routing, limit, Placement::from_ranks(std::move(on_node), placement.experts()))};
}

ExchangeTraffic dispatch_traffic(const Routing& routing, Exchange exchange,
                                 std::span<const double> tokens) {
  const int ranks = static_cast<int>(tokens.size());
  return dispatch_traffic(routing, exchange, {.ranks = ranks, .per_node = ranks}, tokens);
}

ExchangeTraffic dispatch_traffic(const Routing& routing, Exchange exchange,
                                 const NodeLayout& layout, std::span<const double> tokens,
                                 const DistinctParts& distinct) {
  require(exchange == Exchange::alltoall_per_expert || exchange == Exchange::alltoall_per_rank,
          "only all-to-all exchanges have rows per destination");
  require(static_cast<int>(tokens.size()) == layout.ranks, "every rank has its number of tokens");
  std::vector<std::int64_t> ends;
  for (int rank = 0; rank < layout.ranks; ++rank) {
    ends.push_back(experts_of_rank(routing.experts(), layout.ranks, rank).end);
  }
  std::vector<double> rows =
      outer(tokens, copies_per_part(routing, exchange, ends, distinct.ranks));
  if (exchange == Exchange::alltoall_per_expert || layout.nodes() == 1) {
    return ExchangeTraffic(layout, std::move(rows));
  }
  std::vector<std::int64_t> node_ends;
  for (int node = 0; node < layout.nodes(); ++node) {
    node_ends.push_back(ends[static_cast<std::size_t>(layout.end(node) - 1)]);
  }
  return ExchangeTraffic(
      layout, std::move(rows),
      outer(tokens, copies_per_part(routing, exchange, node_ends, distinct.nodes)));
}

}  // namespace moeplan::models
