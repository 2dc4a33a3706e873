#include "calibrate/all2all/exchange_case.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::calibrate {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

// F of "name_xF".
double factor_of(const std::string& pattern, const std::string& name) {
  const char* begin = pattern.data() + name.size();
  const char* end = pattern.data() + pattern.size();
  double factor = 0.0;
  const auto [stop, error] = std::from_chars(begin, end, factor);
  require(error == std::errc() && stop == end && factor > 0.0, "a factor above zero");
  return factor;
}

// sent [source] bytes, shared out over the destinations by their weights; the rest of the division
// goes to the first ones, so that every row sum is exact.
void share_out(ByteMatrix& matrix, int source, std::int64_t bytes,
               const std::vector<double>& weights) {
  double all = 0.0;
  for (const double weight : weights) {
    all += weight;
  }
  if (!(all > 0.0)) {
    return;  // nobody to send to: the only rank of its node
  }
  std::int64_t left = bytes;
  for (int d = 0; d < matrix.ranks(); ++d) {
    matrix.at(source, d) =
        static_cast<std::int64_t>(static_cast<double>(bytes) * (weights[at(d)] / all));
    left -= matrix.at(source, d);
  }
  for (int d = 0; left > 0; d = (d + 1) % matrix.ranks()) {
    if (weights[at(d)] > 0.0) {
      ++matrix.at(source, d);
      --left;
    }
  }
}

}  // namespace

std::int64_t ByteMatrix::sent(int source) const {
  std::int64_t sum = 0;
  for (int d = 0; d < ranks_; ++d) {
    sum += at(source, d);
  }
  return sum;
}

std::int64_t ByteMatrix::received(int destination) const {
  std::int64_t sum = 0;
  for (int s = 0; s < ranks_; ++s) {
    sum += at(s, destination);
  }
  return sum;
}

ByteMatrix ByteMatrix::transposed() const {
  ByteMatrix out(ranks_);
  for (int s = 0; s < ranks_; ++s) {
    for (int d = 0; d < ranks_; ++d) {
      out.at(d, s) = at(s, d);
    }
  }
  return out;
}

const std::vector<std::string>& operation_names() {
  static const std::vector<std::string> kNames = {
      "all2allv", "all2all", "allgather", "reducescatter", "allreduce", "pingpong", "sendrecv"};
  return kNames;
}

std::string ExchangeCase::id() const {
  const std::string& name = operation_names()[static_cast<std::size_t>(operation)];
  const std::string where = fmt::format("p{}n{}/b{}", ranks, nodes, bytes);
  switch (operation) {
    case Operation::all2allv:
      return fmt::format("{}/{}/{}/{}", name, combine ? "combine" : "dispatch", pattern, where);
    case Operation::ping_pong:
      return fmt::format("{}/{}/{}", name, pattern, where);
    default:
      return fmt::format("{}/{}", name, where);
  }
}

std::int64_t ExchangeCase::largest_buffer() const {
  if (operation != Operation::all2allv) {
    return bytes;
  }
  std::int64_t most = 0;
  for (int rank = 0; rank < matrix.ranks(); ++rank) {
    most = std::max({most, matrix.sent(rank), matrix.received(rank)});
  }
  return most;
}

ByteMatrix pattern_matrix(const std::string& pattern, const std::vector<int>& node_of_rank,
                          std::int64_t bytes) {
  const int ranks = static_cast<int>(node_of_rank.size());
  require(ranks > 0 && bytes >= 0, "an exchange has ranks");
  ByteMatrix matrix(ranks);
  const auto fill = [&](auto weight_of) {
    for (int s = 0; s < ranks; ++s) {
      std::vector<double> weights;
      for (int d = 0; d < ranks; ++d) {
        weights.push_back(weight_of(s, d));
      }
      share_out(matrix, s, bytes, weights);
    }
  };
  if (pattern == "uniform") {
    fill([](int, int) { return 1.0; });
  } else if (pattern.starts_with("hot_receiver_x")) {
    const double factor = factor_of(pattern, "hot_receiver_x");
    fill([factor](int, int d) { return d == 0 ? factor : 1.0; });
  } else if (pattern.starts_with("hot_sender_x")) {
    const double factor = factor_of(pattern, "hot_sender_x");
    const double other = static_cast<double>(bytes) * ranks / (factor + ranks - 1.0);
    for (int s = 0; s < ranks; ++s) {
      share_out(matrix, s, std::llround(s == 0 ? factor * other : other),
                std::vector<double>(at(ranks), 1.0));
    }
  } else if (pattern == "power_law_1") {
    fill([](int, int d) { return 1.0 / (d + 1.0); });
  } else if (pattern == "sparse") {
    fill([ranks](int s, int d) { return d == (s + 1) % ranks ? 1.0 : 0.0; });
  } else if (pattern == "intra" || pattern == "inter") {
    const bool same = pattern == "intra";
    fill([&](int s, int d) {
      return s != d && (node_of_rank[at(s)] == node_of_rank[at(d)]) == same ? 1.0 : 0.0;
    });
  } else {
    require(false, "a pattern of pattern_matrix");
  }
  return matrix;
}

}  // namespace moeplan::calibrate
