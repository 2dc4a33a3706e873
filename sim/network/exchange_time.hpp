#pragma once
// ExchangeTime: how long an exchange of rows among devices takes when it has the network to
// itself. The flows are simulated once per shape of traffic; volumes scale the result:
//   t(s V) = max over latencies l of ( s x last end of the flows with latency l + l )
// which is exact, because fair shares do not depend on the scale and latency takes no bandwidth.

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "sim/network/routes.hpp"

namespace moeplan::sim {

class ExchangeTime {
 public:
  // Rank r is devices[r]; the routes must outlive this.
  ExchangeTime(const Routes& routes, std::vector<DeviceId> devices);

  // From the common start to the last delivery, when rank s sends rows[s x ranks + d] rows of `row`
  // bytes to rank d; the diagonal does not use the network. 0 when no row crosses it.
  // Shapes are rounded to 2^-40 of the largest entry (a smaller one counts as that), so that a
  // shape is found again whatever its scale, and the result is a function of the rounded shape.
  // Throws: std::logic_error for a matrix of another size or a negative or infinite entry.
  Seconds time(std::span<const double> rows, Bytes row);

  // Time in which the fullest link carries its rows: no exchange takes less.
  // Throws: as time().
  Seconds fullest_link(std::span<const double> rows, Bytes row) const;

  // Shapes simulated so far; the memory of them is emptied at kMostShapes.
  std::size_t shapes() const { return shapes_.size(); }
  static constexpr std::size_t kMostShapes = 4096;

 private:
  using Shape = std::vector<std::int64_t>;  // [ranks x ranks], the largest is 2^40
  struct Piece {
    Seconds latency;
    double seconds_per_byte;  // last end / bytes of the largest entry
  };
  double check(std::span<const double> rows) const;
  std::vector<Piece> simulate(const Shape& shape) const;

  const Routes& routes_;
  std::vector<DeviceId> devices_;
  std::map<Shape, std::vector<Piece>> shapes_;
};

}  // namespace moeplan::sim
