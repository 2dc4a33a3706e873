#include "models/latency/profile.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/latency/profile_fields.hpp"
#include "models/text/json.hpp"
#include "models/text/load.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

using text::Json;

constexpr std::string_view kChecksumKey = "\"sha256_payload\": \"";
constexpr std::size_t kDigits = 64;

template <class T>
Json object_of(const std::map<std::string, T>& values) {
  Json object = Json::object();
  for (const auto& [name, value] : values) {
    object.set(name, value);
  }
  return object;
}

Json domain_of(const std::map<std::string, Interval>& domain) {
  Json object = Json::object();
  for (const auto& [name, range] : domain) {
    object.set(name, Json::array().push(range.low).push(range.high));
  }
  return object;
}

Json errors_of(const FitErrors& errors) {
  Json object = Json::object();
  object.set("points", errors.points).set("shapes", errors.shapes);
  object.set("median_abs_error", errors.median_abs_error);
  object.set("p90_abs_error", errors.p90_abs_error).set("max_abs_error", errors.max_abs_error);
  object.set("bias", errors.bias);
  const auto held_out = [](const std::optional<FitErrors::HeldOut>& values) {
    return values ? Json::object().set("median", values->median).set("p90", values->p90) : Json();
  };
  object.set("leave_one_shape_out", held_out(errors.leave_one_shape_out));
  object.set("leave_one_expert_count_out", held_out(errors.leave_one_expert_count_out));
  return object;
}

Json law_of(const FittedLaw& law) {
  Json object = Json::object();
  object.set("kernel", law.info.kernel).set("kernel_source", law.info.kernel_source);
  object.set("dtype", law.info.dtype).set("distribution", law.distribution);
  object.set("form", law.info.form).set("theta", object_of(law.theta));
  object.set("constants", object_of(law.constants)).set("domain", domain_of(law.info.domain));
  object.set("covariance_of", law.covariance_of).set("covariance_log", law.covariance);
  if (!law.ensemble.empty()) {
    object.set("ensemble_log", law.ensemble);
  }
  object.set("fit", errors_of(law.errors));
  object.set("discrepancy_sd_log", law.info.discrepancy_sd_log);
  object.set("source", law.info.source).set("files", law.files);
  return object;
}

}  // namespace

double FittedLaw::value(std::string_view name) const {
  const auto found = theta.find(std::string(name));
  return found == theta.end() ? 0.0 : found->second;
}

std::vector<const FittedLaw*> Profile::find(std::string_view kernel, std::string_view dtype) const {
  std::vector<const FittedLaw*> found;
  for (const FittedLaw& law : laws) {
    if (law.info.kernel == kernel && law.info.dtype == dtype) {
      found.push_back(&law);
    }
  }
  std::stable_sort(found.begin(), found.end(), [](const FittedLaw* a, const FittedLaw* b) {
    return a->errors.points > b->errors.points;
  });
  return found;
}

std::string payload_checksum(std::string content) {
  const std::size_t key = content.find(kChecksumKey);
  if (key == std::string::npos || content.size() < key + kChecksumKey.size() + kDigits) {
    return "";
  }
  content.replace(key + kChecksumKey.size(), kDigits, std::string(kDigits, '0'));
  return text::sha256(content);
}

std::string profile_text(const Profile& profile) {
  Json root = Json::object();
  root.set("schema", std::string(kProfileSchema)).set("schema_version", kProfileVersion);
  root.set("profile_id", profile.id).set("sha256_payload", std::string(kDigits, '0'));
  root.set("hardware", profile.hardware);
  root.set("units", Json::object().set("time", "s").set("size", "B").set("work", "flop"));
  Json files = Json::array();
  for (const ProfileFile& file : profile.provenance) {
    Json entry = Json::object()
                     .set("file", file.file)
                     .set("sha256", file.sha256)
                     .set("source", file.source)
                     .set("rows", file.rows);
    if (!file.fingerprint.empty()) {
      entry.set("fingerprint", object_of(file.fingerprint));
    }
    files.push(std::move(entry));
  }
  root.set("provenance", files);
  Json laws = Json::array();
  for (const FittedLaw& law : profile.laws) {
    laws.push(law_of(law));
  }
  root.set("models", laws);
  std::string content = root.pretty();
  const std::string sum = payload_checksum(content);
  require(sum.size() == kDigits, "a written profile has a place for its checksum");
  content.replace(content.find(kChecksumKey) + kChecksumKey.size(), kDigits, sum);
  return content;
}

Profile load_profile(const std::filesystem::path& path) {
  return parse_profile(text::read_file(path), path.string());
}

}  // namespace moeplan::models
