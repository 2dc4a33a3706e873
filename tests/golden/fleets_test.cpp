// Scenarios whose engines are simulated together (scenarios/fleet/) give the stored figures, with
// short runs. Rules as in golden_test.cpp.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "sim/plan/candidates.hpp"
#include "sim/plan/design.hpp"
#include "tests/support/golden.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::sim {
namespace {

constexpr std::int64_t kRequests = 300;  // an engine

// As many engines (or units of pools) as the scenario's own comment asks for.
struct Fleet {
  const char* name;
  std::int64_t replicas;
};

std::string outcome(const std::filesystem::path& file, std::int64_t replicas) {
  const Scenario scenario = load_scenario(file, {.requests = kRequests});
  const std::vector<Candidate> all = candidates(scenario);
  EXPECT_EQ(all.size(), 1u) << "a scenario of a fleet describes one engine";
  const Design design = std::get<Design>(assess(scenario, all.front(), replicas));
  const ServingMetrics& m = design.metrics;
  std::string text = "figure,value\n";
  const auto add = [&](const char* name, double value) {
    text += fmt::format("{},{:.17g}\n", name, value);
  };
  add("gpus", static_cast<double>(design.gpus_total()));
  add("instances", static_cast<double>(design.money.instances));
  add("completed", static_cast<double>(m.completed));
  add("ttft_p50_s", m.ttft.p50);
  add("ttft_p99_s", m.ttft.p99);
  add("tpot_p99_s", m.tpot.p99);
  add("itl_p99_s", m.itl.p99);
  add("steps", static_cast<double>(m.steps));
  add("busy_fraction", m.busy_fraction);
  add("usd_per_million_tokens", design.money.usd_per_million_tokens);
  add("prefix_hit_fraction", m.prefix ? m.prefix->hit_fraction : 0.0);
  add("kv_wait_p99_s", m.handover ? m.handover->wait.p99 : 0.0);
  add("kv_transfer_p50_s", m.handover ? m.handover->transfer.p50 : 0.0);
  add("kv_transfer_p99_s", m.handover ? m.handover->transfer.p99 : 0.0);
  return text;
}

class Fleets : public ::testing::TestWithParam<Fleet> {};

TEST_P(Fleets, FiguresAreTheStoredOnes) {
  const std::string name = GetParam().name;
  const std::filesystem::path root = tests::source_dir();
  tests::expect_golden_numbers(
      root / "tests/golden/expected" / ("fleet_" + name + ".csv"),
      outcome(root / "scenarios/fleet" / (name + ".yaml"), GetParam().replicas));
}

INSTANTIATE_TEST_SUITE_P(Scenarios, Fleets,
                         ::testing::Values(Fleet{"least_loaded", 6}, Fleet{"prefix_affinity", 4},
                                           Fleet{"prefill_and_decode_pools", 1}),
                         [](const auto& fleet) { return std::string(fleet.param.name); });

// None is left out.
TEST(Fleets, EveryScenarioIsHere) {
  std::size_t files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(tests::source_dir() / "scenarios/fleet")) {
    files += entry.path().extension() == ".yaml" ? 1 : 0;
  }
  EXPECT_EQ(files, 3u);
}

}  // namespace
}  // namespace moeplan::sim
