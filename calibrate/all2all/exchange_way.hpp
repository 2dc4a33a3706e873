#pragma once
// ExchangeWay: where buffers lie and who moves them, as the plan of a sweep, its measurements and
// its ranks all name it.

#include <string>
#include <vector>

namespace moeplan::calibrate {

enum class ExchangeWay {
  host,         // MPI, buffers of the host
  device,       // MPI, which takes buffers of GPUs
  host_staged,  // buffers of GPUs that MPI does not take: copied through the host, within the time
  nccl          // NCCL, buffers of GPUs
};

const std::vector<std::string>& buffer_names();     // host, device
const std::vector<std::string>& transport_names();  // mpi, nccl

// cuda_aware: what MPI says of itself (mpi_settings); anything but "yes" is staged, because a wrong
// guess ends ranks by a signal. Throws: InputError E_VALUE for NCCL with buffers of the host.
ExchangeWay exchange_way(const std::string& buffers, const std::string& transport,
                         const std::string& cuda_aware);

std::string name_of(ExchangeWay way);  // "host_staged"

}  // namespace moeplan::calibrate
