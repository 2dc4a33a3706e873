#pragma once
// combine: the visits of a point into one figure. Launches are the blocks: the spread between them
// is kept apart from the spread within, and intervals are of launches.

#include <string>
#include <vector>

#include "calibrate/measurement/journal.hpp"
#include "calibrate/measurement/summary.hpp"
#include "models/text/json.hpp"

namespace moeplan::calibrate {

struct CombinedPoint {
  std::string id;
  PointStatus status = PointStatus::measured;  // the first visit's that was not measured
  std::string reason;
  double median_s = 0.0;               // median of the launches' medians
  int launches = 0;                    // that measured it
  std::vector<double> launch_medians;  // [launches], s, in the order of their numbers
  double sd_within_log = 0.0;          // sqrt of the launches' mean variance of ln(duration)
  double sd_between_log = 0.0;         // standard deviation of ln(launch median); 0 for one launch
  Summary summary;                     // of all samples
  std::vector<std::string> flags;      // sorted: of the visits, and multimodal
};

// One entry for every planned point that has a record, in plan order. A point is `measured` only
// when all its visits are: a visit that failed once would not be there by chance. multimodal: modes
// in the samples of a visit, or launch medians of a ratio above 1.3.
std::vector<CombinedPoint> combine(const JournalContents& journal);

// For people and scripts: the figures with units in the keys.
text::Json to_json(const CombinedPoint& point);

}  // namespace moeplan::calibrate
