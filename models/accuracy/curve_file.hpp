#pragma once
// CurveFile: an accuracy curve as a file that scenarios and the catalog read (accuracy.curve), made
// from measurements: a value and a standard error per task and point.

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "models/accuracy/accuracy_curve.hpp"
#include "models/text/json.hpp"

namespace moeplan::models {

struct CurveFile {
  struct Point {
    std::int64_t experts_kept = 0;
    std::map<std::string, double> values;           // task -> fraction, all tasks
    std::map<std::string, double> standard_errors;  // task -> of the value; all tasks, or empty
    std::string source;                             // a key of sources
  };
  // id is the file's name and not written; the source of a task is a key of sources.
  AccuracyDescription description;
  std::map<std::string, std::string> sources;  // key -> document, date
  std::vector<Point> points;
};

// schema moeplan.accuracy_curve. Band "measured" when every point has standard errors, else "none".
text::Json curve_json(const CurveFile& file);

}  // namespace moeplan::models
