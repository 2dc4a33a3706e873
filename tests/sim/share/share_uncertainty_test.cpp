// Do the bands of the strategies say what they claim?

#include "sim/share/share_uncertainty.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

constexpr std::int64_t kDraws = 20;

// Busy in the first or in the second half of the day.
struct SmallTask : ScenarioFile {
  SmallTask(const std::string& name, bool first_half, const std::string& kept = "128") {
    const std::string busy = "5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5";
    const std::string quiet = "1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1";
    set("name", name);
    set("pruning", "{experts_kept: " + kept + ", router: sliced}");
    set("hardware", "{gpu: h100-sxm, gpus: 1}");
    set("workload", "{rate: 120 requests/s, requests: 400, day_profile: [" +
                        (first_half ? busy + ", " + quiet : quiet + ", " + busy) +
                        "], input_tokens: {tokens: 500}, output_tokens: {tokens: 100}}");
    set("objectives", "{ttft_p99: 2 s, tpot_p99: 40 ms}");
    set("prices", "{book: 2026-11, provider: RunPod}");
  }
};

std::vector<Scenario> two_tasks() {
  return {SmallTask("a", true).load(), SmallTask("b", false).load()};
}

TEST(ShareUncertainty, BandsEncloseTheEstimateAndDoNotDependOnThreads) {
  const Share share = make_share(two_tasks(), {}, {.threads = 2});
  const ShareUncertainty one = share_uncertainty(share, kDraws, {.threads = 1});
  const ShareUncertainty two = share_uncertainty(share, kDraws, {.threads = 2});
  ASSERT_EQ(one.strategies.size(), 3U);
  double cheapest = 0.0;
  for (std::size_t i = 0; i < 3; ++i) {
    const StrategyIntervals& s = one.strategies[i];
    const Strategy& planned = share.strategies[s.strategy];
    EXPECT_LT(s.usd_per_month.low(), planned.usd_per_month()) << planned.name;
    EXPECT_GT(s.usd_per_month.high(), planned.usd_per_month()) << planned.name;
    EXPECT_LE(s.engines.low(), static_cast<double>(planned.engines)) << planned.name;
    EXPECT_GE(s.engines.high(), static_cast<double>(planned.engines)) << planned.name;
    EXPECT_LE(s.engines.low(), s.engines.median());
    EXPECT_LE(s.engines.median(), s.engines.high());
    EXPECT_EQ(s.engines.values, two.strategies[i].engines.values);
    EXPECT_EQ(s.usd_per_month.values, two.strategies[i].usd_per_month.values);
    EXPECT_EQ(s.meets.value, two.strategies[i].meets.value);
    cheapest += s.cheapest.value;
  }
  EXPECT_GE(cheapest, 1.0 - 1e-12) << "some strategy is, in every world; ties count for each";
}

// Scenarios without anything that is not known.
std::vector<Scenario> certain_tasks() {
  std::vector<Scenario> tasks;
  for (const bool first : {true, false}) {
    SmallTask file(first ? "a" : "b", first);
    tasks.push_back(file.set("uncertainty", "{price: 0, jitter: 0, routing: 0}").load());
    for (HardwareOption& option : tasks.back().hardware) {
      option.profile = nullptr;
      for (models::LawInfo& law : option.laws.infos) {
        law.discrepancy_sd_log = 0.0;
      }
    }
  }
  return tasks;
}

TEST(ShareUncertainty, WithoutAnySpreadIsThePoint) {
  const Share share = make_share(certain_tasks(), {}, {.threads = 2});
  const ShareUncertainty u = share_uncertainty(share, kDraws, {.threads = 2});
  ASSERT_EQ(u.strategies.size(), 3U);
  for (const StrategyIntervals& s : u.strategies) {
    const Strategy& planned = share.strategies[s.strategy];
    for (std::size_t level = 0; level < 3; ++level) {
      EXPECT_EQ(s.engines.values[level], static_cast<double>(planned.engines)) << planned.name;
      EXPECT_DOUBLE_EQ(s.usd_per_month.values[level], planned.usd_per_month()) << planned.name;
    }
    EXPECT_EQ(s.meets.value, 1.0) << planned.name;
    EXPECT_EQ(s.cheapest.value,
              planned.rent == share.strategies[*share.recommended].rent ? 1.0 : 0.0)
        << planned.name;
  }
}

// Prices alone: the engines are as planned, and so is who is cheapest; money spreads by the price's
// 5th to 95th percentile, 1 / 1.2 to 1.2 times, as near as 20 draws of it tell.
TEST(ShareUncertainty, PricesMoveMoneyAndNothingElse) {
  std::vector<Scenario> tasks = certain_tasks();
  for (Scenario& task : tasks) {
    task.uncertainty.price = 0.2;
  }
  const Share share = make_share(tasks, {}, {.threads = 2});
  const ShareUncertainty u = share_uncertainty(share, 40, {.threads = 2});
  for (const StrategyIntervals& s : u.strategies) {
    const Strategy& planned = share.strategies[s.strategy];
    EXPECT_EQ(s.engines.low(), s.engines.high());
    EXPECT_EQ(s.meets.value, 1.0);
    EXPECT_NEAR(s.usd_per_month.median() / planned.usd_per_month(), 1.0, 0.07);
    EXPECT_NEAR(s.usd_per_month.low() / planned.usd_per_month(), 1.0 / 1.2, 0.07);
    EXPECT_NEAR(s.usd_per_month.high() / planned.usd_per_month(), 1.2, 0.1);
    // The same draw of one price for all strategies.
    EXPECT_DOUBLE_EQ(s.usd_per_month.high() / planned.usd_per_month(),
                     u.strategies.front().usd_per_month.high() /
                         share.strategies[u.strategies.front().strategy].usd_per_month());
  }
}

TEST(ShareUncertainty, TasksSeeTheSameWorlds) {
  std::vector<Scenario> tasks = two_tasks();
  EXPECT_NO_THROW(refuse_different_worlds(tasks));
  tasks[1] = SmallTask("b", false).set("seed", "7").load();
  EXPECT_NO_THROW(refuse_different_worlds(tasks)) << "worlds are of the first one's seed";
  tasks[1] = SmallTask("b", false).set("uncertainty", "{price: 0.3}").load();
  tests::expect_input_error([&] { refuse_different_worlds(tasks); }, "E_VALUE",
                            "/uncertainty/price", "0.3");
}

}  // namespace
}  // namespace moeplan::sim
