#include "calibrate/measurement/combined_point.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace moeplan::calibrate {
namespace {

constexpr double kLaunchRatio = 1.3;

CombinedPoint combine_visits(const std::string& id, const std::vector<const PointRecord*>& visits) {
  CombinedPoint out;
  out.id = id;
  std::set<std::string> flags;
  std::map<int, std::vector<double>> launches;
  std::vector<double> all;
  for (const PointRecord* record : visits) {
    const PointOutcome& outcome = record->outcome;
    flags.insert(outcome.flags.begin(), outcome.flags.end());
    if (outcome.status != PointStatus::measured) {
      if (out.status == PointStatus::measured) {
        out.status = outcome.status;
        out.reason = outcome.reason;
      }
      continue;
    }
    if (summarize(outcome.samples).modes) {
      flags.insert("multimodal");
    }
    std::vector<double>& launch = launches[record->launch];
    launch.insert(launch.end(), outcome.samples.begin(), outcome.samples.end());
    all.insert(all.end(), outcome.samples.begin(), outcome.samples.end());
  }
  if (!all.empty()) {
    std::vector<double> medians;
    double variance = 0.0;
    for (const auto& [launch, samples] : launches) {
      const Summary summary = summarize(samples);
      medians.push_back(summary.p50);
      variance += summary.log_sd * summary.log_sd;
    }
    const Summary between = summarize(medians);
    out.launches = static_cast<int>(medians.size());
    out.launch_medians = medians;
    out.median_s = between.p50;
    out.sd_within_log = std::sqrt(variance / static_cast<double>(medians.size()));
    out.sd_between_log = between.log_sd;
    out.summary = summarize(std::move(all));
    if (between.max > kLaunchRatio * between.min) {
      flags.insert("multimodal");
    }
  }
  out.flags.assign(flags.begin(), flags.end());
  return out;
}

}  // namespace

std::vector<CombinedPoint> combine(const JournalContents& journal) {
  std::map<std::string, std::vector<const PointRecord*>> visits;
  for (const PointRecord& record : journal.records) {
    visits[record.id].push_back(&record);
  }
  std::vector<CombinedPoint> out;
  for (const std::string& id : journal.header.plan) {
    const auto found = visits.find(id);
    if (found != visits.end()) {
      out.push_back(combine_visits(id, found->second));
    }
  }
  return out;
}

text::Json to_json(const CombinedPoint& point) {
  text::Json json = text::Json::object()
                        .set("id", point.id)
                        .set("status", point_status_names()[static_cast<std::size_t>(point.status)])
                        .set("reason", point.reason)
                        .set("flags", point.flags)
                        .set("launches", point.launches);
  if (point.launches == 0) {
    return json;
  }
  const Summary& s = point.summary;
  json.set("n", s.n)
      .set("median_s", point.median_s)
      .set("sd_within_log", point.sd_within_log)
      .set("sd_between_log", point.sd_between_log);
  for (const auto& [key, value] :
       std::initializer_list<std::pair<const char*, double>>{{"min_s", s.min},
                                                             {"p1_s", s.p1},
                                                             {"p5_s", s.p5},
                                                             {"p25_s", s.p25},
                                                             {"p50_s", s.p50},
                                                             {"p75_s", s.p75},
                                                             {"p95_s", s.p95},
                                                             {"p99_s", s.p99},
                                                             {"max_s", s.max},
                                                             {"mean_s", s.mean}}) {
    json.set(key, value);
  }
  json.set("modes", s.modes ? text::Json::object()
                                  .set("low_s", s.modes->low)
                                  .set("high_s", s.modes->high)
                                  .set("low_fraction", s.modes->low_fraction)
                            : text::Json());
  return json;
}

}  // namespace moeplan::calibrate
