// Do intervals cover the truth as often as they say, when the truth is one of the worlds drawn?

#include <gtest/gtest.h>

#include <cmath>

#include "sim/plan/capacity.hpp"
#include "sim/plan/for_each_index.hpp"
#include "sim/uncertainty/interval.hpp"
#include "sim/uncertainty/sample.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

// 25 intervals of 64 draws, each against 64 truths of its own: 1600 checks a figure. The truths are
// simulated in full, with a search for the capacity instead of the sampler's shortcut.
// Tolerance: an interval of n draws covers 90 % on average, with sd sqrt(2 x 0.05 x 0.95 / 66) =
// 0.038; the mean of 25 of them has 0.0076, the 1600 truths sqrt(0.9 x 0.1 / 1600) = 0.0075: 0.0107
// together, so 85 to 95 % is 4.7 of these.
constexpr std::size_t kIntervals = 25;
constexpr std::size_t kDraws = 64;

TEST(Coverage, NineIntervalsInTenHoldTheTruth) {
  const Scenario scenario =
      tests::ScenarioFile()
          .set("hardware", "{gpu: h100-sxm, gpus: 1}")
          .set("workload",
               "{rate: 40 requests/s, requests: 400, input_tokens: {distribution: log_normal, "
               "median: 500, sigma: 0.7, max: 4000}, output_tokens: {distribution: log_normal, "
               "median: 100, sigma: 0.6, max: 800}}")
          .load();
  const Candidate candidate{.experts_kept = 64};
  const Design design = std::get<Design>(judge(scenario, candidate));
  const UncertainInputs inputs(scenario, std::vector{candidate});
  const DesignSampler sampler(scenario, design);
  constexpr std::array kFigures = {Figure::ttft_p99, Figure::tpot_p50, Figure::tpot_p99,
                                   Figure::capacity};
  using Row = std::array<double, kFigures.size()>;
  constexpr std::size_t kAll = kIntervals * kDraws;
  std::vector<Row> draws(kAll);
  std::vector<Row> truths(kAll);
  for_each_index(kAll, {.threads = 2}, [&](std::size_t i) {
    const Sample drawn = sampler.sample(inputs.apply(inputs.draw(i)));
    for (std::size_t f = 0; f < kFigures.size(); ++f) {
      draws[i][f] = drawn[kFigures[f]];
    }
    const DrawnScenario world = inputs.apply(inputs.draw(kAll + i));
    const auto placed = deploy(world.scenario, candidate);
    const auto& deployment = std::get<Deployment>(placed);
    const auto assessed = assess(world.scenario, candidate, design.replicas, world.errors[0]);
    const ServingMetrics& m = std::get<Design>(assessed).metrics;
    truths[i] = {m.overloaded ? HUGE_VAL : m.ttft.p99, m.overloaded ? HUGE_VAL : m.tpot.p50,
                 m.overloaded ? HUGE_VAL : m.tpot.p99,
                 find_capacity(deployment, world.errors[0]).load};
  });
  for (std::size_t f = 0; f < kFigures.size(); ++f) {
    std::size_t inside = 0;
    for (std::size_t block = 0; block < kIntervals; ++block) {
      std::vector<double> values;
      for (std::size_t i = 0; i < kDraws; ++i) {
        values.push_back(draws[block * kDraws + i][f]);
      }
      const Interval interval = interval_of(values);
      for (std::size_t i = 0; i < kDraws; ++i) {
        const double truth = truths[block * kDraws + i][f];
        inside += truth >= interval.low() && truth <= interval.high() ? 1 : 0;
      }
    }
    const double covered = static_cast<double>(inside) / static_cast<double>(kAll);
    EXPECT_GE(covered, 0.85) << key_of(kFigures[f]);
    EXPECT_LE(covered, 0.95) << key_of(kFigures[f]);
    RecordProperty(std::string(key_of(kFigures[f])), std::to_string(covered));
  }
}

}  // namespace
}  // namespace moeplan::sim
