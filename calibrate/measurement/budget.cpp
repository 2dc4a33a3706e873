#include "calibrate/measurement/budget.hpp"

#include <algorithm>
#include <tuple>

#include "models/routing/split_mix.hpp"

namespace moeplan::calibrate {
namespace {

constexpr Seconds kLeastVisit = milliseconds(600.0);
constexpr double kCallsOfVisit = 50.0;

// FNV-1a: the same for an id on every machine.
std::uint64_t hash(const std::string& id) {
  std::uint64_t value = 0xCBF29CE484222325u;
  for (const char c : id) {
    value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  }
  return value;
}

}  // namespace

Seconds visit_time(Seconds call) { return std::max(kLeastVisit, call * kCallsOfVisit); }

GridChoice choose_points(const std::vector<GridPoint>& grid, Seconds budget, int visits_of_a_point,
                         std::uint64_t seed) {
  std::vector<const GridPoint*> points;
  for (const GridPoint& point : grid) {
    points.push_back(&point);
  }
  const auto drawn = [&](const GridPoint* point) {
    return models::split_mix(seed ^ hash(point->id));
  };
  std::sort(points.begin(), points.end(), [&](const GridPoint* a, const GridPoint* b) {
    return std::tuple(a->level, drawn(a), a->id) < std::tuple(b->level, drawn(b), b->id);
  });
  GridChoice choice;
  for (const GridPoint* point : points) {
    const Seconds cost = visit_time(point->call) * visits_of_a_point;
    if (point->level > 0 && choice.expected + cost > budget) {
      continue;
    }
    choice.expected += cost;
    choice.level = std::max(choice.level, point->level);
    choice.plan.push_back(point->id);
  }
  std::sort(choice.plan.begin(), choice.plan.end());
  return choice;
}

}  // namespace moeplan::calibrate
