#pragma once
// MpiTransport: exchanges by MPI's own calls among all ranks; buffers of the host, or of GPUs where
// MPI is CUDA-aware. Only in builds with MPI.

#include "calibrate/all2all/exchange_transport.hpp"

namespace moeplan::calibrate {

class MpiTransport : public ExchangeTransport {
 public:
  void all2allv(const void* send, const ExchangeParts& out, void* receive,
                const ExchangeParts& in) override;
  void all2all(const void* send, void* receive, int part) override;
  void all_gather(const void* send, void* receive, int part) override;
  void reduce_scatter(const void* send, void* receive, int part) override;
  void all_reduce(const void* send, void* receive, int whole) override;
  void send(const void* from, int size, int to) override;
  void receive(void* to, int size, int from) override;
  void send_receive(const void* send, int to, void* receive, int from, int size) override;
};

}  // namespace moeplan::calibrate
