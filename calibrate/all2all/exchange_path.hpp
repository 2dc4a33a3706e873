#pragma once
// ExchangePath: what one rank exchanges with - its memory, on a GPU of its own where the way says
// so, and the transport over it. Only in builds with MPI.

#include <memory>

#include "calibrate/all2all/exchange_devices.hpp"
#include "calibrate/all2all/exchange_transport.hpp"
#include "calibrate/all2all/exchange_way.hpp"
#include "calibrate/all2all/mpi_session.hpp"

namespace moeplan::calibrate {

class ExchangePath {
 public:
  // Collective. The GPU of a rank is the one of its place on the node, modulo those it sees. Adds
  // to world.settings what was opened: device (name), versions, device_memory_bytes, devices_shared
  // ("yes" where two ranks have one GPU), nccl (version).
  // Throws: DeviceError on every rank with one text, where a rank sees no GPU, GPUs are of
  // different kinds, or NCCL is missing, differs or would have to share a GPU.
  ExchangePath(MpiSession& session, ExchangeWay way, ExchangeDevices& devices, RankWorld& world);

  ExchangeEnds ends() const { return {*memory_, *transport_, capacity_}; }

 private:
  void open_device(MpiSession& session, ExchangeDevices& devices, RankWorld& world);
  void open_nccl(MpiSession& session, ExchangeDevices& devices, RankWorld& world);

  double capacity_;  // bytes that one rank may count on
  std::unique_ptr<ExchangeMemory> memory_;
  std::unique_ptr<NcclCommunicator> nccl_;
  std::unique_ptr<ExchangeTransport> host_;  // behind a staged one
  std::unique_ptr<ExchangeTransport> transport_;
};

}  // namespace moeplan::calibrate
