#include "models/laboratory/train.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "models/laboratory/adam.hpp"
#include "models/routing/split_mix.hpp"
#include "models/units/require.hpp"

namespace moeplan::models {
namespace {

// Tokens of one pass outside training: what fits the cache.
constexpr std::int64_t kPiece = 512;

double rate_at(const Schedule& schedule, std::int64_t step) {
  const std::int64_t warm_up = std::max<std::int64_t>(1, schedule.steps / 20);
  const double done = static_cast<double>(step) / static_cast<double>(schedule.steps);
  const double rise = std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(warm_up));
  return schedule.rate * rise * 0.5 * (1.0 + std::cos(std::numbers::pi * done));
}

class Trainer {
 public:
  Trainer(Network& network, const Schedule& schedule)
      : network_(network),
        schedule_(schedule),
        gradient_(zeros_like(network)),
        weights_(schedule.routers_only ? router_parameters(network_) : parameters(network_)),
        slopes_(schedule.routers_only ? router_parameters(gradient_) : parameters(gradient_)),
        all_slopes_(parameters(gradient_)),
        adam_(weights_, {}) {}

  void step(const Samples& batch) {
    for (const std::span<float> numbers : all_slopes_) {
      std::fill(numbers.begin(), numbers.end(), 0.0f);
    }
    forward(network_, batch.inputs, schedule_.rules, pass_);
    backward(network_, pass_, batch.labels, schedule_.rules, gradient_);
    adam_.step(weights_, slopes_, rate_at(schedule_, steps_++));
    for (const LayerPass& layer : pass_.layers) {
      dropped_ += layer.dropped;
      tokens_ += batch.count();
    }
  }
  double dropped_share() const {
    return tokens_ == 0 ? 0.0 : static_cast<double>(dropped_) / static_cast<double>(tokens_);
  }

 private:
  Network& network_;
  const Schedule& schedule_;
  Network gradient_;
  std::vector<std::span<float>> weights_;
  std::vector<std::span<float>> slopes_;
  std::vector<std::span<float>> all_slopes_;
  Adam adam_;
  Pass pass_;
  std::int64_t steps_ = 0;
  std::int64_t dropped_ = 0;
  std::int64_t tokens_ = 0;
};

// use(pass, first sample): pieces of the samples, run without a capacity.
void for_each_pass(const Network& network, const Samples& samples,
                   const std::function<void(const Pass&, std::int64_t)>& use) {
  Pass pass;
  for (std::int64_t begin = 0; begin < samples.count(); begin += kPiece) {
    const std::int64_t count = std::min(kPiece, samples.count() - begin);
    forward(network, samples.inputs.middleRows(begin, count), {}, pass);
    use(pass, begin);
  }
}

}  // namespace

double pretrain(Network& network, const RegimeProblem& problem, const Schedule& schedule,
                std::uint64_t stream, const StepHook& hook) {
  Trainer trainer(network, schedule);
  for (std::int64_t step = 0; step < schedule.steps; ++step) {
    hook();
    trainer.step(problem.draw(std::nullopt, (stream << 32) + static_cast<std::uint64_t>(step),
                              schedule.batch));
  }
  return trainer.dropped_share();
}

void fine_tune(Network& network, const Samples& samples, const Schedule& schedule,
               std::uint64_t stream, const StepHook& hook) {
  const std::int64_t batch = std::min(schedule.batch, samples.count());
  Trainer trainer(network, schedule);
  SplitMix random(stream);
  std::vector<Eigen::Index> order(static_cast<std::size_t>(samples.count()));
  std::iota(order.begin(), order.end(), Eigen::Index{0});
  std::int64_t next = samples.count();
  for (std::int64_t step = 0; step < schedule.steps; ++step) {
    hook();
    if (next + batch > samples.count()) {  // a new round: Fisher and Yates
      for (std::size_t i = order.size(); i > 1; --i) {
        std::swap(order[i - 1], order[random.next() % i]);
      }
      next = 0;
    }
    const std::vector<Eigen::Index> chosen(order.begin() + next, order.begin() + next + batch);
    Samples part{samples.inputs(chosen, Eigen::all), {}};
    for (const Eigen::Index i : chosen) {
      part.labels.push_back(samples.labels[static_cast<std::size_t>(i)]);
    }
    trainer.step(part);
    next += batch;
  }
}

double accuracy(const Network& network, const Samples& samples) {
  std::int64_t right = 0;
  for_each_pass(network, samples, [&](const Pass& pass, std::int64_t begin) {
    for (Eigen::Index t = 0; t < pass.logits.rows(); ++t) {
      Eigen::Index best = 0;
      pass.logits.row(t).maxCoeff(&best);
      right += best == samples.labels[static_cast<std::size_t>(begin + t)] ? 1 : 0;
    }
  });
  return static_cast<double>(right) / static_cast<double>(samples.count());
}

std::vector<RouterStatistics> router_statistics(const Network& network, const Samples& samples) {
  std::vector<RouterStatisticsBuilder> builders;
  std::vector<std::vector<double>> norms;
  for (const SmoeLayer& layer : network.layers) {
    builders.emplace_back(layer.router.rows(), 1, GateRule{});
    norms.emplace_back(static_cast<std::size_t>(layer.router.rows()), 0.0);
  }
  for_each_pass(network, samples, [&](const Pass& pass, std::int64_t) {
    for (std::size_t l = 0; l < builders.size(); ++l) {
      const LayerPass& layer = pass.layers[l];
      builders[l].add(layer.logits.data(), layer.logits.rows());
      for (std::size_t e = 0; e < layer.experts.size(); ++e) {
        const LayerPass::Expert& expert = layer.experts[e];
        for (std::size_t i = 0; i < expert.tokens.size(); ++i) {
          const float gate = layer.probabilities(expert.tokens[i], static_cast<Eigen::Index>(e));
          norms[l][e] +=
              static_cast<double>(gate * expert.y.row(static_cast<Eigen::Index>(i)).norm());
        }
      }
    }
  });
  std::vector<RouterStatistics> statistics;
  for (std::size_t l = 0; l < builders.size(); ++l) {
    statistics.push_back(builders[l].statistics());
    statistics.back().gated_norm_sum = norms[l];
  }
  return statistics;
}

std::vector<FloatMatrix> router_logits(const Network& network, const Samples& samples) {
  std::vector<FloatMatrix> logits;
  for (const SmoeLayer& layer : network.layers) {
    logits.emplace_back(samples.count(), layer.router.rows());
  }
  for_each_pass(network, samples, [&](const Pass& pass, std::int64_t begin) {
    for (std::size_t l = 0; l < logits.size(); ++l) {
      logits[l].middleRows(begin, pass.layers[l].logits.rows()) = pass.layers[l].logits;
    }
  });
  return logits;
}

}  // namespace moeplan::models
