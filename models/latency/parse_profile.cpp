// Reading of profiles: every rule of calibration.md A7, all problems of a file at once.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "models/architecture/precision.hpp"
#include "models/latency/law_forms.hpp"
#include "models/latency/profile.hpp"
#include "models/latency/profile_fields.hpp"
#include "models/text/load.hpp"
#include "models/text/reader.hpp"

namespace moeplan::models {
namespace {

using text::Node;
using text::Problems;
using text::Reader;

std::vector<std::string> as_strings(const std::vector<std::string_view>& views) {
  return {views.begin(), views.end()};
}

// Smallest eigenvalue >= -tolerance, by the pivots of an LDL factorisation with diagonal pivoting.
bool positive_semidefinite(std::vector<std::vector<double>> a) {
  const std::size_t n = a.size();
  double scale = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    scale = std::max(scale, std::abs(a[i][i]));
  }
  const double tolerance = 1e-5 * scale;  // entries are stored with six digits
  std::vector<bool> done(n, false);
  for (std::size_t step = 0; step < n; ++step) {
    std::size_t pivot = n;
    for (std::size_t i = 0; i < n; ++i) {
      if (!done[i] && (pivot == n || a[i][i] > a[pivot][pivot])) {
        pivot = i;
      }
    }
    done[pivot] = true;
    const double d = a[pivot][pivot];
    for (std::size_t i = 0; i < n; ++i) {
      if (done[i]) {
        continue;
      }
      if (a[i][i] < -tolerance || (d <= tolerance && std::abs(a[i][pivot]) > tolerance)) {
        return false;
      }
      if (d > tolerance) {
        for (std::size_t j = 0; j < n; ++j) {
          if (!done[j]) {
            a[i][j] -= a[i][pivot] * a[pivot][j] / d;
          }
        }
      }
    }
    if (d < -tolerance) {
      return false;
    }
  }
  return true;
}

std::map<std::string, double> read_numbers(Reader section, const std::vector<std::string>& needed,
                                           const std::vector<std::string>& optional,
                                           const text::Range& range) {
  std::map<std::string, double> values;
  for (const std::string& name : needed) {
    values[name] = section.number(name, range);
  }
  for (const std::string& name : optional) {
    if (section.has(name)) {
      values[name] = section.number(name, range);
    }
  }
  section.finish();
  return values;
}

std::map<std::string, Interval> read_domain(Reader section, const LawForm& form) {
  std::map<std::string, Interval> domain;
  for (const std::string_view axis : form.axes) {
    const std::string name(axis);
    const std::vector<double> range = section.numbers(name);
    if (range.size() != 2) {
      section.problem(name, "E_VALUE", "a range has two numbers", "[low, high]");
    } else if (range[0] > range[1]) {
      section.problem(name, "E_RANGE", fmt::format("low {} above high {}", range[0], range[1]),
                      "low <= high");
    } else {
      domain[name] = {range[0], range[1]};
    }
  }
  section.finish();
  return domain;
}

std::vector<std::string> read_strings(Reader& reader, const std::string& key) {
  std::vector<std::string> strings;
  const Node* node = reader.node(key);
  if (node == nullptr) {
    return strings;
  }
  if (node->kind != text::Kind::sequence) {
    reader.problem(key, "E_TYPE", "not a sequence", "a sequence of strings");
    return strings;
  }
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const auto item = text::as_string(reader.problems(), node->items[i],
                                      fmt::format("{}/{}", reader.pointer_of(key), i));
    strings.push_back(item.value_or(""));
  }
  return strings;
}

void read_covariance(Reader& reader, FittedLaw& law) {
  law.covariance_of = read_strings(reader, "covariance_of");
  const std::string key = "covariance_log";
  const Node* node = reader.node(key);
  if (node == nullptr) {
    return;
  }
  const std::size_t n = law.covariance_of.size();
  bool square = node->kind == text::Kind::sequence && node->items.size() == n;
  for (std::size_t i = 0; square && i < n; ++i) {
    const Node& row = node->items[i];
    square = row.kind == text::Kind::sequence && row.items.size() == n;
    std::vector<double> values;
    for (std::size_t j = 0; square && j < n; ++j) {
      values.push_back(text::as_number(reader.problems(), row.items[j],
                                       fmt::format("{}/{}/{}", reader.pointer_of(key), i, j))
                           .value_or(0.0));
    }
    law.covariance.push_back(values);
  }
  if (!square) {
    reader.problem(key, "E_VALUE", "wrong size of the covariance",
                   fmt::format("{} rows of {} numbers", n, n));
    return;
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (law.theta.count(law.covariance_of[i]) == 0) {
      reader.problem("covariance_of", "E_VALUE",
                     "'" + law.covariance_of[i] + "' is no parameter of this law");
    }
    for (std::size_t j = 0; j < i; ++j) {
      if (law.covariance[i][j] != law.covariance[j][i]) {
        reader.problem(key, "E_VALUE", "the covariance is not symmetric");
        return;
      }
    }
  }
  if (!positive_semidefinite(law.covariance)) {
    reader.problem(key, "E_VALUE", "the covariance is not positive semidefinite");
  }
}

void read_ensemble(Reader& reader, FittedLaw& law) {
  const std::string key = "ensemble_log";
  if (!reader.has(key)) {
    return;
  }
  const Node* node = reader.node(key);
  const std::size_t n = law.covariance_of.size();
  bool fits = node->kind == text::Kind::sequence && !node->items.empty() &&
              node->items.size() <= kMostMembers;
  for (std::size_t i = 0; fits && i < node->items.size(); ++i) {
    const Node& row = node->items[i];
    fits = row.kind == text::Kind::sequence && row.items.size() == n;
    std::vector<double> member;
    for (std::size_t j = 0; fits && j < n; ++j) {
      member.push_back(text::as_number(reader.problems(), row.items[j],
                                       fmt::format("{}/{}/{}", reader.pointer_of(key), i, j),
                                       {.low = -20.0, .high = 20.0})
                           .value_or(0.0));
    }
    law.ensemble.push_back(std::move(member));
  }
  if (!fits) {
    reader.problem(key, "E_VALUE", "wrong size of the ensemble",
                   fmt::format("1 to {} members of {} numbers", kMostMembers, n));
  }
}

std::optional<FitErrors::HeldOut> read_held_out(Reader& reader, const std::string& key,
                                                const Node* node) {
  if (node == nullptr || node->kind == text::Kind::null) {
    return std::nullopt;
  }
  if (node->kind != text::Kind::map) {
    reader.problem(key, "E_TYPE", "neither a map nor null");
    return std::nullopt;
  }
  Reader section(reader.problems(), *node, reader.pointer_of(key));
  FitErrors::HeldOut values;
  values.median = section.number("median", text::kNonNegative);
  values.p90 = section.number("p90", text::kNonNegative);
  section.finish();
  return values;
}

FitErrors read_errors(Reader reader) {
  FitErrors errors;
  errors.points = reader.count("points", {.low = 1.0});
  errors.shapes = reader.count("shapes", {.low = 1.0});
  errors.median_abs_error = reader.number("median_abs_error", text::kNonNegative);
  errors.p90_abs_error = reader.number("p90_abs_error", text::kNonNegative);
  errors.max_abs_error = reader.number("max_abs_error", text::kNonNegative);
  errors.bias = reader.number("bias", {.low = -1.0});
  if (errors.median_abs_error > errors.p90_abs_error ||
      errors.p90_abs_error > errors.max_abs_error) {
    reader.problem("p90_abs_error", "E_RANGE", "quantiles of the error are not in order",
                   "median <= p90 <= max");
  }
  errors.leave_one_shape_out =
      read_held_out(reader, "leave_one_shape_out", reader.node("leave_one_shape_out"));
  // Profiles written before expert counts were held out lack the key.
  const std::string counts = "leave_one_expert_count_out";
  errors.leave_one_expert_count_out = read_held_out(reader, counts, reader.optional_node(counts));
  reader.finish();
  return errors;
}

FittedLaw read_law(Reader& reader, const Profile& profile) {
  FittedLaw law;
  law.info.kernel = reader.string("kernel");
  law.info.kernel_source = reader.string("kernel_source");
  std::vector<std::string> dtypes = precision_names();
  dtypes.emplace_back("any");
  law.info.dtype = reader.choice("dtype", dtypes);
  law.distribution = reader.string("distribution");
  law.info.form = reader.choice("form", law_form_names());
  const LawForm* form = find_law_form(law.info.form);
  if (form != nullptr) {
    const auto& kernels = form->kernels;
    if (std::find(kernels.begin(), kernels.end(), law.info.kernel) == kernels.end()) {
      reader.problem("kernel", "E_VALUE",
                     fmt::format("the form {} is not one for '{}'", form->name, law.info.kernel),
                     joined(as_strings(kernels)));
    }
    law.theta = read_numbers(reader.section("theta"), as_strings(form->theta),
                             as_strings(form->optional), text::kPositive);
    law.constants = read_numbers(reader.section("constants"), as_strings(form->constants), {},
                                 text::kNonNegative);
    law.info.domain = read_domain(reader.section("domain"), *form);
    read_covariance(reader, law);
    read_ensemble(reader, law);
    law.errors = read_errors(reader.section("fit"));
  }
  law.info.median_abs_error = law.errors.median_abs_error;
  law.info.p90_abs_error = law.errors.p90_abs_error;
  law.info.discrepancy_sd_log = reader.number("discrepancy_sd_log", text::kPositive);
  law.info.source = reader.string("source");
  law.files = read_strings(reader, "files");
  for (const std::string& file : law.files) {
    const bool known = std::any_of(profile.provenance.begin(), profile.provenance.end(),
                                   [&](const ProfileFile& entry) { return entry.file == file; });
    if (!known) {
      reader.problem("files", "E_VALUE", "'" + file + "' is not in the provenance");
    }
  }
  if (form != nullptr) {
    reader.finish();
  }
  return law;
}

void check_checksum(Reader& reader, const std::string& content) {
  const std::string stated = reader.string("sha256_payload");
  const std::string actual = payload_checksum(content);
  if (stated != actual) {
    reader.problem("sha256_payload", "E_VALUE",
                   "checksum mismatch: the file is not as it was written", actual,
                   "fit it again; profiles are not edited by hand");
  }
}

}  // namespace

Profile parse_profile(const std::string& content, const std::string& file) {
  const text::Document document = text::parse_json(content, file);
  Problems problems(document);
  Reader reader(problems, document.root);
  check_schema(reader, std::string(kProfileSchema), 1, kProfileVersion);
  problems.throw_if_any();
  Profile profile;
  profile.id = reader.string("profile_id");
  check_checksum(reader, content);
  profile.hardware = reader.string("hardware");
  Reader units = reader.section("units");
  units.choice("time", {"s"});
  units.choice("size", {"B"});
  units.choice("work", {"flop"});
  units.finish();
  for (Reader& entry : reader.sections("provenance")) {
    ProfileFile& origin = profile.provenance.emplace_back();
    origin = {.file = entry.string("file"),
              .sha256 = entry.string("sha256"),
              .source = entry.string("source"),
              .rows = entry.count("rows"),
              .fingerprint = {}};
    if (entry.has("fingerprint")) {
      Reader fingerprint = entry.section("fingerprint");
      for (const std::string& key : fingerprint.keys()) {
        origin.fingerprint[key] = fingerprint.string(key);
      }
    }
    entry.finish();
  }
  using Key = std::tuple<std::string, std::string, std::string, double, double, double>;
  std::set<Key> seen;
  const auto constant = [](const FittedLaw& law, const char* name) {
    const auto found = law.constants.find(name);
    return found == law.constants.end() ? 0.0 : found->second;
  };
  for (Reader& entry : reader.sections("models")) {
    FittedLaw law = read_law(entry, profile);
    if (!seen.emplace(law.info.kernel, law.info.kernel_source, law.info.dtype,
                      constant(law, "ranks"), constant(law, "nodes"), constant(law, "combine"))
             .second) {
      entry.problem("kernel", "E_DUPLICATE", "this law is given twice");
    }
    profile.laws.push_back(std::move(law));
  }
  reader.finish();
  problems.throw_if_any();
  return profile;
}

}  // namespace moeplan::models
