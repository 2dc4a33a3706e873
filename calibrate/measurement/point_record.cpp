#include "calibrate/measurement/point_record.hpp"

#include <algorithm>

#include "models/text/reader.hpp"

namespace moeplan::calibrate {
namespace {

constexpr text::Range kInt{.low = 0.0, .high = 1e9};

}  // namespace

text::Json to_json(const PointRecord& record) {
  const PointOutcome& outcome = record.outcome;
  return text::Json::object()
      .set("id", record.id)
      .set("launch", record.launch)
      .set("visit", record.visit)
      .set("status", point_status_names()[static_cast<std::size_t>(outcome.status)])
      .set("reason", outcome.reason)
      .set("flags", outcome.flags)
      .set("calls_per_sample", outcome.calls_per_sample)
      .set("warm_up_calls", outcome.warm_up_calls)
      .set("discarded_throttle", outcome.discarded_throttle)
      .set("spent_s", outcome.spent_s)
      .set("samples_s", outcome.samples);
}

PointRecord record_from(const text::Document& document) {
  text::Problems problems(document);
  text::Reader reader(problems, document.root);
  PointRecord record;
  PointOutcome& outcome = record.outcome;
  record.id = reader.string("id");
  record.launch = static_cast<int>(reader.count("launch", kInt));
  record.visit = static_cast<int>(reader.count("visit", kInt));
  const std::vector<std::string>& names = point_status_names();
  const auto status = std::find(names.begin(), names.end(), reader.choice("status", names));
  outcome.status = static_cast<PointStatus>(status == names.end() ? 0 : status - names.begin());
  outcome.reason = reader.string("reason");
  if (const text::Node* flags = reader.node("flags"); flags != nullptr) {
    for (const text::Node& flag : flags->items) {
      outcome.flags.push_back(as_string(problems, flag, "/flags").value_or(""));
    }
  }
  outcome.calls_per_sample = static_cast<int>(reader.count("calls_per_sample", kInt));
  outcome.warm_up_calls = static_cast<int>(reader.count("warm_up_calls", kInt));
  outcome.discarded_throttle = reader.count("discarded_throttle", kInt);
  outcome.spent_s = reader.number("spent_s", text::kNonNegative);
  outcome.samples = reader.numbers("samples_s", text::kPositive);
  if ((outcome.status == PointStatus::measured) == outcome.samples.empty()) {
    reader.problem("samples_s", "E_VALUE", "samples and status do not agree",
                   "samples where measured, none else");
  }
  reader.finish();
  problems.throw_if_any();
  return record;
}

}  // namespace moeplan::calibrate
