#include "calibrate/all2all/exchange_way.hpp"

#include "models/text/input_error.hpp"

namespace moeplan::calibrate {

const std::vector<std::string>& buffer_names() {
  static const std::vector<std::string> kNames = {"host", "device"};
  return kNames;
}

const std::vector<std::string>& transport_names() {
  static const std::vector<std::string> kNames = {"mpi", "nccl"};
  return kNames;
}

ExchangeWay exchange_way(const std::string& buffers, const std::string& transport,
                         const std::string& cuda_aware) {
  if (transport == "nccl" && buffers != "device") {
    throw InputError({.code = "E_VALUE",
                      .file = "",
                      .mark = {},
                      .pointer = "--transport",
                      .what = "NCCL exchanges buffers of GPUs only",
                      .got = "--transport nccl --buffers " + buffers,
                      .expected = "--transport nccl --buffers device"});
  }
  if (transport == "nccl") {
    return ExchangeWay::nccl;
  }
  return buffers == "host"     ? ExchangeWay::host
         : cuda_aware == "yes" ? ExchangeWay::device
                               : ExchangeWay::host_staged;
}

std::string name_of(ExchangeWay way) {
  static const std::vector<std::string> kNames = {"host", "device", "host_staged", "nccl"};
  return kNames.at(static_cast<std::size_t>(way));
}

}  // namespace moeplan::calibrate
