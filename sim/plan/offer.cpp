#include "sim/plan/offer.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace moeplan::sim {
namespace {

// What the scenario's tiers and provider leave of the book for a GPU.
std::vector<const models::Price*> offers(const PriceOptions& options, const std::string& gpu) {
  std::vector<const models::Price*> found;
  for (const std::string& tier : options.tiers) {
    for (const models::Price* price : options.book.matching(gpu, tier)) {
      if (options.provider.empty() || price->provider == options.provider) {
        found.push_back(price);
      }
    }
  }
  return found;
}

// Instances of `size` GPUs for pools in falling order of engine size. Parts of engines share an
// instance, or a part takes several instances of one machine.
std::int64_t instances_for(const std::vector<EnginePool>& pools, int per_node, int size) {
  struct Room {
    int gpus = 0;
    std::int64_t instances = 0;
  };
  std::vector<Room> rooms;
  std::int64_t instances = 0;
  for (const EnginePool& pool : pools) {
    const int together = std::min(pool.gpus, per_node);  // in one machine
    std::int64_t parts = pool.engines * ((pool.gpus + together - 1) / together);
    for (const Room& room : rooms) {
      parts -= std::min(parts, room.instances * (room.gpus / together));
    }
    const std::int64_t shared = std::max(1, size / together);
    const std::int64_t per_part = (together + size - 1) / size;
    const std::int64_t machines = (parts + shared - 1) / shared;
    instances += machines * per_part;
    if (per_part == 1 && machines > 0) {
      const std::int64_t last = parts - (machines - 1) * shared;
      rooms.push_back({static_cast<int>(size - shared * together), machines - 1});
      rooms.push_back({static_cast<int>(size - last * together), 1});
    }
  }
  return instances;
}

}  // namespace

std::variant<Offer, std::string> cheapest_offer(const PriceOptions& options, const std::string& gpu,
                                                int gpus, int per_node, std::int64_t replicas) {
  return cheapest_offer(options, gpu, {{gpus, replicas}}, per_node);
}

std::variant<Offer, std::string> cheapest_offer(const PriceOptions& options, const std::string& gpu,
                                                std::vector<EnginePool> pools, int per_node) {
  std::stable_sort(pools.begin(), pools.end(),
                   [](const EnginePool& a, const EnginePool& b) { return a.gpus > b.gpus; });
  const int together = std::min(pools.front().gpus, per_node);  // in one machine, at most
  const std::string tiers = fmt::format("{}", fmt::join(options.tiers, " or "));
  Offer best;
  int widest = 0;
  for (const models::Price* price : offers(options, gpu)) {
    const int machine = std::max(price->gpus, price->largest);
    widest = std::max(widest, machine);
    if (machine < together) {
      continue;
    }
    const std::int64_t instances = instances_for(pools, per_node, price->gpus);
    const UsdPerSecond rent = price->rent * static_cast<double>(instances);
    if (best.price == nullptr || rent < best.price->rent * static_cast<double>(best.instances)) {
      best = {price, instances};
    }
  }
  if (best.price != nullptr) {
    return best;
  }
  if (widest > 0) {
    return fmt::format("no {} machine with {} in the price book holds {} GPUs (the largest has {})",
                       tiers, gpu, together, widest);
  }
  return fmt::format("the price book {} has no {} price of {}{}", options.book.id(), tiers, gpu,
                     options.provider.empty() ? "" : " from " + options.provider);
}

}  // namespace moeplan::sim
