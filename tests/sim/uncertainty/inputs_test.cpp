// Do worlds differ from the estimate as the inputs say, and do draws of one input leave the others
// alone?

#include "sim/uncertainty/inputs.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "models/latency/draw_profile.hpp"
#include "sim/engine/random_stream.hpp"
#include "sim/serving/pipeline_step_cost.hpp"
#include "sim/uncertainty/skew.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

const std::vector<Candidate> kOneGpu = {{.experts_kept = 128}, {.experts_kept = 64}};

std::size_t index_of(const UncertainInputs& inputs, const std::string& name) {
  const auto& all = inputs.all();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& in) { return in.name == name; });
  EXPECT_NE(found, all.end()) << name;
  return static_cast<std::size_t>(found - all.begin());
}

double step_s(const DrawnScenario& world, const Candidate& candidate) {
  const auto placed = deploy(world.scenario, candidate);
  const auto& deployment = std::get<Deployment>(placed);
  RankBatch batch;
  batch.decode_sequences = batch.sampled = 32;
  batch.decode_kv_tokens = 32 * 500;
  return in_seconds(make_step_cost(deployment, world.errors[candidate.hardware])
                        ->cost(std::vector<RankBatch>{batch})
                        .total());
}

TEST(UncertainInputs, AsEstimatedNothingChanges) {
  const Scenario scenario = ScenarioFile().load();
  const UncertainInputs inputs(scenario, kOneGpu);
  const DrawnScenario world = inputs.apply(inputs.estimate());
  DrawnScenario plain{.scenario = scenario, .errors = {LawErrors()}, .price = {}, .accuracy = {}};
  EXPECT_EQ(step_s(world, kOneGpu[0]), step_s(plain, kOneGpu[0]));
  EXPECT_TRUE(world.price.empty());
  EXPECT_TRUE(world.accuracy.empty());
  EXPECT_EQ(world.scenario.engine.jitter, scenario.engine.jitter);
}

TEST(UncertainInputs, ALawMovesByItsDiscrepancy) {
  const Scenario scenario = ScenarioFile().load();
  const UncertainInputs inputs(scenario, kOneGpu);
  const std::size_t expert = index_of(inputs, "expert law of h100-sxm");
  const double sd = inputs.all()[expert].spread;
  EXPECT_NEAR(inputs.value(expert, 0.95), std::exp(1.6448536 * sd), 1e-6);
  EXPECT_NEAR(inputs.value(expert, 0.05) * inputs.value(expert, 0.95), 1.0, 1e-12);
  EXPECT_EQ(inputs.value(expert, 0.5), 1.0);
  // The phase moves by that factor, and no other phase does.
  const auto phases = [&](const World& world) {
    const DrawnScenario drawn = inputs.apply(world);
    const auto placed = deploy(drawn.scenario, kOneGpu[0]);
    RankBatch batch;
    batch.decode_sequences = batch.sampled = 32;
    batch.decode_kv_tokens = 32 * 500;
    return make_step_cost(std::get<Deployment>(placed), drawn.errors[0])
        ->cost(std::vector<RankBatch>{batch});
  };
  const PhaseTimes before = phases(inputs.estimate());
  const PhaseTimes after = phases(inputs.only(expert, 0.95));
  for (std::size_t i = 0; i < kPhaseCount; ++i) {
    const auto phase = static_cast<Phase>(i);
    const double factor = phase == Phase::expert ? inputs.value(expert, 0.95) : 1.0;
    EXPECT_NEAR(in_seconds(after[phase]), in_seconds(before[phase]) * factor, 1e-11)
        << name_of(phase);
  }
}

// What one more input, or another number of designs, adds must not move what others drew.
TEST(UncertainInputs, DrawsAreAddressedByName) {
  ScenarioFile file;
  file.set("accuracy", "{curve: qwen3-30b-a3b-reap-code}")
      .set("pruning", "{experts_kept: [128, 96, 64]}");
  const Scenario with_curve = file.load();
  const Scenario without = ScenarioFile().load();
  const std::vector<Candidate> three = {
      {.experts_kept = 128}, {.experts_kept = 96}, {.experts_kept = 64}};
  const UncertainInputs more(with_curve, three);
  const UncertainInputs fewer(without, kOneGpu);
  EXPECT_GT(more.all().size(), fewer.all().size());
  for (std::uint64_t draw : {0u, 1u, 77u}) {
    const World a = more.draw(draw);
    const World b = fewer.draw(draw);
    for (std::size_t k = 0; k < fewer.all().size(); ++k) {
      EXPECT_EQ(a.levels[index_of(more, fewer.all()[k].name)], b.levels[k]) << fewer.all()[k].name;
    }
    EXPECT_NE(a.levels[0], more.draw(draw + 1).levels[0]);
  }
}

TEST(UncertainInputs, OfOneInputTheOthersStayAsEstimated) {
  const Scenario scenario = ScenarioFile().load();
  const UncertainInputs inputs(scenario, kOneGpu);
  const std::size_t jitter = index_of(inputs, "step jitter");
  EXPECT_DOUBLE_EQ(inputs.apply(inputs.only(jitter, 0.4)).scenario.engine.jitter, 0.02)
      << "0.4 of 0.05";
  const std::size_t price = index_of(inputs, "price of h100-sxm");
  EXPECT_NEAR(inputs.apply(inputs.only(price, 0.95)).price.at("h100-sxm"), 1.1, 1e-12);
  EXPECT_EQ(inputs.apply(inputs.only(price, 0.95)).scenario.engine.jitter, 0.0);
}

TEST(UncertainInputs, SpreadsOfTheScenarioSwitchInputsOff) {
  const Scenario scenario =
      ScenarioFile().set("uncertainty", "{price: 0, jitter: 0, routing: 0}").load();
  const UncertainInputs inputs(scenario, kOneGpu);
  for (const UncertainInput& in : inputs.all()) {
    EXPECT_TRUE(in.kind == InputKind::law || in.kind == InputKind::parameters) << in.name;
  }
}

// Of 2000 members the covariance of ln theta is that of the fit: for normal draws the sd of a
// sample covariance of two parameters is at most sqrt(2 / 2000) sd_i sd_j = 0.032 sd_i sd_j.
TEST(ProfileEnsemble, HasTheCovarianceOfTheFit) {
  const Scenario scenario = ScenarioFile().load();
  const models::Profile& profile = *scenario.hardware.front().profile;
  constexpr int kMembers = 2000;
  for (const std::size_t law : {std::size_t{0}, profile.laws.size() - 1}) {
    const models::FittedLaw& fit = profile.laws[law];
    const std::size_t n = fit.covariance_of.size();
    ASSERT_GE(n, 3u);
    std::vector<std::vector<double>> sums(n, std::vector<double>(n, 0.0));
    for (int m = 0; m < kMembers; ++m) {
      const models::Profile drawn =
          models::draw_profile(profile, [&](std::size_t l, std::size_t i) {
            RandomStream stream(3, "test", {m, static_cast<std::int64_t>(l)});
            return normal_quantile(unit_interval(stream.at(i)));
          });
      std::vector<double> shift;
      for (const std::string& name : fit.covariance_of) {
        shift.push_back(std::log(drawn.laws[law].theta.at(name) / fit.theta.at(name)));
      }
      for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t j = 0; j < n; ++j) {
          sums[i][j] += shift[i] * shift[j] / kMembers;
        }
      }
    }
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        const double scale = std::sqrt(fit.covariance[i][i] * fit.covariance[j][j]);
        EXPECT_NEAR(sums[i][j], fit.covariance[i][j], 4.0 * 0.032 * scale + 1e-12)
            << fit.covariance_of[i] << " " << fit.covariance_of[j];
      }
    }
  }
}

TEST(ProfileEnsemble, WithoutScoresIsTheProfile) {
  const Scenario scenario = ScenarioFile().load();
  const models::Profile& profile = *scenario.hardware.front().profile;
  const models::Profile same = models::draw_profile(profile, [](auto, auto) { return 0.0; });
  EXPECT_EQ(models::profile_text(same), models::profile_text(profile));
}

TEST(Skew, MeasuredRoutingKeepsItsTokensAndSpreads) {
  std::vector<models::RoutedLayer> layers = {{.index = 0, .experts = 8, .top_k = 2}};
  const std::vector<double> inclusion = {0.9, 0.3, 0.25, 0.2, 0.15, 0.1, 0.1, 0.0};
  models::ModelRouting measured(
      {std::make_shared<const models::Routing>(models::Routing::from_inclusion(inclusion, 2))});
  const models::RoutedModel model(layers, measured, models::RouterMode::sliced, {8});
  const ExpertRouting how{.distribution = RoutingDistribution::measured};
  double before = 0.0;
  for (const double power : {0.5, 0.8, 1.0, 1.3, 2.0}) {
    const models::RoutedModel other = skewed(model, how, power, models::RouterMode::sliced, {8}, 1);
    const models::Routing& routing = other.unpruned().layer(0);
    const auto& q = routing.inclusion();
    EXPECT_NEAR(std::accumulate(q.begin(), q.end(), 0.0), 2.0, 1e-9) << power;
    EXPECT_GT(routing.skew(), before) << power;
    EXPECT_LT(q[7], 1e-5) << "an unused expert stays unused";
    before = routing.skew();
    if (power == 1.0) {
      for (std::size_t e = 0; e < q.size(); ++e) {
        EXPECT_NEAR(q[e], inclusion[e], 1e-9);
      }
    }
  }
}

TEST(Skew, LevelsRiseWithSkewAndHoldTheEstimate) {
  const ExpertRouting uniform;
  EXPECT_EQ(skew_at(uniform, 0.25, 0.5), 0.125) << "alpha 0 to 0.25";
  const ExpertRouting power{.distribution = RoutingDistribution::power_law, .alpha = 1.0};
  EXPECT_DOUBLE_EQ(skew_at(power, 0.25, 0.5), 1.0);
  EXPECT_DOUBLE_EQ(skew_at(power, 0.25, 0.9), 1.2);
  const ExpertRouting dirichlet{.distribution = RoutingDistribution::dirichlet,
                                .concentration = 2.0};
  EXPECT_DOUBLE_EQ(skew_at(dirichlet, 0.25, 0.5), 2.0);
  EXPECT_NEAR(skew_at(dirichlet, 0.25, 0.95), 2.0 * std::exp(-0.25 * 1.6448536), 1e-6);
}

}  // namespace
}  // namespace moeplan::sim
