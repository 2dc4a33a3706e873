#include "calibrate/fitting/fit_half.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "calibrate/fitting/fit_profile.hpp"
#include "calibrate/fitting/predictor.hpp"
#include "calibrate/fitting/sample_key.hpp"
#include "calibrate/fitting/statistics.hpp"

namespace moeplan::calibrate {
namespace {

using models::Measurements;
using Shapes = std::map<FamilyKey, std::set<std::string>>;

// Laws of collectives hold for one number of ranks, the one of streams for all kinds.
bool alternates_by_row(const SampleKey& key, const Shapes& shapes) {
  return key.axis == "bytes" || shapes.at(key.family()).size() < 2;
}

void clear_samples(Measurements& file) {
  for_each_kind(file, [](auto& samples) { samples.clear(); });
}

// The key of the rows that a law describes; exchanges carry phase and nodes in their source.
FamilyKey family_of(const models::FittedLaw& law) {
  if (law.info.form != "two_tier_v1") {
    return {law.info.kernel, law.info.kernel_source, law.info.dtype};
  }
  return {law.info.kernel,
          fmt::format("{}_{}_{}node", law.info.kernel_source,
                      law.constants.at("combine") > 0.0 ? "combine" : "dispatch",
                      law.constants.at("nodes")),
          law.info.dtype};
}

// What a refitted family errs by: on unseen shapes where they were held out.
struct Refit {
  std::int64_t points = 0;
  double error_sum = 0.0;  // of medians, weighted by points
  std::vector<models::FittedLaw> laws;
  double error() const { return error_sum / static_cast<double>(points); }
};

std::map<FamilyKey, Refit> refits_of(const models::Profile& profile) {
  std::map<FamilyKey, Refit> refits;
  for (const models::FittedLaw& law : profile.laws) {
    Refit& refit = refits[family_of(law)];
    const models::FitErrors& e = law.errors;
    const double held_out = e.leave_one_shape_out ? e.leave_one_shape_out->median : 0.0;
    refit.points += e.points;
    refit.error_sum += static_cast<double>(e.points) * std::max(e.median_abs_error, held_out);
    refit.laws.push_back(law);
  }
  return refits;
}

struct Pairs {
  std::vector<double> predicted;
  std::vector<double> measured;
};

}  // namespace

Halves halves(const std::vector<Measurements>& files) {
  Shapes shapes;
  for (const Measurements& file : files) {
    for_each_kind(file, [&](const auto& samples) {
      for (const auto& sample : samples) {
        const SampleKey key = sample_key(sample);
        shapes[key.family()].insert(key.shape);
      }
    });
  }
  std::map<FamilyKey, std::map<std::string, bool>> shape_is_fitted;
  for (const auto& [family, names] : shapes) {
    bool fitted = true;
    for (const std::string& name : names) {
      shape_is_fitted[family][name] = fitted;
      fitted = !fitted;
    }
  }
  std::map<std::tuple<FamilyKey, std::string>, bool> next_row_is_validated;
  Halves result{.fitted = files, .validated = files};
  for (std::size_t i = 0; i < files.size(); ++i) {
    clear_samples(result.fitted[i]);
    clear_samples(result.validated[i]);
    const auto deal = [&](const auto& samples, auto& fitted, auto& validated) {
      for (const auto& sample : samples) {
        const SampleKey key = sample_key(sample);
        bool to_fit = shape_is_fitted.at(key.family()).at(key.shape);
        if (alternates_by_row(key, shapes)) {
          bool& flag = next_row_is_validated[{key.family(), key.shape}];
          to_fit = !flag;
          flag = !flag;
        }
        (to_fit ? fitted : validated).push_back(sample);
      }
    };
    deal(files[i].experts, result.fitted[i].experts, result.validated[i].experts);
    deal(files[i].dense, result.fitted[i].dense, result.validated[i].dense);
    deal(files[i].attention, result.fitted[i].attention, result.validated[i].attention);
    deal(files[i].latent, result.fitted[i].latent, result.validated[i].latent);
    deal(files[i].collectives, result.fitted[i].collectives, result.validated[i].collectives);
    deal(files[i].streams, result.fitted[i].streams, result.validated[i].streams);
    deal(files[i].exchanges, result.fitted[i].exchanges, result.validated[i].exchanges);
  }
  return result;
}

HalfFit fit_half(const std::vector<Measurements>& fitted, const models::Gpu& gpu,
                 const models::Fabric& inside, const models::Fabric* between,
                 const models::Profile* profile) {
  HalfFit result;
  result.profile.id = gpu.id;
  result.profile.hardware = gpu.id;
  if (profile != nullptr) {
    result.profile = *profile;
  }
  std::map<FamilyKey, Pairs> rows;
  Predictor predictor(gpu, inside, between, profile);
  for (const Measurements& file : fitted) {
    for_each_kind(file, [&](const auto& samples) {
      for (const auto& sample : samples) {
        const Prediction made = predictor.predict(sample);
        if (made.refused.empty()) {
          Pairs& pairs = rows[sample_key(sample).family()];
          pairs.predicted.push_back(made.seconds);
          pairs.measured.push_back(sample.origin.seconds);
        }
      }
    });
  }
  const FittedProfile refitted = fit_profile(fitted, gpu);
  const std::map<FamilyKey, Refit> refits = refits_of(refitted.profile);
  for (const std::string& note : refitted.notes) {
    result.notes.push_back("fitted half: " + note);
  }
  for (auto& [family, pairs] : rows) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < pairs.measured.size(); ++i) {
      ratios.push_back(pairs.measured[i] / pairs.predicted[i]);
    }
    const double scale = quantile(ratios, 0.5);
    for (double& predicted : pairs.predicted) {
      predicted *= scale;
    }
    const double scaled_error = summarize(pairs.predicted, pairs.measured).median_abs;
    const auto refit = refits.find(family);
    if (refit == refits.end() || refit->second.points < kFewestToRefit ||
        refit->second.error() >= scaled_error) {
      result.scale[family] = scale;
      result.how[family] = "scale";
      continue;
    }
    result.how[family] = "law";
    std::erase_if(result.profile.laws,
                  [&key = family](const models::FittedLaw& law) { return family_of(law) == key; });
    result.profile.laws.insert(result.profile.laws.end(), refit->second.laws.begin(),
                               refit->second.laws.end());
  }
  return result;
}

}  // namespace moeplan::calibrate
