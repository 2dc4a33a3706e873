#pragma once
// ExchangeCase: what ranks exchange, as data. Ids are stable: two runs call the same point the
// same.

#include <cstdint>
#include <string>
#include <vector>

namespace moeplan::calibrate {

// [ranks x ranks] bytes, row = source.
class ByteMatrix {
 public:
  ByteMatrix() = default;
  explicit ByteMatrix(int ranks)
      : ranks_(ranks), bytes_(static_cast<std::size_t>(ranks) * static_cast<std::size_t>(ranks)) {}
  int ranks() const { return ranks_; }
  std::int64_t& at(int source, int destination) { return bytes_[place(source, destination)]; }
  std::int64_t at(int source, int destination) const { return bytes_[place(source, destination)]; }
  std::int64_t sent(int source) const;           // row sum, its own part included
  std::int64_t received(int destination) const;  // column sum
  ByteMatrix transposed() const;

 private:
  std::size_t place(int source, int destination) const {
    return static_cast<std::size_t>(source) * static_cast<std::size_t>(ranks_) +
           static_cast<std::size_t>(destination);
  }
  int ranks_ = 0;
  std::vector<std::int64_t> bytes_;
};

struct ExchangeCase {
  // all2allv: MPI_Alltoallv of `matrix`; all2all: MPI_Alltoall of equal parts; the others of a
  // vector of `bytes` (as models::CollectiveLatency counts them); ping_pong: `bytes` from rank 0 to
  // rank `peer` and back, timed as half the round trip; sendrecv: all ranks exchange `bytes` with
  // their neighbours in a ring, one message out and one in.
  enum class Operation {
    all2allv,
    all2all,
    all_gather,
    reduce_scatter,
    all_reduce,
    ping_pong,
    sendrecv
  };
  Operation operation = Operation::all2allv;
  bool combine = false;  // the matrix is the transpose of the pattern's
  std::string pattern;   // of all2allv; of ping_pong: "near" or "far"
  ByteMatrix matrix;     // of all2allv
  std::int64_t bytes = 0;
  int ranks = 0;
  int nodes = 1;
  int peer = 0;

  // "all2allv/dispatch/hot_receiver_x4/p8n2/b65536"
  std::string id() const;
  // The most that one rank has in its buffers, for either direction.
  std::int64_t largest_buffer() const;
};

const std::vector<std::string>& operation_names();

// Patterns of `bytes` sent by each rank on average, itself included:
//   uniform             bytes / ranks to every rank
//   hot_receiver_xF     rank 0 gets F times what any other gets; every rank sends `bytes`
//   hot_sender_xF       rank 0 sends F times what any other sends
//   power_law_1         rank d gets in proportion to 1 / (d + 1)
//   sparse              every rank sends all to the next one; all other pairs are zero
//   intra, inter        to the ranks of the own node, resp. of other nodes, only
// node_of_rank: [ranks]. Throws: std::logic_error for other names.
ByteMatrix pattern_matrix(const std::string& pattern, const std::vector<int>& node_of_rank,
                          std::int64_t bytes);

}  // namespace moeplan::calibrate
