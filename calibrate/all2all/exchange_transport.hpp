#pragma once
// ExchangeTransport: who moves the bytes of an exchange. One rank's part of each; every rank of the
// transport calls the same. What was received is there when a call comes back.

#include <cstddef>
#include <vector>

#include "calibrate/all2all/exchange_memory.hpp"

namespace moeplan::calibrate {

// [ranks] bytes for or from every rank, and where they begin in the buffer.
struct ExchangeParts {
  std::vector<int> counts;
  std::vector<int> places;

  void add(int count);  // behind what is there
  std::size_t total() const;
};

// Buffers lie in the memory that the transport was made for. Throws: DeviceError.
class ExchangeTransport {
 public:
  virtual ~ExchangeTransport() = default;
  virtual void all2allv(const void* send, const ExchangeParts& out, void* receive,
                        const ExchangeParts& in) = 0;
  virtual void all2all(const void* send, void* receive, int part) = 0;  // bytes for each rank
  // Counts are floats; part: of one rank, whole: of all.
  virtual void all_gather(const void* send, void* receive, int part) = 0;
  virtual void reduce_scatter(const void* send, void* receive, int part) = 0;
  virtual void all_reduce(const void* send, void* receive, int whole) = 0;
  virtual void send(const void* from, int size, int to) = 0;
  virtual void receive(void* to, int size, int from) = 0;
  // `size` bytes to the peer and as many back; leads: sends first, else answers.
  virtual void ping_pong(bool leads, int peer, const void* send, void* receive, int size);
  // `size` bytes to one rank, as many from another, both at once.
  virtual void send_receive(const void* send, int to, void* receive, int from, int size) = 0;
};

// What a rank exchanges with. Both outlive what uses them.
struct ExchangeEnds {
  ExchangeMemory& memory;
  ExchangeTransport& transport;
  double capacity = 0.0;  // bytes that one rank may count on
};

}  // namespace moeplan::calibrate
