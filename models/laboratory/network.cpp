#include "models/laboratory/network.hpp"

#include <cmath>

#include "models/routing/split_mix.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

constexpr float kEpsilon = 1e-6f;
constexpr std::int64_t kLeastCapacity = 4;

std::span<float> all(FloatMatrix& matrix) {
  return {matrix.data(), static_cast<std::size_t>(matrix.size())};
}
std::span<float> all(Eigen::VectorXf& vector) {
  return {vector.data(), static_cast<std::size_t>(vector.size())};
}

// normed = input x inverse_rms x weight, row by row.
void rms_norm(const FloatMatrix& input, const Eigen::VectorXf& weight, FloatMatrix& normed,
              Eigen::VectorXf& inverse_rms) {
  const auto width = static_cast<float>(input.cols());
  inverse_rms =
      ((input.rowwise().squaredNorm().array() / width + kEpsilon).sqrt().inverse()).matrix();
  normed.noalias() = inverse_rms.asDiagonal() * input * weight.asDiagonal();
}

// Adds to d_input and d_weight.
void rms_norm_backward(const FloatMatrix& input, const Eigen::VectorXf& weight,
                       const Eigen::VectorXf& inverse_rms, const FloatMatrix& d_normed,
                       FloatMatrix& d_input, Eigen::VectorXf& d_weight) {
  const auto width = static_cast<float>(input.cols());
  d_weight += (inverse_rms.asDiagonal() * d_normed.cwiseProduct(input)).colwise().sum().transpose();
  const FloatMatrix scaled = d_normed * weight.asDiagonal();
  const Eigen::VectorXf along = (scaled.cwiseProduct(input)).rowwise().sum();
  const Eigen::VectorXf back = (along.array() * inverse_rms.array().cube() / width).matrix();
  d_input += inverse_rms.asDiagonal() * scaled;
  d_input -= back.asDiagonal() * input;
}

void softmax_rows(const FloatMatrix& logits, FloatMatrix& probabilities) {
  probabilities = (logits.colwise() - logits.rowwise().maxCoeff()).array().exp().matrix();
  const Eigen::VectorXf scale = probabilities.rowwise().sum().cwiseInverse();
  probabilities = scale.asDiagonal() * probabilities;
}

std::int64_t capacity_of(const RoutingRules& rules, std::int64_t tokens, std::int64_t experts) {
  if (!rules.capacity_factor) {
    return tokens;
  }
  const double even = static_cast<double>(tokens) / static_cast<double>(experts);
  return std::max(kLeastCapacity,
                  static_cast<std::int64_t>(std::ceil(*rules.capacity_factor * even)));
}

void route(const RoutingRules& rules, LayerPass& pass) {
  const Eigen::Index tokens = pass.logits.rows();
  const auto experts = static_cast<std::size_t>(pass.logits.cols());
  const std::int64_t capacity = capacity_of(rules, tokens, pass.logits.cols());
  std::vector<std::int64_t> favourites(experts, 0);
  pass.experts.resize(experts);
  for (LayerPass::Expert& expert : pass.experts) {
    expert.tokens.clear();
  }
  pass.dropped = 0;
  for (Eigen::Index t = 0; t < tokens; ++t) {
    Eigen::Index best = 0;
    pass.logits.row(t).maxCoeff(&best);
    const auto e = static_cast<std::size_t>(best);
    if (favourites[e]++ < capacity) {
      pass.experts[e].tokens.push_back(static_cast<std::int32_t>(t));
    } else {
      ++pass.dropped;
    }
  }
  pass.fraction.resize(experts);
  for (std::size_t e = 0; e < experts; ++e) {
    pass.fraction[e] = static_cast<double>(favourites[e]) / static_cast<double>(tokens);
  }
}

void run_expert(const ExpertWeights& weights, const FloatMatrix& normed, LayerPass::Expert& pass) {
  pass.x = normed(pass.tokens, Eigen::all);
  pass.in.noalias() = pass.x * weights.in.transpose();
  pass.gate.noalias() = pass.x * weights.gate.transpose();
  const auto gate = pass.gate.array();
  pass.product = (gate / (1.0f + (-gate).exp()) * pass.in.array()).matrix();
  pass.y.noalias() = pass.product * weights.out.transpose();
}

// d_output: gradient of what the layer adds to its input, [tokens x hidden]. Adds to d_normed and,
// for the factors p, to d_logits.
void expert_backward(const ExpertWeights& weights, const LayerPass& layer, std::size_t e,
                     const FloatMatrix& d_output, ExpertWeights& gradient, FloatMatrix& d_normed,
                     FloatMatrix& d_logits) {
  const LayerPass::Expert& pass = layer.experts[e];
  if (pass.tokens.empty()) {
    return;
  }
  const auto column = static_cast<Eigen::Index>(e);
  FloatMatrix d_y = d_output(pass.tokens, Eigen::all);
  const Eigen::VectorXf d_p = d_y.cwiseProduct(pass.y).rowwise().sum();
  const Eigen::VectorXf p = layer.probabilities(pass.tokens, column);
  d_y = p.asDiagonal() * d_y;
  gradient.out.noalias() += d_y.transpose() * pass.product;
  const FloatMatrix d_product = d_y * weights.out;
  const auto gate = pass.gate.array();
  const FloatMatrix sigmoid = (1.0f + (-gate).exp()).inverse().matrix();
  const auto s = sigmoid.array();
  const FloatMatrix d_in = (d_product.array() * gate * s).matrix();
  const FloatMatrix d_gate =
      (d_product.array() * pass.in.array() * s * (1.0f + gate * (1.0f - s))).matrix();
  gradient.in.noalias() += d_in.transpose() * pass.x;
  gradient.gate.noalias() += d_gate.transpose() * pass.x;
  FloatMatrix d_x = d_in * weights.in;
  d_x.noalias() += d_gate * weights.gate;
  for (std::size_t i = 0; i < pass.tokens.size(); ++i) {
    const auto row = static_cast<Eigen::Index>(i);
    const Eigen::Index t = pass.tokens[i];
    d_normed.row(t) += d_x.row(row);
    // dp_e / dlogit_j = p_e ([j = e] - p_j)
    const float scale = d_p(row) * p(row);
    d_logits.row(t) -= scale * layer.probabilities.row(t);
    d_logits(t, column) += scale;
  }
}

// alpha x experts x sum_e f_e mean_t p_te, f taken as constant. Adds to d_logits.
double balance_loss(const LayerPass& layer, double alpha, FloatMatrix& d_logits) {
  const Eigen::Index experts = layer.probabilities.cols();
  const auto tokens = static_cast<double>(layer.probabilities.rows());
  const double scale = alpha * static_cast<double>(experts) / tokens;
  Eigen::VectorXf slope(experts);  // dloss / dp_te, the same for every token
  for (Eigen::Index e = 0; e < experts; ++e) {
    slope(e) = static_cast<float>(scale * layer.fraction[static_cast<std::size_t>(e)]);
  }
  const Eigen::VectorXf weighted = layer.probabilities * slope;  // [tokens]
  d_logits.array() += layer.probabilities.array() *
                      ((-weighted).replicate(1, experts).rowwise() + slope.transpose()).array();
  return weighted.cast<double>().sum();
}

void layer_forward(const SmoeLayer& weights, const RoutingRules& rules, LayerPass& pass,
                   FloatMatrix& output) {
  rms_norm(pass.input, weights.norm, pass.normed, pass.inverse_rms);
  pass.logits.noalias() = pass.normed * weights.router.transpose();
  softmax_rows(pass.logits, pass.probabilities);
  route(rules, pass);
  output = pass.input;
  for (std::size_t e = 0; e < weights.experts.size(); ++e) {
    LayerPass::Expert& expert = pass.experts[e];
    if (expert.tokens.empty()) {
      continue;
    }
    run_expert(weights.experts[e], pass.normed, expert);
    for (std::size_t i = 0; i < expert.tokens.size(); ++i) {
      const Eigen::Index t = expert.tokens[i];
      output.row(t) += pass.probabilities(t, static_cast<Eigen::Index>(e)) *
                       expert.y.row(static_cast<Eigen::Index>(i));
    }
  }
}

// d_hidden: in, the gradient of the layer's output; out, that of its input.
double layer_backward(const SmoeLayer& weights, const LayerPass& pass, const RoutingRules& rules,
                      FloatMatrix& d_hidden, SmoeLayer& gradient) {
  FloatMatrix d_normed = FloatMatrix::Zero(d_hidden.rows(), d_hidden.cols());
  FloatMatrix d_logits = FloatMatrix::Zero(pass.logits.rows(), pass.logits.cols());
  for (std::size_t e = 0; e < weights.experts.size(); ++e) {
    expert_backward(weights.experts[e], pass, e, d_hidden, gradient.experts[e], d_normed, d_logits);
  }
  const double loss = rules.balance > 0.0 ? balance_loss(pass, rules.balance, d_logits) : 0.0;
  gradient.router.noalias() += d_logits.transpose() * pass.normed;
  d_normed.noalias() += d_logits * weights.router;
  rms_norm_backward(pass.input, weights.norm, pass.inverse_rms, d_normed, d_hidden, gradient.norm);
  return loss;
}

}  // namespace

Network random_network(const NetworkShape& shape, std::uint64_t seed) {
  require(shape.hidden >= 1 && shape.intermediate >= 1 && shape.classes >= 2 && shape.layers >= 1 &&
              shape.experts >= 1,
          "a network has layers of experts and classes");
  SplitMix random(seed ^ 0x4E6574776F726Bu);
  const double by_hidden = 1.0 / std::sqrt(static_cast<double>(shape.hidden));
  const double by_intermediate = 1.0 / std::sqrt(static_cast<double>(shape.intermediate));
  Network network;
  for (std::int64_t l = 0; l < shape.layers; ++l) {
    SmoeLayer layer;
    layer.norm = Eigen::VectorXf::Ones(shape.hidden);
    layer.router = normal_matrix(random, shape.experts, shape.hidden, 0.1 * by_hidden);
    for (std::int64_t e = 0; e < shape.experts; ++e) {
      ExpertWeights expert;
      expert.in = normal_matrix(random, shape.intermediate, shape.hidden, by_hidden);
      expert.gate = normal_matrix(random, shape.intermediate, shape.hidden, by_hidden);
      expert.out = normal_matrix(random, shape.hidden, shape.intermediate, by_intermediate);
      layer.experts.push_back(std::move(expert));
    }
    network.layers.push_back(std::move(layer));
  }
  network.final_norm = Eigen::VectorXf::Ones(shape.hidden);
  network.head = normal_matrix(random, shape.classes, shape.hidden, by_hidden);
  return network;
}

Network zeros_like(const Network& network) {
  Network zeros = network;
  for (const std::span<float> numbers : parameters(zeros)) {
    std::fill(numbers.begin(), numbers.end(), 0.0f);
  }
  return zeros;
}

std::vector<std::span<float>> parameters(Network& network) {
  std::vector<std::span<float>> spans;
  for (SmoeLayer& layer : network.layers) {
    spans.push_back(all(layer.norm));
    spans.push_back(all(layer.router));
    for (ExpertWeights& expert : layer.experts) {
      spans.push_back(all(expert.in));
      spans.push_back(all(expert.gate));
      spans.push_back(all(expert.out));
    }
  }
  spans.push_back(all(network.final_norm));
  spans.push_back(all(network.head));
  return spans;
}

std::vector<std::span<float>> router_parameters(Network& network) {
  std::vector<std::span<float>> spans;
  for (SmoeLayer& layer : network.layers) {
    spans.push_back(all(layer.router));
  }
  return spans;
}

std::int64_t parameter_count(const Network& network) {
  Network copy = network;
  std::int64_t count = 0;
  for (const std::span<float> numbers : parameters(copy)) {
    count += static_cast<std::int64_t>(numbers.size());
  }
  return count;
}

void forward(const Network& network, const FloatMatrix& inputs, const RoutingRules& rules,
             Pass& pass) {
  pass.layers.resize(network.layers.size());
  pass.hidden = inputs;
  for (std::size_t l = 0; l < network.layers.size(); ++l) {
    std::swap(pass.layers[l].input, pass.hidden);
    layer_forward(network.layers[l], rules, pass.layers[l], pass.hidden);
  }
  rms_norm(pass.hidden, network.final_norm, pass.normed, pass.inverse_rms);
  pass.logits.noalias() = pass.normed * network.head.transpose();
}

double backward(const Network& network, const Pass& pass, std::span<const std::int32_t> labels,
                const RoutingRules& rules, Network& gradient) {
  require(static_cast<Eigen::Index>(labels.size()) == pass.logits.rows(), "one label per token");
  const auto tokens = static_cast<float>(labels.size());
  FloatMatrix d_logits;
  softmax_rows(pass.logits, d_logits);
  double loss = 0.0;
  for (std::size_t t = 0; t < labels.size(); ++t) {
    float& p = d_logits(static_cast<Eigen::Index>(t), labels[t]);
    loss -= std::log(std::max(static_cast<double>(p), 1e-30));
    p -= 1.0f;
  }
  d_logits /= tokens;
  loss /= static_cast<double>(labels.size());
  gradient.head.noalias() += d_logits.transpose() * pass.normed;
  const FloatMatrix d_normed = d_logits * network.head;
  FloatMatrix d_hidden = FloatMatrix::Zero(pass.hidden.rows(), pass.hidden.cols());
  rms_norm_backward(pass.hidden, network.final_norm, pass.inverse_rms, d_normed, d_hidden,
                    gradient.final_norm);
  for (std::size_t l = network.layers.size(); l-- > 0;) {
    loss += layer_backward(network.layers[l], pass.layers[l], rules, d_hidden, gradient.layers[l]);
  }
  return loss;
}

}  // namespace moeplan::models
