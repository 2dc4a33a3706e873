#pragma once
// RankLink: how the ranks of a sweep talk; an interface, so that what they say to each other is
// tested without MPI. mpi_link.hpp has the one for MPI.

#include <optional>
#include <string>

namespace moeplan::sim {

struct RankMessage {
  int from = 0;
  std::string text;
};

// Used by one thread of each rank.
class RankLink {
 public:
  virtual ~RankLink() = default;
  virtual int rank() const = 0;
  virtual int ranks() const = 0;
  // Does not wait for the receiver. Messages between two ranks arrive in order.
  virtual void send(int to, const std::string& text) = 0;
  // The next message that has come, from any rank; does not wait.
  virtual std::optional<RankMessage> poll() = 0;
  // Waits until what was sent has gone out.
  virtual void flush() = 0;
};

}  // namespace moeplan::sim
