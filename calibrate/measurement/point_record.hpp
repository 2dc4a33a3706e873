#pragma once
// PointRecord: one line of a journal, a visit of a point in a launch.

#include <string>

#include "calibrate/measurement/measure_point.hpp"
#include "models/text/json.hpp"
#include "models/text/node.hpp"

namespace moeplan::calibrate {

struct PointRecord {
  std::string id;  // of the point: kernel, shape, precision; the same in every run
  int launch = 0;  // from 0
  int visit = 0;   // within the launch, from 0
  PointOutcome outcome;
};

text::Json to_json(const PointRecord& record);
// Throws: InputError for unknown keys, wrong types, samples that are not above zero.
PointRecord record_from(const text::Document& document);

}  // namespace moeplan::calibrate
