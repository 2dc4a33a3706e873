#include "models/laboratory/problem.hpp"

#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

// Two independent parts, as large together as each alone.
FloatMatrix blend(const FloatMatrix& a, const FloatMatrix& b, double share_of_b) {
  return static_cast<float>(std::sqrt(1.0 - share_of_b * share_of_b)) * a +
         static_cast<float>(share_of_b) * b;
}

std::size_t drawn(const std::vector<double>& weights, double u) {
  double sum = 0.0;
  for (std::size_t i = 0; i + 1 < weights.size(); ++i) {
    sum += weights[i];
    if (u < sum) {
      return i;
    }
  }
  return weights.size() - 1;
}

}  // namespace

RegimeProblem::RegimeProblem(const ProblemShape& shape, std::uint64_t seed)
    : shape_(shape), seed_(seed) {
  require(shape.context >= 1 && shape.features >= 1 && shape.families >= 1 && shape.variants >= 1 &&
              shape.classes >= 2 && shape.tasks >= 1,
          "a problem has inputs, regimes, tasks and at least two classes");
  SplitMix random(seed ^ 0x50726F626C656Du);
  const FloatMatrix families = normal_matrix(random, shape.families, shape.context, 1.0);
  centres_ = normal_matrix(random, shape.regimes(), shape.context, shape.offset);
  std::vector<FloatMatrix> base;
  for (std::int64_t f = 0; f < shape.families; ++f) {
    const FloatMatrix shared = normal_matrix(random, shape.classes, shape.features, 1.0);
    for (std::int64_t v = 0; v < shape.variants; ++v) {
      centres_.row(f * shape.variants + v) += families.row(f);
      base.push_back(blend(shared, normal_matrix(random, shape.classes, shape.features, 1.0),
                           shape.variant_share));
    }
  }
  for (std::int64_t t = 0; t < shape.tasks; ++t) {
    std::vector<FloatMatrix> turned;
    std::vector<double> weights;
    double sum = 0.0;
    for (std::int64_t f = 0; f < shape.families; ++f) {
      const FloatMatrix own = normal_matrix(random, shape.classes, shape.features, 1.0);
      for (std::int64_t v = 0; v < shape.variants; ++v) {
        turned.push_back(
            blend(base[static_cast<std::size_t>(f * shape.variants + v)], own, shape.task_turn));
        weights.push_back(std::exp(shape.task_focus * random.normal()));
        sum += weights.back();
      }
    }
    for (double& weight : weights) {
      weight /= sum;
    }
    teachers_.push_back(std::move(turned));
    weights_.push_back(std::move(weights));
  }
  teachers_.push_back(std::move(base));
  weights_.emplace_back(static_cast<std::size_t>(shape.regimes()),
                        1.0 / static_cast<double>(shape.regimes()));
}

const std::vector<double>& RegimeProblem::weights(std::optional<std::int64_t> task) const {
  return weights_[static_cast<std::size_t>(task.value_or(shape_.tasks))];
}

std::int32_t RegimeProblem::clean_label(const FloatMatrix& teacher,
                                        const Eigen::VectorXf& features) const {
  Eigen::Index best = 0;
  (teacher * features).maxCoeff(&best);
  return static_cast<std::int32_t>(best);
}

Samples RegimeProblem::draw(std::optional<std::int64_t> task, std::uint64_t stream,
                            std::int64_t count) const {
  const auto of = static_cast<std::size_t>(task.value_or(shape_.tasks));
  require((!task || (*task >= 0 && *task < shape_.tasks)) && count >= 1,
          "samples are of a task that there is");
  SplitMix random(split_mix(seed_ + 0x53616D706Cu) ^ split_mix(stream * 1024 + of));
  Samples samples{FloatMatrix(count, shape_.inputs()), {}};
  samples.labels.reserve(static_cast<std::size_t>(count));
  Eigen::VectorXf features(shape_.features);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::size_t regime = drawn(weights_[of], random.uniform());
    for (std::int64_t j = 0; j < shape_.context; ++j) {
      samples.inputs(i, j) = centres_(static_cast<Eigen::Index>(regime), j) +
                             static_cast<float>(shape_.context_noise * random.normal());
    }
    for (std::int64_t j = 0; j < shape_.features; ++j) {
      features(j) = static_cast<float>(random.normal());
      samples.inputs(i, shape_.context + j) = features(j);
    }
    std::int32_t label = clean_label(teachers_[of][regime], features);
    if (random.uniform() < shape_.label_noise) {
      const auto others = static_cast<double>(shape_.classes - 1);
      const auto step = 1 + static_cast<std::int32_t>(others * random.uniform());
      label = (label + step) % static_cast<std::int32_t>(shape_.classes);
    }
    samples.labels.push_back(label);
  }
  return samples;
}

double RegimeProblem::bayes_accuracy(std::optional<std::int64_t> task,
                                     const Samples& samples) const {
  const auto of = static_cast<std::size_t>(task.value_or(shape_.tasks));
  const double precision = 0.5 / (shape_.context_noise * shape_.context_noise);
  const double other = shape_.label_noise / static_cast<double>(shape_.classes - 1);
  std::int64_t right = 0;
  for (std::int64_t i = 0; i < samples.count(); ++i) {
    const Eigen::VectorXf context = samples.inputs.row(i).head(shape_.context);
    const Eigen::VectorXf features = samples.inputs.row(i).tail(shape_.features);
    std::vector<double> logs;
    double most = -1e300;
    for (std::size_t z = 0; z < weights_[of].size(); ++z) {
      const Eigen::VectorXf centre = centres_.row(static_cast<Eigen::Index>(z));
      const double distance = (context - centre).cast<double>().squaredNorm();
      logs.push_back(std::log(weights_[of][z]) - precision * distance);
      most = std::max(most, logs.back());
    }
    // Unnormalised: p(z | context) (other + (1 - noise - other) [k is the regime's label]).
    Eigen::VectorXd score = Eigen::VectorXd::Zero(shape_.classes);
    for (std::size_t z = 0; z < logs.size(); ++z) {
      const double posterior = std::exp(logs[z] - most);
      if (posterior > 1e-12) {
        score.array() += posterior * other;
        score(clean_label(teachers_[of][z], features)) +=
            posterior * (1.0 - shape_.label_noise - other);
      }
    }
    Eigen::Index best = 0;
    score.maxCoeff(&best);
    right += best == samples.labels[static_cast<std::size_t>(i)] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(samples.count());
}

}  // namespace moeplan::models
