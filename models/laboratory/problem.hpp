#pragma once
// RegimeProblem: a seeded classification problem that needs experts. An input is [context;
// features]:
//   regime z  = variant v of family f, drawn with the task's weights
//   context   = centre_f + offset_z + noise           says which regime it is, with noise
//   features  u ~ N(0, I)
//   label     = argmax_k teacher_{task,z,k} . u, replaced by another class with label_noise
//   teacher   = family's part + variant's own part, turned a little for every task and family
// Every regime is a linear problem of its own, but which one depends on the context: a network
// must multiply context and features, and one of few neurons cannot do it for all regimes at once.
// The Bayes limit is known: the posterior of the regime given the context is in closed form.

#include <Eigen/Core>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/pruning/matrix.hpp"
#include "models/routing/split_mix.hpp"

namespace moeplan::models {

struct ProblemShape {
  std::int64_t context = 8;   // numbers that tell the regime
  std::int64_t features = 8;  // numbers that, given the regime, tell the class
  std::int64_t families = 8;
  std::int64_t variants = 4;  // per family
  std::int64_t classes = 4;
  std::int64_t tasks = 3;
  double offset = 0.5;         // of a variant's centre from its family's, per number
  double context_noise = 0.4;  // standard deviation per number
  double variant_share = 0.5;  // of a teacher that is the variant's own, 0 to 1
  double task_turn = 0.15;     // of a task's teachers that is its own, 0 to 1
  double task_focus = 2.5;     // sd of the log of a task's weights of regimes; 0: all alike
  double label_noise = 0.05;

  std::int64_t inputs() const { return context + features; }
  std::int64_t regimes() const { return families * variants; }
};

struct Samples {
  FloatMatrix inputs;                // [samples x inputs]
  std::vector<std::int32_t> labels;  // [samples]
  std::int64_t count() const { return inputs.rows(); }
};

class RegimeProblem {
 public:
  // Throws: std::logic_error for a shape without families, variants, two classes or numbers.
  RegimeProblem(const ProblemShape& shape, std::uint64_t seed);

  const ProblemShape& shape() const { return shape_; }
  // Of a task, or of pretraining (nullopt: regimes alike, teachers not turned). A function of the
  // problem, the arguments and nothing else; `stream` names the set.
  Samples draw(std::optional<std::int64_t> task, std::uint64_t stream, std::int64_t count) const;
  // Accuracy on these samples of the best rule there is, which knows the problem but not the noise:
  //   argmax_k sum_z p(z | context) p(label = k | features, z).
  double bayes_accuracy(std::optional<std::int64_t> task, const Samples& samples) const;
  const std::vector<double>& weights(std::optional<std::int64_t> task) const;  // [regimes], sum 1

 private:
  std::int32_t clean_label(const FloatMatrix& teacher, const Eigen::VectorXf& features) const;

  ProblemShape shape_;
  std::uint64_t seed_;
  FloatMatrix centres_;                             // [regimes x context]
  std::vector<std::vector<FloatMatrix>> teachers_;  // [tasks + 1][regimes], [classes x features]
  std::vector<std::vector<double>> weights_;        // [tasks + 1][regimes]; last: pretraining
};

}  // namespace moeplan::models
