#include "calibrate/all2all/exchange_transport.hpp"

#include <numeric>

namespace moeplan::calibrate {

void ExchangeParts::add(int count) {
  places.push_back(counts.empty() ? 0 : places.back() + counts.back());
  counts.push_back(count);
}

std::size_t ExchangeParts::total() const {
  return std::accumulate(
      counts.begin(), counts.end(), std::size_t{0},
      [](std::size_t sum, int count) { return sum + static_cast<std::size_t>(count); });
}

void ExchangeTransport::ping_pong(bool leads, int peer, const void* send_from, void* receive_to,
                                  int size) {
  if (leads) {
    send(send_from, size, peer);
    receive(receive_to, size, peer);
  } else {
    receive(receive_to, size, peer);
    send(send_from, size, peer);
  }
}

}  // namespace moeplan::calibrate
