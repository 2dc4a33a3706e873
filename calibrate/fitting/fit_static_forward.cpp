#include "calibrate/fitting/fit_static_forward.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "calibrate/fitting/family.hpp"
#include "calibrate/fitting/statistics.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/static_forward.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {
namespace {

using models::ForwardPoint;
using models::ForwardUse;

[[noreturn]] void refuse(const models::PublishedForward& published, const std::string& what,
                         const std::string& got, const std::string& expected) {
  throw InputError({.code = "E_VALUE",
                    .file = published.file,
                    .mark = {},
                    .pointer = "/points",
                    .what = what,
                    .got = got,
                    .expected = expected,
                    .fix = ""});
}

std::vector<ForwardPoint> points_for(const models::PublishedForward& published, ForwardUse use) {
  std::vector<ForwardPoint> points;
  for (const ForwardPoint& point : published.points) {
    if (point.use == use && point.quantity == models::ForwardQuantity::pass) {
      points.push_back(point);
    }
  }
  return points;
}

// t(n) = busy (1 + wait (n - 1)) at n1 and n2.
double wait_of(const models::PublishedForward& published) {
  std::vector<ForwardPoint> pair = points_for(published, ForwardUse::growth);
  std::sort(pair.begin(), pair.end(),
            [](const ForwardPoint& a, const ForwardPoint& b) { return a.gpus < b.gpus; });
  const bool alike = pair.size() == 2 && pair[0].gpus < pair[1].gpus &&
                     pair[0].figure == pair[1].figure && pair[0].model == pair[1].model &&
                     pair[0].expert_ranks == pair[1].expert_ranks &&
                     pair[0].sequences == pair[1].sequences && pair[0].length == pair[1].length;
  if (!alike) {
    refuse(published, "the growth with GPUs needs two passes",
           fmt::format("{} points", pair.size()), "two that differ in GPUs alone");
  }
  const double ratio = pair[1].duration / pair[0].duration;
  const double denominator =
      static_cast<double>(pair[1].gpus - 1) - ratio * static_cast<double>(pair[0].gpus - 1);
  if (denominator <= 0.0) {
    refuse(published, "the pass grows faster than the GPUs", fmt::format("{} times", ratio),
           "a growth that waiting in proportion to the GPUs can explain");
  }
  return std::max(0.0, (ratio - 1.0) / denominator);
}

models::StaticShape shape_of(const ForwardPoint& point) {
  return {.sequences = point.sequences,
          .length = point.length,
          .gpus = static_cast<int>(point.gpus),
          .expert_ranks = static_cast<int>(point.expert_ranks)};
}

class Fit {
 public:
  Fit(const models::PublishedForward& published, const models::Gpu& gpu,
      const models::Fabric& inside)
      : gpu_(gpu), inside_(inside), wait_(wait_of(published)) {
    fitted_ = points_for(published, ForwardUse::fit);
    if (fitted_.size() < 3) {
      refuse(published, "the law has three parameters",
             fmt::format("{} points to fit", fitted_.size()), "three at least");
    }
    for (const ForwardPoint& point : points_for(published, ForwardUse::check)) {
      if (point.figure == fitted_.front().figure) {
        unseen_.push_back(point);
      }
    }
  }

  models::FittedLaw law() const {
    FitProblem problem;
    // Starts: a millisecond a layer, and what a dozen kernels take to launch from Python.
    problem.parameters = {
        {"layer_s", 1e-3, 0.0}, {"moe_layer_s", 1e-3, 0.0}, {"expert_s", 1e-4, 0.0}};
    std::vector<models::SmoeArchitecture> models;
    for (const ForwardPoint& point : fitted_) {
      problem.seconds.push_back(in_seconds(point.duration));
      models.push_back(models::load_architecture(point.model));
    }
    problem.law = [&](std::span<const double> theta, std::size_t i) {
      models::FittedLaw trial = empty_law();
      for (std::size_t j = 0; j < theta.size(); ++j) {
        trial.theta[problem.parameters[j].name] = theta[j];
      }
      return seconds(trial, models[i], fitted_[i]);
    };
    models::FittedLaw law = law_from(problem, fit(problem));
    const models::FittedLaw frame = empty_law();
    law.info = frame.info;
    law.constants = frame.constants;
    add_domain(law, models);
    add_errors(law);
    return law;
  }

 private:
  models::FittedLaw empty_law() const {
    models::FittedLaw law;
    law.info.kernel = "static_forward";
    law.info.kernel_source = "DeepSpeed-MoE, eager";
    law.info.dtype = "bf16";
    law.info.form = "static_forward_v1";
    law.constants["wait_fraction_per_gpu"] = six_digits(wait_);
    return law;
  }

  double seconds(const models::FittedLaw& law, const models::SmoeArchitecture& architecture,
                 const ForwardPoint& point) const {
    const models::StaticForward forward(law, gpu_, inside_);
    return in_seconds(predicted(forward.estimate(architecture, shape_of(point)), point.quantity));
  }

  void add_domain(models::FittedLaw& law,
                  const std::vector<models::SmoeArchitecture>& architectures) const {
    auto& domain = law.info.domain;
    for (std::size_t i = 0; i < fitted_.size(); ++i) {
      const models::StaticShape shape = shape_of(fitted_[i]);
      cover(domain, "tokens", static_cast<double>(shape.tokens()));
      cover(domain, "hidden", static_cast<double>(architectures[i].hidden));
      if (architectures[i].is_moe()) {
        cover(domain, "gpus", shape.gpus);
        cover(domain, "local_experts",
              models::StaticForward(law, gpu_, inside_)
                  .estimate(architectures[i], shape)
                  .local_experts);
      }
    }
  }

  ErrorSummary errors(const models::FittedLaw& law, const std::vector<ForwardPoint>& points,
                      double* log_error = nullptr) const {
    std::vector<double> predictions;
    std::vector<double> printed;
    for (const ForwardPoint& point : points) {
      predictions.push_back(seconds(law, models::load_architecture(point.model), point));
      printed.push_back(in_seconds(point.duration));
    }
    if (log_error != nullptr) {
      *log_error = log_sd(predictions, printed);
    }
    return summarize(predictions, printed);
  }

  void add_errors(models::FittedLaw& law) const {
    const ErrorSummary seen = errors(law, fitted_);
    law.errors = {.points = seen.points,
                  .shapes = seen.points,
                  .median_abs_error = six_digits(seen.median_abs),
                  .p90_abs_error = six_digits(seen.p90_abs),
                  .max_abs_error = six_digits(seen.max_abs),
                  .bias = six_digits(seen.bias),
                  .leave_one_shape_out = std::nullopt,
                  .leave_one_expert_count_out = std::nullopt};
    double band = kUnseenBand;
    if (!unseen_.empty()) {
      const ErrorSummary unseen = errors(law, unseen_, &band);
      law.errors.leave_one_expert_count_out = {.median = six_digits(unseen.median_abs),
                                               .p90 = six_digits(unseen.p90_abs)};
    }
    law.info.discrepancy_sd_log = six_digits(band);
  }

  const models::Gpu& gpu_;
  const models::Fabric& inside_;
  double wait_ = 0.0;
  std::vector<ForwardPoint> fitted_;
  std::vector<ForwardPoint> unseen_;
};

}  // namespace

Seconds predicted(const models::StaticEstimate& estimate, models::ForwardQuantity quantity) {
  const models::StaticTerms& t = estimate.terms;
  const double layers = static_cast<double>(std::max<std::int64_t>(estimate.moe_layers, 1));
  switch (quantity) {
    case models::ForwardQuantity::pass:
      return t.total();
    case models::ForwardQuantity::all2all:
      return (t.dispatch + t.combine + t.waiting) / layers;
    case models::ForwardQuantity::experts:
      return (t.launches + t.experts) / layers;
  }
  throw std::logic_error("unknown quantity of a forward pass");
}

models::Profile fit_static_forward(const models::PublishedForward& published,
                                   const models::Gpu& gpu, const models::Fabric& inside) {
  models::FittedLaw law = Fit(published, gpu, inside).law();
  law.info.source = fmt::format("fitted to {}: {}; band: its points that were not fitted",
                                published.file, published.title);
  law.files = {published.file};
  return {.id = gpu.id + "-static",
          .hardware = gpu.id,
          .provenance = {{.file = published.file,
                          .sha256 = published.sha256,
                          .source = "transcribed from a publication",
                          .rows = static_cast<std::int64_t>(published.points.size())}},
          .laws = {std::move(law)}};
}

}  // namespace moeplan::calibrate
