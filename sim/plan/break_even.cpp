#include "sim/plan/break_even.hpp"

#include <map>
#include <optional>

namespace moeplan::sim {
namespace {

std::int64_t paid_gpus(const Design& d) { return d.gpus_total() + d.money.stranded_gpus; }

}  // namespace

std::vector<BreakEven> break_even(std::span<const Design> designs,
                                  std::span<const std::size_t> acceptable) {
  std::map<std::size_t, std::size_t> fewest;    // hardware option -> design with fewest paid GPUs
  std::map<std::size_t, std::size_t> cheapest;  // and the one that costs least
  for (const std::size_t i : acceptable) {
    const std::size_t option = designs[i].candidate.hardware;
    const auto least = fewest.emplace(option, i).first;
    if (paid_gpus(designs[i]) < paid_gpus(designs[least->second])) {
      least->second = i;
    }
    const auto best = cheapest.emplace(option, i).first;
    if (designs[i].money.rent < designs[best->second].money.rent) {
      best->second = i;
    }
  }
  std::vector<BreakEven> result;
  for (const auto& [option, design] : fewest) {
    std::optional<std::size_t> rival;
    for (const auto& [other, index] : cheapest) {
      if (other != option && (!rival || designs[index].money.rent < designs[*rival].money.rent)) {
        rival = index;
      }
    }
    if (!rival) {
      continue;
    }
    const auto paid = static_cast<double>(paid_gpus(designs[design]));
    result.push_back({.design = design,
                      .against = *rival,
                      .paid_gpus = paid_gpus(designs[design]),
                      .rent_per_gpu = designs[design].money.rent / paid,
                      .break_even = designs[*rival].money.rent / paid});
  }
  return result;
}

}  // namespace moeplan::sim
