#include "models/laboratory/adam.hpp"

#include <cmath>

#include "models/units/require.hpp"

namespace moeplan::models {

Adam::Adam(std::span<const std::span<float>> parameters, Options options) : options_(options) {
  for (const std::span<float> numbers : parameters) {
    means_.push_back(Eigen::ArrayXf::Zero(static_cast<Eigen::Index>(numbers.size())));
    squares_.push_back(means_.back());
  }
}

void Adam::step(std::span<const std::span<float>> parameters,
                std::span<const std::span<float>> gradients, double rate) {
  require(parameters.size() == means_.size() && gradients.size() == means_.size(),
          "Adam steps over the parameters that it was made for");
  ++steps_;
  const double t = static_cast<double>(steps_);
  const double first = 1.0 - std::pow(static_cast<double>(options_.first), t);
  const double second = 1.0 - std::pow(static_cast<double>(options_.second), t);
  const auto scale = static_cast<float>(rate / first);
  const auto inverse = static_cast<float>(1.0 / std::sqrt(second));
  for (std::size_t i = 0; i < means_.size(); ++i) {
    const auto size = static_cast<std::size_t>(means_[i].size());
    require(parameters[i].size() == size && gradients[i].size() == size,
            "Adam steps over the parameters that it was made for");
    Eigen::Map<Eigen::ArrayXf> p(parameters[i].data(), means_[i].size());
    const Eigen::Map<const Eigen::ArrayXf> g(gradients[i].data(), means_[i].size());
    means_[i] = options_.first * means_[i] + (1.0f - options_.first) * g;
    squares_[i] = options_.second * squares_[i] + (1.0f - options_.second) * g.square();
    p -= scale * means_[i] / (squares_[i].sqrt() * inverse + options_.epsilon);
  }
}

}  // namespace moeplan::models
