#pragma once
// What a fleet rents: whole instances of the price book, the cheapest that hold its engines.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "models/price/price_book.hpp"
#include "sim/scenario/scenario.hpp"

namespace moeplan::sim {

// The cheapest offer of the book (tiers and provider as the scenario says) for `replicas` engines
// of `gpus` GPUs each, or the reason why there is none. GPUs of one node sit in one machine; an
// engine of several nodes of `per_node` GPUs takes as many machines.
struct Offer {
  const models::Price* price = nullptr;
  std::int64_t instances = 0;
};
std::variant<Offer, std::string> cheapest_offer(const PriceOptions& options, const std::string& gpu,
                                                int gpus, int per_node, std::int64_t replicas);
// The same for engines of several sizes; those of one size fill up what larger ones leave of their
// instances.
struct EnginePool {
  int gpus = 1;  // of one engine
  std::int64_t engines = 0;
};
std::variant<Offer, std::string> cheapest_offer(const PriceOptions& options, const std::string& gpu,
                                                std::vector<EnginePool> pools, int per_node);

}  // namespace moeplan::sim
