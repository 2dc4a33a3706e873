#pragma once
// NcclCommunicator: the calls of NCCL that exchanges need, one rank's end. The other half of the
// seam between what is exchanged and CUDA: tests plant one without GPUs.

#include <cstddef>
#include <memory>
#include <string>

namespace moeplan::calibrate {

// Between start_group and end_group, and outside of them, calls are queued on a stream of this
// communicator; wait() comes back when all of it is done. Addresses are of the GPU's memory.
// Throws: DeviceError with NCCL's text.
class NcclCommunicator {
 public:
  virtual ~NcclCommunicator() = default;
  virtual std::string version() const = 0;  // "2.27.3"
  // A name for one communicator, made by one of its ranks; bytes, not text.
  virtual std::string unique_id() = 0;
  virtual void join(const std::string& unique_id, int rank, int ranks) = 0;  // collective
  virtual void start_group() = 0;
  virtual void end_group() = 0;
  virtual void send(const void* from, std::size_t size, int to) = 0;
  virtual void receive(void* to, std::size_t size, int from) = 0;
  // Counts are floats; part: of one rank, whole: of all.
  virtual void all_gather(const void* send, void* receive, std::size_t part) = 0;
  virtual void reduce_scatter(const void* send, void* receive, std::size_t part) = 0;
  virtual void all_reduce(const void* send, void* receive, std::size_t whole) = 0;
  virtual void wait() = 0;
};

}  // namespace moeplan::calibrate
