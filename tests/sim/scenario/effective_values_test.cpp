// Does --print-config say of every value what it is and where it came from?

#include "sim/scenario/effective_values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/locations.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(EffectiveValues, SayFileDefaultDerivationCommandLineAndDataFile) {
  tests::ScenarioFile file;
  const std::filesystem::path path = file.write();
  const ScenarioOverrides overrides{.seed = 7, .requests = 200};
  const Scenario scenario = load_scenario(path, overrides);
  EffectiveValues all = effective_values(scenario, overrides);
  EXPECT_THAT(all.at("hardware.gpus").from, StartsWith(path.string() + ":"));
  EXPECT_THAT(all.at("hardware.gpus").texts, ElementsAre("1", "2"));
  EXPECT_EQ(all.at("engine.max_sequences").from, "default");
  EXPECT_EQ(all.at("seed").from, "--seed");
  EXPECT_THAT(all.at("seed").texts, ElementsAre("7"));
  EXPECT_EQ(all.at("workload.requests").from, "--requests");
  EXPECT_THAT(all.at("workload.requests").texts, ElementsAre("200"));
  EXPECT_THAT(all.at("workload.warmup_requests").texts, ElementsAre("20"));
  // Engines of 1 and 2 GPUs: 1 and 2 divide one of them.
  EXPECT_THAT(all.at("parallelism.tensor_parallel").texts, ElementsAre("1", "2"));
  EXPECT_THAT(all.at("parallelism.tensor_parallel").from, StartsWith("derived: "));
  EXPECT_EQ(all.at("objectives.budget").from, "no default");
  EXPECT_THAT(all.at("objectives.budget").texts, IsEmpty());
  // Qwen3-30B-A3B's config.json states 40960 positions, 48 layers and 128 experts.
  EXPECT_THAT(all.at("engine.max_model_length").texts, ElementsAre("40960"));
  EXPECT_THAT(all.at("engine.max_model_length").from,
              HasSubstr("architectures/qwen3-30b-a3b.json"));
  EXPECT_THAT(all.at("catalog.model.qwen3-30b-a3b.layers").texts, ElementsAre("48"));
  EXPECT_THAT(all.at("catalog.model.qwen3-30b-a3b.experts").texts, ElementsAre("128"));
  EXPECT_THAT(all.at("catalog.gpu.h100-sxm.memory").from, EndsWith("gpus/h100-sxm.yaml"));
  EXPECT_THAT(all.at("catalog.machine.h100-sxm.laws").from, EndsWith("profiles/h100-sxm.json"));
  // 55.04 USD/h for a p5.48xlarge of 8 GPUs (formats.md 5).
  const ConfigValue& price = all.at("catalog.price.aws-p5.48xlarge-on_demand");
  EXPECT_THAT(price.texts, ElementsAre("55.04 USD/h for 8 x h100-sxm"));
  EXPECT_THAT(price.from, HasSubstr("prices/2026-11.yaml: on_demand, AWS, seen 2026-11-09"));
}

TEST(EffectiveValues, WhatTheFileLeavesOutComesFromTheModel) {
  tests::ScenarioFile file;
  file.set("model", "{architecture: qwen3-30b-a3b}").set("pruning", "");
  EffectiveValues all = effective_values(file.load());
  EXPECT_THAT(all.at("pruning.experts_kept").texts, ElementsAre("128"));
  EXPECT_THAT(all.at("pruning.experts_kept").from, HasSubstr("qwen3-30b-a3b.json: unpruned"));
  EXPECT_THAT(all.at("model.precision").texts, ElementsAre("bf16"));
  EXPECT_THAT(all.at("model.precision").from, StartsWith("data file "));
  // 1500 requests are more than the default's 500 of warm-up.
  EXPECT_EQ(all.at("workload.warmup_requests").from, "default");
}

TEST(EffectiveValues, AMachineAndADataSheetAreSaid) {
  tests::ScenarioFile file;
  file.set("hardware", "{gpu: h100-sxm, node: aws-p5.48xlarge, profile: datasheet}");
  EffectiveValues all = effective_values(file.load());
  EXPECT_THAT(all.at("catalog.machine.h100-sxm in aws-p5.48xlarge.gpus").from,
              EndsWith("nodes/aws-p5.48xlarge.yaml"));
  EXPECT_EQ(all.at("catalog.machine.h100-sxm in aws-p5.48xlarge.laws").from,
            "hardware.profile: datasheet");
  EXPECT_THAT(all.at("hardware.node").from, HasSubstr(":"));
}

TEST(EffectiveValues, AStaticPassShowsWhatItReads) {
  EffectiveValues all = effective_values(
      load_static_scenario(tests::source_dir() / "scenarios/paper/fig2a_experts.yaml"));
  EXPECT_EQ(all.at("engine.max_sequences").from, "no meaning for static_forward");
  EXPECT_THAT(all.at("engine.max_sequences").texts, IsEmpty());
  EXPECT_THAT(all.at("workload.batch").from, HasSubstr("fig2a_experts.yaml:19:"));
  // A variant of an architecture lies in its family's file.
  EXPECT_THAT(all.at("catalog.model.paper-354m-128e.experts").from,
              EndsWith("architectures/paper-354m.yaml"));
  EXPECT_THAT(all.at("catalog.machine.a10.laws").from, EndsWith("static_forward/a10.json"));
}

}  // namespace
}  // namespace moeplan::sim
