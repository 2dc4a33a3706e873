#include "calibrate/fitting/validate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <tuple>

#include "calibrate/fitting/fit_half.hpp"
#include "calibrate/fitting/fit_kernels.hpp"
#include "calibrate/fitting/plausibility.hpp"
#include "calibrate/fitting/predictor.hpp"
#include "calibrate/fitting/sample_key.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {
namespace {

using models::Measurements;

constexpr double kBandSd = 1.645;  // 5 to 95 % of a normal distribution
constexpr std::size_t kFewestShapes = 3;

struct Row {
  SampleKey key;
  double measured = 0.0;
  Prediction prediction;
  bool cached = false;
};

using ReportKey = std::tuple<std::string, std::string, std::string, std::string>;

template <class Sample>
bool read_from_l2(const Sample& sample, const models::Gpu& gpu) {
  if constexpr (std::is_same_v<Sample, models::AttentionSample>) {
    return sample.decode && is_cached(sample, gpu);
  } else if constexpr (std::is_same_v<Sample, models::ExpertSample> ||
                       std::is_same_v<Sample, models::DenseSample> ||
                       std::is_same_v<Sample, models::LatentSample>) {
    return is_cached(sample, gpu);
  } else {
    return false;
  }
}

template <class Sample>
bool impossible(const Sample& sample, const models::Gpu& gpu) {
  if constexpr (std::is_same_v<Sample, models::ExpertSample>) {
    return too_fast(sample, gpu);
  } else {
    return false;
  }
}

ErrorSummary errors_of(const std::vector<const Row*>& rows) {
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const Row* row : rows) {
    predicted.push_back(row->prediction.seconds);
    measured.push_back(row->measured);
  }
  return summarize(predicted, measured);
}

double median_ratio(const std::vector<const Row*>& rows) {
  std::vector<double> ratios;
  for (const Row* row : rows) {
    ratios.push_back(row->measured / row->prediction.seconds);
  }
  return quantile(ratios, 0.5);
}

std::optional<models::FitErrors::HeldOut> corrected_unseen(const std::vector<const Row*>& rows) {
  std::map<std::string, std::vector<const Row*>> shapes;
  for (const Row* row : rows) {
    shapes[row->key.shape].push_back(row);
  }
  if (shapes.size() < kFewestShapes) {
    return std::nullopt;
  }
  std::vector<double> predicted;
  std::vector<double> measured;
  for (const auto& [shape, held_out] : shapes) {
    std::vector<const Row*> others;
    for (const Row* row : rows) {
      if (row->key.shape != shape) {
        others.push_back(row);
      }
    }
    const double factor = median_ratio(others);
    for (const Row* row : held_out) {
      predicted.push_back(factor * row->prediction.seconds);
      measured.push_back(row->measured);
    }
  }
  const ErrorSummary errors = summarize(predicted, measured);
  return models::FitErrors::HeldOut{errors.median_abs, errors.p90_abs};
}

const char* size_of(const SampleKey& key) {
  const bool in_bytes = key.axis == "bytes";
  const double small = in_bytes ? 65536.0 : 64.0;
  const double medium = in_bytes ? 4194304.0 : 1024.0;
  return key.work <= small ? "small" : key.work <= medium ? "medium" : "large";
}

template <class Belongs>
void add_regime(const std::vector<const Row*>& rows, const char* name, Belongs belongs,
                std::vector<Regime>& regimes) {
  std::vector<const Row*> part;
  for (const Row* row : rows) {
    if (belongs(*row)) {
      part.push_back(row);
    }
  }
  if (part.empty()) {
    return;
  }
  Regime regime{.name = name,
                .axis = part.front()->key.axis,
                .low = 0.0,
                .high = 0.0,
                .errors = errors_of(part)};
  const auto [low, high] =
      std::minmax_element(part.begin(), part.end(),
                          [](const Row* a, const Row* b) { return a->key.work < b->key.work; });
  regime.low = (*low)->key.work;
  regime.high = (*high)->key.work;
  regimes.push_back(regime);
}

std::vector<Regime> regimes_of(const std::vector<const Row*>& rows) {
  std::vector<Regime> regimes;
  for (const char* size : {"small", "medium", "large"}) {
    add_regime(
        rows, size, [size](const Row& row) { return std::string(size) == size_of(row.key); },
        regimes);
  }
  add_regime(
      rows, "inside_range",
      [](const Row& row) {
        return !row.prediction.extrapolated && row.prediction.origin != LawOrigin::data_sheet;
      },
      regimes);
  add_regime(
      rows, "extrapolated", [](const Row& row) { return row.prediction.extrapolated; }, regimes);
  add_regime(
      rows, "l2_cached", [](const Row& row) { return row.cached; }, regimes);
  return regimes;
}

// Rows of whole series, those with the most rows first, while they are at most `most` together;
// each by rising work.
std::vector<ValidatedPoint> points_of(const std::vector<const Row*>& rows, std::size_t most) {
  std::map<std::string, std::vector<const Row*>> series;
  for (const Row* row : rows) {
    series[row->key.series].push_back(row);
  }
  std::vector<std::vector<const Row*>> longest;
  for (auto& [name, own] : series) {
    std::sort(own.begin(), own.end(), [](const Row* a, const Row* b) {
      return std::tie(a->key.work, a->measured) < std::tie(b->key.work, b->measured);
    });
    longest.push_back(std::move(own));
  }
  std::stable_sort(longest.begin(), longest.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  std::vector<ValidatedPoint> points;
  for (const std::vector<const Row*>& own : longest) {
    if (points.size() + own.size() > most) {
      continue;
    }
    for (const Row* row : own) {
      points.push_back({.series = row->key.series,
                        .work = row->key.work,
                        .measured_s = row->measured,
                        .predicted_s = row->prediction.seconds,
                        .extrapolated = row->prediction.extrapolated});
    }
  }
  return points;
}

ValidatedFamily family_of(const std::vector<const Row*>& rows, std::size_t most_points) {
  const SampleKey& key = rows.front()->key;
  ValidatedFamily family;
  std::set<std::string> shapes;
  double covered = 0.0;
  for (const Row* row : rows) {
    shapes.insert(row->key.shape);
    const Prediction& made = row->prediction;
    family.report.extrapolated_points += made.extrapolated ? 1 : 0;
    ++family.laws[fmt::format("{}: {}", name_of(made.origin), made.law)];
    covered +=
        std::abs(std::log(made.seconds / row->measured)) <= kBandSd * made.sd_log ? 1.0 : 0.0;
  }
  family.report.kernel = key.kernel;
  family.report.kernel_source = key.kernel_source;
  family.report.dtype = key.dtype;
  family.report.distribution = key.distribution;
  family.report.shapes = static_cast<std::int64_t>(shapes.size());
  family.report.errors = errors_of(rows);
  family.report.leave_one_shape_out = corrected_unseen(rows);
  family.covered_fraction = covered / static_cast<double>(rows.size());
  family.correction = median_ratio(rows);
  family.regimes = regimes_of(rows);
  family.axis = key.axis;
  family.points = points_of(rows, most_points);
  return family;
}

void check_device(const Measurements& file, const models::Gpu& gpu) {
  if (names_other_device(file.device, gpu)) {
    throw InputError({.code = "E_FINGERPRINT",
                      .file = file.file,
                      .mark = {},
                      .pointer = "",
                      .what = "measured on another device than the profile's",
                      .got = "'" + file.device + "'",
                      .expected = gpu.name,
                      .fix = "another --profile, or --allow-fingerprint-mismatch"});
  }
}

class Validator {
 public:
  Validator(const models::Gpu& gpu, Predictor predictor, const HalfFit* half)
      : gpu_(gpu), predictor_(std::move(predictor)), half_(half) {}

  // Events around host launches time a floor that serving does not pay: its height, by family.
  void note_floors(const Measurements& file) {
    for_each_kind(file, [&](const auto& samples) {
      for (const auto& sample : samples) {
        if (sample.origin.host_launched) {
          const auto [at, fresh] =
              floors_.emplace(sample_key(sample).family(), sample.origin.seconds);
          at->second = std::min(at->second, sample.origin.seconds);
        }
      }
    });
  }

  void add(const Measurements& file) {
    for_each_kind(file, [&](const auto& samples) {
      for (const auto& sample : samples) {
        add_row(sample);
      }
    });
  }

  Validation result(std::size_t most_points) {
    std::map<ReportKey, std::vector<const Row*>> families;
    for (const Row& row : rows_) {
      families[{row.key.kernel, row.key.kernel_source, row.key.dtype, row.key.distribution}]
          .push_back(&row);
    }
    Validation validation;
    for (const auto& [key, rows] : families) {
      ValidatedFamily family = family_of(rows, most_points);
      if (half_ != nullptr) {
        const auto how = half_->how.find(rows.front()->key.family());
        family.fitted = how == half_->how.end() ? "none" : how->second;
      }
      validation.families.push_back(std::move(family));
    }
    validation.skipped = skipped_;
    return validation;
  }

 private:
  template <class Sample>
  void add_row(const Sample& sample) {
    Row row{.key = sample_key(sample),
            .measured = sample.origin.seconds,
            .prediction = predictor_.predict(sample),
            .cached = read_from_l2(sample, gpu_)};
    std::string reason = row.prediction.refused;
    if (reason.empty() && impossible(sample, gpu_)) {
      reason = row.key.kernel + ": reads its weights faster than the memory can";
    }
    if (reason.empty() && sample.origin.host_launched &&
        sample.origin.seconds <= kHostFloors * floors_.at(row.key.family())) {
      reason = row.key.kernel + ": short calls, whose time the host's launches may rule";
    }
    if (!reason.empty()) {
      ++skipped_[reason];
      return;
    }
    if (half_ != nullptr) {
      const auto scale = half_->scale.find(row.key.family());
      row.prediction.seconds *= scale == half_->scale.end() ? 1.0 : scale->second;
    }
    rows_.push_back(std::move(row));
  }

  const models::Gpu& gpu_;
  Predictor predictor_;
  const HalfFit* half_;
  std::map<FamilyKey, double> floors_;
  std::vector<Row> rows_;
  std::map<std::string, std::int64_t> skipped_;
};

}  // namespace

Validation validate(const std::vector<Measurements>& files, const models::Gpu& gpu,
                    const models::Fabric& inside, const models::Fabric* between,
                    const models::Profile* profile, const ValidationOptions& options) {
  std::vector<std::string> notes;
  std::map<std::string, std::int64_t> unread;
  for (const Measurements& file : files) {
    if (!options.allow_other_device) {
      check_device(file, gpu);
      check_units(file, gpu);
    }
    for (const std::string& note : file.notes) {
      notes.push_back(file.name + ": " + note);
    }
    for (const auto& [why, rows] : file.skipped) {
      unread[file.name + ": " + why] += rows;
    }
  }
  std::optional<HalfFit> half;
  std::vector<Measurements> judged = files;
  if (options.fit_half) {
    Halves parts = halves(files);
    half = fit_half(parts.fitted, gpu, inside, between, profile);
    judged = std::move(parts.validated);
    notes.insert(notes.end(), half->notes.begin(), half->notes.end());
  }
  Validator validator(gpu, Predictor(gpu, inside, between, half ? &half->profile : profile),
                      half ? &*half : nullptr);
  for (const Measurements& file : files) {
    validator.note_floors(file);
  }
  for (const Measurements& file : judged) {
    validator.add(file);
  }
  Validation validation = validator.result(options.points);
  validation.datasheet_only = profile == nullptr;
  validation.notes = std::move(notes);
  for (const auto& [why, rows] : unread) {
    validation.skipped[why] += rows;
  }
  if (validation.families.empty()) {
    std::string reasons;
    for (const auto& [why, rows] : validation.skipped) {
      reasons += fmt::format("{}{} rows: {}", reasons.empty() ? "" : "; ", rows, why);
    }
    throw InputError({.code = "E_VALUE",
                      .file = files.empty() ? "" : files.front().file,
                      .mark = {},
                      .pointer = "",
                      .what = "no row is left to validate",
                      .got = reasons,
                      .expected = "rows of kernels that the laws describe",
                      .fix = ""});
  }
  return validation;
}

}  // namespace moeplan::calibrate
