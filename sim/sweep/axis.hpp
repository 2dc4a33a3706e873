#pragma once
// Axis: one key of a scenario that a sweep varies, with the values it takes. In the file, where
// otherwise one value stands:
//   rate: [100 requests/s, 200 requests/s]                   a list, of a key that takes one value
//   gpus: {each: [1, 2, 4]}                                  of any key; an item may be a list
//   rate: {from: 100 requests/s, to: 400 requests/s, step: 50 requests/s}
//   rate: {from: 100 requests/s, to: 400 requests/s, points: 7, scale: log}
// A list of a key that takes lists anyway (hardware.gpus) is what it always was: candidates.

#include <cstdint>
#include <string>
#include <vector>

#include "models/text/node.hpp"
#include "sim/scenario/values.hpp"

namespace moeplan::sim {

inline constexpr std::int64_t kMostAxisValues = 1'000'000;

struct Axis {
  std::string path;  // "workload.rate"
  Mark mark;         // of its list or range
  std::vector<Value> values;
};

// A scenario file split into what stays and what varies.
struct SweptDocument {
  ScenarioValues fixed;    // the varied keys have their first values
  std::vector<Axis> axes;  // in the order of the field table; empty: one scenario
};

// Checks every value of every axis as a single one is checked. A range ends at `to` exactly where
// it has `points`, and at the last step not beyond it where it has a `step`; values in between are
// rounded to 12 digits, those of counts to whole numbers. All problems go to `problems`, among them
// a value that is there twice.
SweptDocument read_swept(const text::Document& document, text::Problems& problems);

// Name of an axis as a column: its path and the unit of its numbers ("workload.rate_per_s");
// "scenario.seed" for a key of no section.
std::string column_name(const Field& field);
// Numbers of an axis in the unit of its column from base units (rents are USD/h there).
double column_number(const Field& field, double base);

}  // namespace moeplan::sim
