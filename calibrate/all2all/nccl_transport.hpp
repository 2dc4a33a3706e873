#pragma once
// NcclTransport: exchanges by NCCL, as engines and nccl-tests write them: an all2allv is one group
// of sends and receives. Every call waits for the stream, so durations hold the host's launch.

#include "calibrate/all2all/exchange_transport.hpp"
#include "calibrate/all2all/nccl_communicator.hpp"

namespace moeplan::calibrate {

class NcclTransport : public ExchangeTransport {
 public:
  // The communicator has been joined by all ranks, and outlives this.
  NcclTransport(NcclCommunicator& nccl, int ranks) : nccl_(nccl), ranks_(ranks) {}

  void all2allv(const void* send, const ExchangeParts& out, void* receive,
                const ExchangeParts& in) override;
  void all2all(const void* send, void* receive, int part) override;
  void all_gather(const void* send, void* receive, int part) override;
  void reduce_scatter(const void* send, void* receive, int part) override;
  void all_reduce(const void* send, void* receive, int whole) override;
  void send(const void* from, int size, int to) override;
  void receive(void* to, int size, int from) override;
  // Both halves are queued at once: no wait of the host lies between them.
  void ping_pong(bool leads, int peer, const void* send, void* receive, int size) override;
  void send_receive(const void* send, int to, void* receive, int from, int size) override;

 private:
  NcclCommunicator& nccl_;
  int ranks_;
};

}  // namespace moeplan::calibrate
