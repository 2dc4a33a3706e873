#pragma once
// MaxMin: fair shares of constraints (links) among classes of flows that cross the same ones.
// Max-min fair: no flow can get more without taking from one that has no more than it; so each
// flow has a bottleneck, a full constraint on which no flow is faster. Progressive filling: all
// rates rise together, those on a constraint that is full stay.
// Rates are integers in units of 2^-k B/s, k so large that the sums just fit 64 bits: taking a flow
// off a constraint undoes putting it on exactly, no constraint is ever overfilled (a full one keeps
// less than a unit per flow), and nothing depends on the order of sums or on the compiler.
// After a change only what it reaches is filled again (see solve()). It knows no time and no
// volumes: those are flow_network.hpp. Source of the fairness and of progressive filling: Bertsekas
// and Gallager, Data Networks, 6.5.2.

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "models/units/id.hpp"
#include "sim/network/tournament.hpp"

namespace moeplan::sim {

using FlowClassId = Id<struct FlowClassTag>;

class MaxMin {
 public:
  // B/s of each constraint, > 0 and finite.
  explicit MaxMin(std::span<const double> capacities);

  // A class that crosses these constraints (at least one, each once), without flows yet.
  FlowClassId add_class(std::span<const std::int32_t> constraints);
  // One more or one less flow of the class; rates are stale until solve().
  // Throws: std::logic_error when the class has none to remove.
  void add_flow(FlowClassId id) { change_flows(id, 1); }
  void remove_flow(FlowClassId id) { change_flows(id, -1); }

  // What a solve changed, in the order in which it was fixed; valid until the next one.
  struct Changes {
    std::span<const std::int32_t> levels;  // constraints whose classes have another rate now
    std::span<const FlowClassId> moved;    // classes fixed by another constraint than before, or
                                           // whose number of flows changed; with flows only
  };
  // Brings the rates up to date. Filled again are the classes limited by a constraint whose load
  // changes (first those of the changed classes, then those that a class to be filled crosses), and
  // the faster classes on a constraint that gets full below them. All others keep a bottleneck on
  // which nothing changed, so the whole is max-min fair again.
  Changes solve();

  // The constraint that limits a class with flows, as of the last solve: the class's rate is that
  // constraint's level, and so for all classes with this bottleneck.
  std::int32_t bottleneck(FlowClassId id) const { return bottleneck_[at(id)]; }
  // B/s.
  double level(std::int32_t constraint) const {
    return static_cast<double>(constraints_[at(constraint)].level) / units_per_byte_;
  }
  // B/s of each flow of the class; 0 without flows.
  double rate(FlowClassId id) const { return flows_[at(id)] > 0 ? level(bottleneck(id)) : 0.0; }
  std::int32_t flows(FlowClassId id) const { return flows_[at(id)]; }

 private:
  static constexpr std::int64_t kNoLevel = std::numeric_limits<std::int64_t>::max();

  // A class in the list of its bottleneck; all that filling reads of it, side by side.
  struct Owned {
    std::int32_t flow_class;
    std::int32_t flows;
    std::int32_t other;  // its other constraint, if it has two; else -1: see places_
  };
  struct Constraint {
    std::int64_t capacity = 0;
    std::int64_t left = 0;  // not taken by fixed classes
    std::int64_t level = kNoLevel;
    std::int32_t open = 0;      // flows of classes on it that are not fixed
    std::int32_t owned = 0;     // flows of classes that it is the bottleneck of
    std::uint32_t reached = 0;  // epoch
    bool is_open = false;       // its classes are not fixed
  };
  struct Place {
    std::int32_t constraint;
    std::int32_t index;  // in its members
  };

  static std::size_t at(FlowClassId id) { return static_cast<std::size_t>(id.index()); }
  static std::size_t at(std::int32_t index) { return static_cast<std::size_t>(index); }
  std::span<Place> places(std::int32_t flow_class) {
    const auto begin = first_place_[at(flow_class)];
    return {places_.data() + begin, first_place_[at(flow_class) + 1] - begin};
  }
  // No constraint: classes that are not fixed; it is always open.
  std::int32_t nobody() const { return static_cast<std::int32_t>(constraints_.size()) - 1; }
  template <class Visit>
  void for_each_other(const Owned& owned, std::int32_t own, Visit visit);
  void change_flows(FlowClassId id, std::int32_t by);
  void enter(std::int32_t flow_class);
  void leave(std::int32_t flow_class);
  void own(std::int32_t constraint, std::int32_t flow_class);
  void disown(std::int32_t flow_class);
  void reach(std::int32_t constraint);
  void open_wanted();
  bool find_faster(std::int32_t constraint, std::int64_t level);
  void fill();
  void fix(std::int32_t constraint, std::int64_t level);

  double units_per_byte_ = 1.0;
  // Per constraint, and one more for nobody().
  std::vector<Constraint> constraints_;
  std::vector<std::vector<std::int32_t>> members_;  // classes with flows that cross it
  std::vector<std::vector<Owned>> owned_;           // those of which it is the bottleneck
  // Per class.
  std::vector<std::int32_t> flows_;
  std::vector<std::int32_t> bottleneck_;
  std::vector<std::int32_t> owned_index_;  // in owned_ of its bottleneck
  std::vector<std::size_t> first_place_{0};
  std::vector<Place> places_;
  std::vector<std::int32_t> changed_;  // constraints whose flows changed since the last solve
  std::int64_t unfixed_ = 0;           // flows without a rate
  // While solving.
  std::uint32_t epoch_ = 0;
  std::vector<std::int32_t> reached_;  // constraints whose load changes
  std::vector<std::int32_t> wanted_;   // bottlenecks to open
  Tournament shares_;                  // of reached_
  std::vector<std::int32_t> levels_;   // Changes::levels
  std::vector<FlowClassId> moved_;     // Changes::moved
};

}  // namespace moeplan::sim
