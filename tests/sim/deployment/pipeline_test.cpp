// Which layers does a pipeline stage hold, where does it stand, and which pipelines are refused?

#include "sim/deployment/pipeline.hpp"

#include <gtest/gtest.h>

#include "sim/plan/candidates.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

std::vector<std::size_t> sizes(std::size_t layers, int stages) {
  std::vector<std::size_t> result;
  for (const LayerRange& range : stage_layers(layers, stages)) {
    result.push_back(range.count());
  }
  return result;
}

// vLLM 0.19, tests/distributed/test_pipeline_partition.py states the rule: what remains goes to the
// stages before the last, from the back.
TEST(StageLayers, RemainingLayersGoBeforeTheLastStage) {
  using Sizes = std::vector<std::size_t>;
  EXPECT_EQ(sizes(32, 4), (Sizes{8, 8, 8, 8}));
  EXPECT_EQ(sizes(61, 4), (Sizes{15, 15, 16, 15}));
  EXPECT_EQ(sizes(22, 4), (Sizes{5, 6, 6, 5}));
  EXPECT_EQ(sizes(5, 3), (Sizes{2, 2, 1}));
  EXPECT_EQ(sizes(3, 2), (Sizes{2, 1}));
  EXPECT_EQ(sizes(4, 4), (Sizes{1, 1, 1, 1}));
  EXPECT_EQ(sizes(7, 1), (Sizes{7}));
  EXPECT_THROW(stage_layers(3, 4), std::logic_error);
}

TEST(StageLayers, AreContiguousAndCoverTheModel) {
  for (std::size_t layers = 1; layers < 40; ++layers) {
    for (int stages = 1; static_cast<std::size_t>(stages) <= layers; ++stages) {
      std::size_t next = 0;
      for (const LayerRange& range : stage_layers(layers, stages)) {
        EXPECT_EQ(range.begin, next);
        EXPECT_GT(range.end, range.begin);
        next = range.end;
      }
      EXPECT_EQ(next, layers);
    }
  }
}

// Four stages of four GPUs on nodes of eight: two stages share a node, so the hop to the third
// stage alone leaves it.
TEST(StagePlaces, HopsLeaveTheNodeWhereStagesDo) {
  Candidate c{.gpus = 16, .tensor_parallel = 4, .pipeline_parallel = 4};
  const int expected[] = {0, 1, 2, 1};
  for (int stage = 0; stage < 4; ++stage) {
    const StagePlace place = place_of(c, stage, 8);
    EXPECT_EQ(place.first, stage == 0);
    EXPECT_EQ(place.last, stage == 3);
    EXPECT_EQ(place.hop_nodes, expected[stage]);
  }
}

Infeasible refused(const Scenario& scenario, Candidate c) {
  c.experts_kept = scenario.pretrained_experts();
  c.gpus = c.stage_gpus() * c.pipeline_parallel;
  const auto placed = deploy(scenario, c);
  return std::holds_alternative<Infeasible>(placed) ? std::get<Infeasible>(placed) : Infeasible{};
}

TEST(Pipelines, MoreStagesThanLayersAreInfeasible) {
  const Scenario scenario = tests::ScenarioFile()
                                .set("model", "{architecture: olmoe-1b-7b}")
                                .set("pruning", "")
                                .set("hardware", "{gpu: h100-sxm, gpus: 32}")
                                .set("parallelism", "{pipeline_parallel: [16, 32]}")
                                .load();
  const Infeasible why = refused(scenario, {.pipeline_parallel = 32});
  EXPECT_EQ(why.code, "pipeline_parallel");
  EXPECT_EQ(why.reason, "32 pipeline stages of a model of 16 layers");
  EXPECT_EQ(refused(scenario, {.tensor_parallel = 2, .pipeline_parallel = 16}).reason, "");
  // 6 GPUs a stage straddle nodes of 8 (24 GPUs fill three).
  EXPECT_EQ(
      refused(scenario, {.tensor_parallel = 2, .data_parallel = 3, .pipeline_parallel = 4}).code,
      "node");
}

// Mixtral 8x22B in bf16 (281 GB) fits two H100s in no layout, and eight in two stages of four.
TEST(Pipelines, StagesShareTheWeights) {
  const Scenario scenario = tests::ScenarioFile()
                                .set("model", "{architecture: mixtral-8x22b}")
                                .set("pruning", "")
                                .set("hardware", "{gpu: h100-sxm, gpus: [2, 8]}")
                                .load();
  const Infeasible two = refused(scenario, {.pipeline_parallel = 2});
  EXPECT_EQ(two.code, "memory");
  EXPECT_NE(two.reason.find("of 2: "), std::string::npos) << two.reason;
  EXPECT_EQ(refused(scenario, {.tensor_parallel = 4, .pipeline_parallel = 2}).reason, "");
}

TEST(Candidates, PipelinesAreSearchedWhereTheScenarioAsks) {
  tests::ScenarioFile file;
  file.set("pruning", "").set("hardware", "{gpu: h100-sxm, gpus: [1, 4]}");
  const Scenario plain = file.load();
  for (const Candidate& c : candidates(plain)) {
    EXPECT_EQ(c.pipeline_parallel, 1);
  }
  const Scenario piped = file.set("parallelism", "{pipeline_parallel: [1, 2]}").load();
  std::size_t two_stages = 0;
  for (const Candidate& c : candidates(piped)) {
    EXPECT_EQ(c.gpus, c.tensor_parallel * c.data_parallel * c.pipeline_parallel);
    two_stages += c.pipeline_parallel == 2 ? 1 : 0;
  }
  // Stages of two GPUs: TP1 DP2 and TP2, each with and without expert parallelism.
  EXPECT_EQ(two_stages, 4u);
  EXPECT_EQ(candidates(piped).size(), candidates(plain).size() + 4);
}

}  // namespace
}  // namespace moeplan::sim
