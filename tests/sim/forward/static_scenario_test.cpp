// A scenario of the static regime is read by one loader and refused by the other, and no key is
// ignored in silence.

#include "sim/scenario/static_scenario.hpp"

#include <gtest/gtest.h>

#include "sim/scenario/scenario.hpp"
#include "tests/sim/forward/static_text.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::sim {
namespace {

using tests::expect_input_error;
using tests::with;

class StaticScenarioFile : public ::testing::Test {
 protected:
  std::filesystem::path write(const std::string& text) const {
    return folder_.write("s.yaml", text);
  }
  void refused(const std::string& text, const std::string& code, const std::string& part) const {
    const auto path = write(text);
    expect_input_error([&] { load_static_scenario(path); }, code, part);
  }
  tests::TemporaryDirectory folder_;
};

TEST_F(StaticScenarioFile, IsRead) {
  const auto path = write(tests::kStaticScenario);
  EXPECT_TRUE(is_static_scenario(path));
  const StaticScenario scenario = load_static_scenario(path);
  EXPECT_EQ(scenario.experts_kept, (std::vector<std::int64_t>{8, 128}));
  EXPECT_EQ(scenario.gpus, (std::vector<std::int64_t>{1, 2, 8}));
  EXPECT_EQ(scenario.expert_ranks, 2);
  EXPECT_EQ(scenario.sequences_per_gpu, 2);
  EXPECT_EQ(scenario.sequence_length, 256);
  ASSERT_EQ(scenario.hardware.size(), 1u);
  EXPECT_EQ(scenario.hardware[0].law.info().form, "static_forward_v1");
}

TEST_F(StaticScenarioFile, IsNotServed) {
  const auto path = write(tests::kStaticScenario);
  expect_input_error([&] { load_scenario(path); }, "E_VALUE", "/engine/regime", "moeplan simulate");
}

TEST_F(StaticScenarioFile, KeysOfServingAreRefused) {
  refused(tests::kStaticScenario + "prices: {book: 2026-11}\n", "E_VALUE", "/prices/book");
  refused(with("batch: 2", "batch: 2, rate: 1 requests/s"), "E_VALUE", "/workload/rate");
  refused(with("regime: static_forward", "regime: static_forward, max_sequences: 4"), "E_VALUE",
          "/engine/max_sequences");
}

TEST_F(StaticScenarioFile, ItsKeysAreRefusedWhenServing) {
  tests::ScenarioFile serving;
  serving.set("parallelism", "{expert_parallel_size: 2}");
  expect_input_error([&] { serving.load(); }, "E_VALUE", "/parallelism/expert_parallel_size",
                     "engine.regime: static_forward");
}

// Serving still needs what a static pass does not.
TEST_F(StaticScenarioFile, ServingNeedsObjectivesAndPrices) {
  tests::ScenarioFile serving;
  serving.set("prices", "");
  expect_input_error([&] { serving.load(); }, "E_MISSING", "/prices");
}

TEST_F(StaticScenarioFile, WhatTheLawDoesNotKnowIsRefused) {
  refused(with("exchange: capacity_padded", "exchange: alltoall_per_rank"), "E_VALUE",
          "capacity_padded");
  refused(with(", exchange: capacity_padded", ""), "E_VALUE", "/parallelism/exchange");
  refused(with("gpu: a10", "gpu: h100-sxm"), "E_VALUE", "a10");  // no law of it; those there are
  refused(with("gpu: a10", "gpu: a10, profile: datasheet"), "E_VALUE", "/hardware/profile");
  refused(with("paper-354m-128e}", "paper-354m-128e, precision: fp8}"), "E_VALUE", "bf16");
  refused(with("batch: 2, ", ""), "E_MISSING", "workload.batch");
  refused(with("[8, 128]", "[8, 256]"), "E_RANGE", "256 experts kept");
}

}  // namespace
}  // namespace moeplan::sim
