#pragma once
// ExchangeNetwork: what an exchange takes longer on the links of its cluster than its busiest port
// does alone, which is what the exchange laws are fitted to.
//   stretch = time of its flows on the cluster / time of its fullest port
// 1 where ports set the time: on one node, and over a fabric that does not block, for traffic that
// is even but for hot receivers. Both times are volume over stated rate, without latency: rates
// that the laws reach of the stated ones cancel, and the laws keep their latencies.

#include "models/routing/exchange_traffic.hpp"
#include "sim/deployment/deployment.hpp"
#include "sim/network/exchange_time.hpp"

namespace moeplan::sim {

struct NetworkStretch {
  double dispatch = 1.0;
  double combine = 1.0;
};

class ExchangeNetwork {
 public:
  // The devices of an engine of so many GPUs, which fill nodes and leaves in order; of a drawn
  // topology its first ones. Ports are always those of the hardware, which the laws know.
  ExchangeNetwork(const HardwareOption& option, const NetworkOptions& network, int gpus);
  ExchangeNetwork(const ExchangeNetwork&) = delete;
  ExchangeNetwork& operator=(const ExchangeNetwork&) = delete;

  // Of an exchange that has the network to itself. Forwarded rows go to the rank of the same index
  // on their node first, and from there to their rank, both at once (the kernels pipeline them).
  NetworkStretch stretch(const models::ExchangeTraffic& dispatch);

 private:
  double stretch_of(std::span<const double> rows);

  Routes cluster_;
  Routes ports_;  // of the same nodes on one leaf: nothing but ports limits
  ExchangeTime flows_;
  ExchangeTime alone_;
};

}  // namespace moeplan::sim
