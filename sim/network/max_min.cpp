#include "sim/network/max_min.hpp"

#include <algorithm>
#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::sim {

MaxMin::MaxMin(std::span<const double> capacities)
    : constraints_(capacities.size() + 1),
      members_(capacities.size()),
      owned_(capacities.size() + 1) {
  double largest = 1.0;
  for (const double capacity : capacities) {
    require(capacity > 0.0 && std::isfinite(capacity), "a constraint has a finite capacity > 0");
    largest = std::max(largest, capacity);
  }
  // A power of two: levels go back to B/s exactly. 2^62: no sum up to a capacity overflows.
  units_per_byte_ = std::ldexp(1.0, 61 - std::ilogb(largest));
  for (std::size_t i = 0; i < capacities.size(); ++i) {
    constraints_[i].capacity =
        std::max<std::int64_t>(1, static_cast<std::int64_t>(capacities[i] * units_per_byte_));
    constraints_[i].left = constraints_[i].capacity;
  }
  constraints_.back().is_open = true;
}

FlowClassId MaxMin::add_class(std::span<const std::int32_t> constraints) {
  require(!constraints.empty(), "a class of flows has a constraint");
  for (const std::int32_t constraint : constraints) {
    places_.push_back({constraint, -1});
  }
  first_place_.push_back(places_.size());
  flows_.push_back(0);
  bottleneck_.push_back(nobody());
  owned_index_.push_back(-1);
  return FlowClassId(static_cast<std::int32_t>(flows_.size()) - 1);
}

template <class Visit>
void MaxMin::for_each_other(const Owned& owned, std::int32_t own, Visit visit) {
  if (owned.other >= 0) {
    visit(owned.other);
    return;
  }
  for (const Place& place : places(owned.flow_class)) {
    if (place.constraint != own) {
      visit(place.constraint);
    }
  }
}

void MaxMin::enter(std::int32_t flow_class) {
  for (Place& place : places(flow_class)) {
    place.index = static_cast<std::int32_t>(members_[at(place.constraint)].size());
    members_[at(place.constraint)].push_back(flow_class);
  }
}

void MaxMin::leave(std::int32_t flow_class) {
  for (Place& place : places(flow_class)) {
    std::vector<std::int32_t>& members = members_[at(place.constraint)];
    const std::int32_t last = members.back();
    members[at(place.index)] = last;
    members.pop_back();
    for (Place& other : places(last)) {
      if (other.constraint == place.constraint) {
        other.index = place.index;
      }
    }
    place.index = -1;
  }
}

void MaxMin::own(std::int32_t constraint, std::int32_t flow_class) {
  Owned entry{flow_class, flows_[at(flow_class)], -1};
  const std::span<Place> on = places(flow_class);
  if (on.size() == 2) {
    entry.other = on[0].constraint == constraint ? on[1].constraint : on[0].constraint;
  }
  bottleneck_[at(flow_class)] = constraint;
  owned_index_[at(flow_class)] = static_cast<std::int32_t>(owned_[at(constraint)].size());
  owned_[at(constraint)].push_back(entry);
  constraints_[at(constraint)].owned += entry.flows;
}

void MaxMin::disown(std::int32_t flow_class) {
  const std::int32_t constraint = bottleneck_[at(flow_class)];
  if (constraint == nobody()) {
    return;
  }
  std::vector<Owned>& owned = owned_[at(constraint)];
  const std::int32_t index = owned_index_[at(flow_class)];
  constraints_[at(constraint)].owned -= owned[at(index)].flows;
  owned[at(index)] = owned.back();
  owned_index_[at(owned[at(index)].flow_class)] = index;
  owned.pop_back();
  bottleneck_[at(flow_class)] = nobody();
}

void MaxMin::change_flows(FlowClassId id, std::int32_t by) {
  const std::int32_t flow_class = id.index();
  std::int32_t& flows = flows_[at(id)];
  require(flows + by >= 0, "no flow of this class to remove");
  if (flows == 0) {
    enter(flow_class);
  }
  const std::int32_t before = bottleneck_[at(id)];
  const std::int32_t fixed = before == nobody() ? 0 : flows;
  const std::int64_t taken = before == nobody() ? 0 : fixed * constraints_[at(before)].level;
  for (const Place& place : places(flow_class)) {
    Constraint& constraint = constraints_[at(place.constraint)];
    constraint.left += taken;
    constraint.open += fixed + by;
    changed_.push_back(place.constraint);
  }
  disown(flow_class);
  flows += by;
  unfixed_ += fixed + by;
  if (flows == 0) {
    leave(flow_class);
  }
}

MaxMin::Changes MaxMin::solve() {
  levels_.clear();
  moved_.clear();
  reached_.clear();
  if (++epoch_ == 0) {
    epoch_ = 1;
    for (Constraint& constraint : constraints_) {
      constraint.reached = 0;
    }
  }
  for (const std::int32_t constraint : changed_) {
    reach(constraint);
  }
  open_wanted();
  fill();
  for (const std::int32_t constraint : reached_) {
    constraints_[at(constraint)].is_open = false;
  }
  changed_.clear();
  return {levels_, moved_};
}

// The load of the constraint changes: those that it limits are to be filled again.
void MaxMin::reach(std::int32_t constraint) {
  Constraint& reached = constraints_[at(constraint)];
  if (reached.reached != epoch_) {
    reached.reached = epoch_;
    reached_.push_back(constraint);
  }
  if (!reached.is_open && reached.owned > 0) {
    reached.is_open = true;
    wanted_.push_back(constraint);
  }
}

// Takes the classes of the wanted bottlenecks off everything they cross, and of those that this
// reaches.
void MaxMin::open_wanted() {
  for (std::size_t next = 0; next < wanted_.size(); ++next) {
    const std::int32_t constraint = wanted_[next];
    Constraint& bottleneck = constraints_[at(constraint)];
    bottleneck.left += bottleneck.owned * bottleneck.level;
    bottleneck.open += bottleneck.owned;
    unfixed_ += bottleneck.owned;
    for (const Owned& owned : owned_[at(constraint)]) {
      const std::int64_t taken = owned.flows * bottleneck.level;
      for_each_other(owned, constraint, [&](std::int32_t other) {
        constraints_[at(other)].left += taken;
        constraints_[at(other)].open += owned.flows;
        reach(other);
      });
    }
  }
  wanted_.clear();
}

// Wants the bottlenecks of fixed classes on the constraint that are faster than it can let them be;
// false when there are none. Levels that differ by rounding only are equal.
bool MaxMin::find_faster(std::int32_t constraint, std::int64_t level) {
  const std::int64_t equal = level + (level >> 36) + 2;
  bool found = false;
  for (const std::int32_t flow_class : members_[at(constraint)]) {
    const std::int32_t bottleneck = bottleneck_[at(flow_class)];
    if (!constraints_[at(bottleneck)].is_open && constraints_[at(bottleneck)].level > equal) {
      reach(bottleneck);
      found = true;
    }
  }
  return found;
}

// Fixes the open classes on a constraint that is full at this level.
void MaxMin::fix(std::int32_t constraint, std::int64_t level) {
  Constraint& full = constraints_[at(constraint)];
  if (!full.is_open || full.open != full.owned) {
    // Some were fixed by another constraint before.
    full.is_open = true;
    for (const std::int32_t flow_class : members_[at(constraint)]) {
      const std::int32_t before = bottleneck_[at(flow_class)];
      if (before != constraint && constraints_[at(before)].is_open) {
        disown(flow_class);
        own(constraint, flow_class);
        moved_.emplace_back(flow_class);
      }
    }
  }
  for (const Owned& owned : owned_[at(constraint)]) {
    const std::int64_t taken = owned.flows * level;
    for_each_other(owned, constraint, [&](std::int32_t other) {
      constraints_[at(other)].left -= taken;
      constraints_[at(other)].open -= owned.flows;
    });
  }
  full.left -= full.owned * level;
  unfixed_ -= full.owned;
  full.open = 0;
  full.is_open = false;
  if (full.level != level) {
    full.level = level;
    levels_.push_back(constraint);
  }
}

void MaxMin::fill() {
  const auto share = [&](std::size_t player) {
    const Constraint& constraint = constraints_[at(reached_[player])];
    return constraint.open > 0 ? constraint.left / constraint.open : Tournament::kOut;
  };
  const auto begin = [&] {
    shares_.reset(reached_.size());
    for (std::size_t player = 0; player < reached_.size(); ++player) {
      shares_.set(player, share(player));
    }
    shares_.rebuild();
  };
  begin();
  while (unfixed_ > 0) {
    // Shares only grow while others are fixed: an old one is a lower bound.
    require(shares_.least() < Tournament::kOut, "an open flow has no constraint");
    const std::size_t player = shares_.winner();
    const std::int64_t now = share(player);
    if (now != shares_.least()) {
      shares_.update(player, now);
      continue;
    }
    const std::int32_t constraint = reached_[player];
    // A bottleneck whose level does not sink has no faster classes on it than before.
    const Constraint& full = constraints_[at(constraint)];
    if ((!full.is_open || now < full.level) && find_faster(constraint, now)) {
      open_wanted();
      begin();
      continue;
    }
    fix(constraint, now);
    shares_.update(player, Tournament::kOut);
  }
}

}  // namespace moeplan::sim
