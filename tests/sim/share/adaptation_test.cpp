// Does the policy that moves engines between variants keep to its laws?

#include "sim/share/adaptation.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>

#include "sim/engine/random_stream.hpp"

namespace moeplan::sim {
namespace {

constexpr Seconds kWindow = hours(1.0);
constexpr Seconds kReload = seconds(600.0);

// Every task a variant of its own, no rule of how long an engine stays.
AdaptationInput input_of(std::vector<std::vector<double>> demand, Seconds reload = kReload) {
  AdaptationInput input;
  const std::size_t tasks = demand.front().size();
  input.demand = std::move(demand);
  input.window = kWindow;
  input.variant.resize(tasks);
  std::iota(input.variant.begin(), input.variant.end(), 0U);
  input.reload.assign(tasks, reload);
  return input;
}

// A day of four windows in which two tasks take turns.
AdaptationInput tides(Seconds reload = kReload) {
  return input_of({{3.0, 1.0}, {2.0, 2.0}, {1.0, 3.0}, {2.0, 2.0}}, reload);
}

// Demand of 24 windows between 0 and 5 engines that moves by steps.
AdaptationInput random_day(std::int64_t which, std::size_t tasks) {
  RandomStream stream(7, "demand", {which});
  std::vector<std::vector<double>> demand(24, std::vector<double>(tasks));
  for (std::vector<double>& row : demand) {
    for (double& d : row) {
      d = 5.0 * stream.uniform();
    }
  }
  return input_of(demand);
}

std::int64_t total(const std::vector<std::int64_t>& engines) {
  return std::accumulate(engines.begin(), engines.end(), std::int64_t{0});
}

TEST(Adaptation, AConstantMixNeverSwitchesAndNeedsTheSeparateFleet) {
  const AdaptationInput input = input_of({{2.5, 1.2}, {2.5, 1.2}, {2.5, 1.2}});
  const Adaptation run = smallest_fleet(input);
  EXPECT_EQ(separate_engines(input), 5) << "3 + 2";
  EXPECT_EQ(run.engines, 5);
  EXPECT_EQ(run.switches, 0);
  EXPECT_EQ(run.lost, Seconds(0.0));
  EXPECT_EQ(run.unserved, Seconds(0.0));
}

// By hand, five engines: the first window has 3 + 1 and the fifth engine stands by for the second
// task's peak: 3 + 2. The second window needs 2 + 2: nothing moves. The third needs 1 + 3: one
// engine of the first task, of which the second window needs but two, reloads at its end: 2 + 3.
// The fourth needs 2 + 2: nothing moves. The first needs 3 + 1: one goes back. Two switches, 1200
// engine-seconds. Four do not do: between the first and the second window three and two are needed,
// because what reloads is missing in the one and needed in the other.
TEST(Adaptation, OppositePeaksNeedFewerEnginesThanSeparateFleets) {
  const Adaptation run = smallest_fleet(tides());
  EXPECT_EQ(separate_engines(tides()), 6);
  EXPECT_EQ(fewest_engines(tides()), 5);
  EXPECT_EQ(run.engines, 5);
  EXPECT_TRUE(run.periodic);
  EXPECT_EQ(run.switches, 2);
  EXPECT_DOUBLE_EQ(run.lost.value(), 1200.0);
  ASSERT_EQ(run.windows.size(), 4U);
  EXPECT_EQ(run.windows[0].engines, (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(run.windows[1].engines, (std::vector<std::int64_t>{3, 2}));
  EXPECT_EQ(run.windows[2].engines, (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(run.windows[3].engines, (std::vector<std::int64_t>{2, 3}));
}

// Four engines: one switches at every boundary and is missing for 600 s in the window that it
// leaves: 4 x 600 of 4 windows x 4 engines x 3600 s = 1/24.
TEST(Adaptation, OneEngineTooFewLeavesWorkUnserved) {
  const Adaptation run = adapt(tides(), 4);
  EXPECT_EQ(run.switches, 4);
  EXPECT_NEAR(run.unserved.value(), 2400.0, 1e-3);
  EXPECT_NEAR(run.unserved_fraction, 1.0 / 24.0, 1e-7);
}

// The five engines, begun only when demand has changed: the second task lacks one for 600 s, and so
// does the first when its turn comes.
TEST(Adaptation, WithoutForesightReloadsGoUnserved) {
  AdaptationInput input = tides();
  input.foresight = false;
  const Adaptation run = adapt(input, 5);
  EXPECT_NEAR(run.unserved.value(), 1200.0, 1e-3);
  EXPECT_THROW(smallest_fleet(input), std::logic_error);
}

TEST(Adaptation, AReloadLongerThanAWindowIsNeverBegun) {
  const Adaptation just_fits = smallest_fleet(tides(kWindow));
  EXPECT_EQ(just_fits.engines, 5);
  for (std::int64_t which = 0; which < 20; ++which) {
    AdaptationInput input = which == 0 ? tides() : random_day(which, 3);
    input.reload.assign(input.reload.size(), kWindow + seconds(1.0));
    const Adaptation run = smallest_fleet(input);
    EXPECT_EQ(run.engines, separate_engines(input)) << which;
    EXPECT_EQ(run.switches, 0) << which;
  }
}

TEST(Adaptation, EnginesAreConserved) {
  for (std::int64_t which = 0; which < 20; ++which) {
    const AdaptationInput input = random_day(which, 3);
    for (std::int64_t engines = 1; engines <= separate_engines(input); ++engines) {
      const Adaptation run = adapt(input, engines);
      for (const AdaptationWindow& window : run.windows) {
        EXPECT_EQ(total(window.engines), engines) << which;
        for (const std::int64_t of_task : window.engines) {
          EXPECT_GE(of_task, 0);
        }
      }
      EXPECT_DOUBLE_EQ(run.lost.value(), static_cast<double>(run.switches) * kReload.value());
      EXPECT_GE(run.unserved_fraction, 0.0);
      EXPECT_LE(run.unserved_fraction, 1.0);
    }
  }
}

// Without a rule of how long engines stay the policy is the best there is: it needs no more than
// the bound of every policy, and less leaves work unserved.
TEST(Adaptation, TheSmallestFleetIsTheBound) {
  for (std::int64_t which = 0; which < 50; ++which) {
    const AdaptationInput input = random_day(which, 2 + static_cast<std::size_t>(which % 3));
    const Adaptation run = smallest_fleet(input);
    EXPECT_EQ(run.engines, fewest_engines(input)) << which;
    EXPECT_LE(run.engines, separate_engines(input));
    EXPECT_EQ(run.unserved, Seconds(0.0));
    EXPECT_GT(adapt(input, run.engines - 1).unserved, Seconds(0.0)) << which;
  }
}

TEST(Adaptation, ADayIsServedWindowByWindow) {
  const AdaptationInput input = random_day(3, 3);
  const Adaptation run = smallest_fleet(input);
  for (std::size_t w = 0; w < input.demand.size(); ++w) {
    for (std::size_t t = 0; t < 3; ++t) {
      EXPECT_GE(static_cast<double>(run.windows[w].engines[t]), input.demand[w][t] - 1e-9);
    }
  }
}

// Two tasks swap at once: engines of one variant follow without a reload, others cannot.
TEST(Adaptation, EnginesOfOneVariantChangeTaskAtOnce) {
  AdaptationInput input = input_of({{3.0, 1.0}, {1.0, 3.0}});
  EXPECT_EQ(smallest_fleet(input).engines, 6) << "three of each are needed at the boundary";
  input.variant = {4, 4};
  const Adaptation run = smallest_fleet(input);
  EXPECT_EQ(run.engines, 4);
  EXPECT_EQ(run.switches, 0);
  EXPECT_EQ(run.lost, Seconds(0.0));
}

// Demand that goes to and fro every other window: four engines do, with an engine that switches
// each time. An engine that must stay for twenty windows cannot, four of them switch too rarely,
// and the separate fleet of five stands still.
TEST(Adaptation, HoldingAVariantStopsFlapping) {
  AdaptationInput input = input_of({{3.0, 1.0}, {2.0, 1.0}, {2.0, 2.0}, {2.0, 1.0}});
  EXPECT_EQ(separate_engines(input), 5);
  const Adaptation free = smallest_fleet(input);
  EXPECT_EQ(free.engines, 4);
  EXPECT_EQ(free.switches, 2);
  input.hold = kWindow * 20.0;
  const Adaptation held = smallest_fleet(input);
  EXPECT_EQ(held.engines, 5);
  EXPECT_EQ(held.switches, 0);
}

TEST(Adaptation, ASurplusAloneSwitchesNothing) {
  // The first task's trough frees engines that nobody needs.
  const AdaptationInput input = input_of({{4.0, 1.0}, {1.0, 1.0}, {4.0, 1.0}, {1.0, 1.0}});
  EXPECT_EQ(adapt(input, 5).switches, 0);
  EXPECT_EQ(adapt(input, 5).unserved, Seconds(0.0));
}

TEST(Adaptation, RefusesNonsense) {
  EXPECT_THROW(adapt(tides(), 0), std::logic_error);
  EXPECT_THROW(adapt(input_of({{1.0, 1.0}, {1.0}}), 2), std::logic_error);
  EXPECT_THROW(adapt(input_of({{1.0, -1.0}}), 2), std::logic_error);
}

}  // namespace
}  // namespace moeplan::sim
