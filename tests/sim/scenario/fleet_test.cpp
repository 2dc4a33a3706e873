// Are routers, prefix caching and pools of a scenario read as written, and is what is wrong with
// them refused?

#include <gtest/gtest.h>

#include <fstream>

#include "sim/evaluate.hpp"
#include "sim/workload/prompt_blocks.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::expect_input_error;

const std::string kLengths = "input_tokens: {tokens: 500}, output_tokens: {tokens: 100}";

Scenario load(const std::string& parallelism, const std::string& engine,
              const std::string& more_workload = "") {
  return tests::ScenarioFile()
      .set("parallelism", "{" + parallelism + "}")
      .set("engine", "{" + engine + "}")
      .set("workload", "{rate: 4 requests/s, " + kLengths + more_workload + "}")
      .load();
}

TEST(ScenarioFleet, ReadsRouterCachingAndPools) {
  EXPECT_FALSE(load("", "").replica_router);
  EXPECT_FALSE(load("replica_router: split", "").replica_router);
  const Scenario scenario = load(
      "replica_router: prefix_affinity, disaggregation: {prefill_engines: 3, "
      "decode_engines: 2, prefill_gpus: 4, prefill_tensor_parallel: 2}",
      "prefix_caching: true", ", shared_prefix: {tokens: 64, groups: 7}");
  EXPECT_EQ(scenario.replica_router, RouterPolicy::prefix_affinity);
  ASSERT_TRUE(scenario.disaggregation);
  EXPECT_EQ(scenario.disaggregation->prefill_engines, 3);
  EXPECT_EQ(scenario.disaggregation->decode_engines, 2);
  EXPECT_EQ(scenario.disaggregation->prefill_gpus, 4);
  EXPECT_EQ(scenario.disaggregation->prefill_tensor_parallel, 2);
  EXPECT_TRUE(scenario.engine.prefix_caching);
  ASSERT_TRUE(scenario.workload.shared_prefix);
  EXPECT_EQ(scenario.workload.shared_prefix->tokens, 64);
  EXPECT_EQ(scenario.workload.shared_prefix->groups, 7);
  // It reaches the simulation: 64 tokens are 4 blocks that requests of one group share.
  const RequestMix mix = mix_of(scenario.workload, full_load(scenario, 4.0));
  const PromptBlocks blocks(mix, scenario.seed);
  EXPECT_EQ(blocks.keys(0, 500, 16).size(), 4u);
  EXPECT_EQ(blocks.keys(0, 40, 16).size(), 2u) << "a shorter prompt";
  EXPECT_TRUE(setup_of(std::get<Deployment>(deploy(scenario, {.experts_kept = 128, .gpus = 1})),
                       full_load(scenario, 4.0))
                  .limits.scheduler.prefix_caching);
}

TEST(ScenarioFleet, WhatIsWrongIsRefused) {
  const auto refused = [](const std::string& parallelism, const std::string& engine,
                          const std::string& more, const std::string& code,
                          const std::string& part) {
    expect_input_error([&] { load(parallelism, engine, more); }, code, part);
  };
  refused("", "prefix_caching: true", "", "E_VALUE", "nothing would ever be found");
  refused("replica_router: prefix_affinity", "", ", shared_prefix: {tokens: 64}", "E_VALUE",
          "engine.prefix_caching");
  refused("", "", ", shared_prefix: {groups: 3}", "E_MISSING", "shared_prefix.tokens");
  refused("replica_router: nearest", "", "", "E_VALUE", "least_loaded");
  refused("disaggregation: {prefill_engines: 1}", "", "", "E_MISSING", "decode_engines");
  refused("disaggregation: {prefill_gpus: 1}", "", "", "E_MISSING", "prefill_engines");
  refused("replica_router: shared_queue, disaggregation: {prefill_engines: 1, decode_engines: 1}",
          "", "", "E_VALUE", "no queue in common");
}

// Hashes of a trace are enough; a drawn prefix beside them would contradict them.
TEST(ScenarioFleet, TracesWithHashesSayWhatIsShared) {
  const auto load_trace = [](const std::string& more) {
    tests::ScenarioFile file;
    std::ofstream(file.folder() / "trace.jsonl")
        << R"({"timestamp":0,"input_length":600,"output_length":2,"hash_ids":[1,2]})"
           "\n"
        << R"({"timestamp":900,"input_length":700,"output_length":2,"hash_ids":[1,3]})"
           "\n";
    return file.set("engine", "{prefix_caching: true}")
        .set("workload", "{arrivals: trace, trace: {file: trace.jsonl}" + more + "}")
        .load();
  };
  const Scenario scenario = load_trace("");
  const PromptBlocks blocks(mix_of(scenario.workload, full_load(scenario, 1.0)), 1);
  const auto first = blocks.keys(0, 600, 16);
  const auto second = blocks.keys(1, 700, 16);
  ASSERT_EQ(first.size(), 37u);
  ASSERT_EQ(second.size(), 43u);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i] == second[i], i < 32) << i;
  }
  expect_input_error([&] { load_trace(", shared_prefix: {tokens: 64}"); }, "E_VALUE",
                     "the trace has block hashes");
}

}  // namespace
}  // namespace moeplan::sim
