#include "models/accuracy/curve_file.hpp"

#include <algorithm>

#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

using text::Json;

Json fractions(const std::map<std::string, double>& numbers) {
  Json object = Json::object();
  for (const auto& [task, number] : numbers) {
    object.set(task, number);
  }
  return object;
}

}  // namespace

Json curve_json(const CurveFile& file) {
  const AccuracyDescription& what = file.description;
  const bool measured =
      std::all_of(file.points.begin(), file.points.end(), [&](const CurveFile::Point& point) {
        return point.standard_errors.size() == what.tasks.size();
      });
  Json sources = Json::object();
  for (const auto& [key, document] : file.sources) {
    sources.set(key, document);
  }
  Json tasks = Json::array();
  for (const AccuracyTask& task : what.tasks) {
    Json entry = Json::object().set("name", task.name).set("weight", task.weight);
    if (task.samples > 0) {
      entry.set("samples", task.samples).set("source", task.source);
    }
    tasks.push(std::move(entry));
  }
  Json points = Json::array();
  for (const CurveFile::Point& point : file.points) {
    require(point.values.size() == what.tasks.size(), "a point has a value for every task");
    Json entry = Json::object()
                     .set("experts_kept", point.experts_kept)
                     .set("values", fractions(point.values));
    if (measured) {
      entry.set("standard_errors", fractions(point.standard_errors));
    }
    points.push(std::move(entry.set("source", point.source)));
  }
  Json json = Json::object()
                  .set("schema", "moeplan.accuracy_curve")
                  .set("schema_version", 1)
                  .set("name", what.name)
                  .set("model", what.model);
  if (!what.architecture.empty()) {
    json.set("architecture", what.architecture);
  }
  json.set("method", what.method)
      .set("metric", what.metric)
      .set("pretrained_experts", what.pretrained_experts)
      .set("top_k", what.top_k)
      .set("router", what.router)
      .set("finetuned", what.finetuned)
      .set("band", measured ? "measured" : "none");
  if (!what.calibration.empty()) {
    json.set("calibration", what.calibration);
  }
  if (!what.note.empty()) {
    json.set("note", what.note);
  }
  return json.set("sources", std::move(sources))
      .set("tasks", std::move(tasks))
      .set("points", std::move(points));
}

}  // namespace moeplan::models
