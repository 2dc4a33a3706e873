#pragma once
// GPUs that are not there: memory whose addresses nobody can follow but its own copies, and an NCCL
// that keeps to its rules (queued calls, groups, a stream that is waited for) over MPI.

#include <memory>
#include <string>

#include "calibrate/all2all/exchange_devices.hpp"

namespace moeplan::tests {

// What goes wrong: "" nothing; no_gpu: rank 1 sees none; other_gpu: rank 1 has another kind;
// one_gpu: both ranks see only the same one; no_nccl: not installed on rank 1; lost: what is copied
// in from staging never arrives. direct: addresses are the host's, as a CUDA-aware MPI could follow
// them.
std::unique_ptr<calibrate::ExchangeDevices> planted_devices(const std::string& fault, bool direct);

}  // namespace moeplan::tests
