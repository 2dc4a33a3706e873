// Is a step the sum of what its laws say, and does the decode line say the same?

#include "sim/serving/model_step_cost.hpp"

#include <gtest/gtest.h>

#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

using tests::ScenarioFile;

Scenario scenario_for(const std::string& model, const std::string& hardware = "gpu: h100-sxm",
                      int gpus = 1) {
  return ScenarioFile()
      .set("model", model)
      .set("pruning", "")
      .set("hardware", "{" + hardware + ", gpus: " + std::to_string(gpus) + "}")
      .load();
}

Deployment deployed(const Scenario& scenario, Candidate candidate = {}) {
  candidate.experts_kept = scenario.pretrained_experts();
  candidate.gpus = candidate.tensor_parallel * candidate.data_parallel;
  const auto result = deploy(scenario, candidate);
  if (const auto* why = std::get_if<Infeasible>(&result)) {
    throw std::logic_error(why->reason);
  }
  return std::get<Deployment>(result);
}

RankBatch decoding(std::int64_t sequences, std::int64_t kv_tokens) {
  return {.decode_sequences = sequences,
          .decode_kv_tokens = kv_tokens,
          .prefill_tokens = 0,
          .sampled = sequences,
          .prefill = {}};
}

PhaseTimes priced(ModelStepCost& cost, const RankBatch& batch) {
  return cost.cost(std::span(&batch, 1));
}

// cost() of a decode-only step against its line, and what either remembers.
void expect_on_line(const Deployment& d, std::int64_t sequences, std::int64_t kv_tokens) {
  ModelStepCost by_step(d);
  ModelStepCost by_line(d);
  const auto line = by_line.decode_line(sequences, kv_tokens);
  ASSERT_TRUE(line.has_value());
  EXPECT_LE(line->kv_tokens_from, kv_tokens);
  EXPECT_GE(line->kv_tokens_to, kv_tokens);
  PhaseTimes times = line->base;
  times.set(Phase::attention, times[Phase::attention] + SimDuration(line->attention_ps(kv_tokens)));
  const PhaseTimes expected = priced(by_step, decoding(sequences, kv_tokens));
  for (std::size_t i = 0; i < kPhaseCount; ++i) {
    const auto phase = static_cast<Phase>(i);
    EXPECT_EQ(times[phase], expected[phase])
        << name_of(phase) << ", " << sequences << " sequences, " << kv_tokens << " KV tokens";
  }
  if (kv_tokens <= line->kv_tokens_inside) {
    EXPECT_EQ(by_line.extrapolated(), by_step.extrapolated());
  } else {
    const auto names = by_step.extrapolated();
    EXPECT_NE(std::find(names.begin(), names.end(), "attention_decode"), names.end());
  }
}

TEST(DecodeLine, IsWhatAStepCosts) {
  const Scenario scenario = scenario_for("{architecture: qwen3-30b-a3b, precision: bf16}");
  const Deployment d = deployed(scenario);
  for (const std::int64_t sequences : {1, 7, 64, 256}) {
    for (const std::int64_t context : {1, 129, 4096, 40000, 2000000}) {
      expect_on_line(d, sequences, sequences * context + 3);
    }
  }
}

TEST(DecodeLine, HasAPieceForEachWindow) {
  // gpt-oss: every other layer sees 128 tokens. At 10 sequences the line bends behind 1280.
  const Scenario scenario = scenario_for("{architecture: gpt-oss-20b, precision: bf16}");
  const Deployment d = deployed(scenario);
  ModelStepCost cost(d);
  const auto below = cost.decode_line(10, 1280);
  const auto above = cost.decode_line(10, 1281);
  ASSERT_TRUE(below && above);
  EXPECT_EQ(below->kv_tokens_from, 0);
  EXPECT_EQ(below->kv_tokens_to, 1280);
  EXPECT_EQ(above->kv_tokens_from, 1281);
  // 12 of 24 layers go on growing.
  EXPECT_EQ(below->attention_fs_per_kv_token, 2 * above->attention_fs_per_kv_token);
  // Continuous to the picosecond that each floor may lose.
  EXPECT_NEAR(static_cast<double>(
                  (below->base.total() + SimDuration(below->attention_ps(1280))).picoseconds()),
              static_cast<double>(
                  (above->base.total() + SimDuration(above->attention_ps(1280))).picoseconds()),
              2.0);
  for (const std::int64_t kv_tokens : {10, 1280, 1281, 50000}) {
    expect_on_line(d, 10, kv_tokens);
  }
}

TEST(StepCost, DecodeAttentionIsTheLawTimesItsLayers) {
  const Scenario scenario = scenario_for("{architecture: qwen3-30b-a3b, precision: bf16}");
  const Deployment d = deployed(scenario);
  ModelStepCost cost(d);
  const models::AttentionShape shape{
      .heads = 32, .kv_heads = 4, .head_dim = 128, .kv_precision = models::Precision::bf16};
  const double law =
      48.0 * in_seconds(d.hardware().laws.attention.decode(shape, 16.0, 16000.0).duration);
  const PhaseTimes times = priced(cost, decoding(16, 16000));
  EXPECT_NEAR(in_seconds(times[Phase::attention]) / law, 1.0, 1e-7);
}

TEST(StepCost, RankOfAnIdleGroupCostsItsLine) {
  // Two data-parallel ranks, one of them idle.
  const Scenario scenario =
      scenario_for("{architecture: qwen3-30b-a3b, precision: bf16}", "gpu: h100-sxm", 2);
  const Deployment d = deployed(scenario, {.data_parallel = 2, .expert_parallel = true});
  ModelStepCost cost(d);
  const std::vector<RankBatch> ranks{decoding(9, 900), RankBatch{}};
  const auto line = cost.decode_line(9, 900);
  ASSERT_TRUE(line.has_value());
  EXPECT_EQ(cost.cost(ranks).total(), line->base.total() + SimDuration(line->attention_ps(900)));
}

TEST(StepCost, WindowBoundsWhatAPromptReads) {
  // A prompt of 8192 tokens: a windowed layer's products are 8192 x 128 less the first triangle,
  // 1/32 of a full layer's 8192^2 / 2; launch and traffic stay, so 12 of 24 layers fall by more
  // than half of the attention but keep above half of the whole.
  const Scenario scenario = scenario_for("{architecture: gpt-oss-20b, precision: bf16}");
  Deployment d = deployed(scenario);
  RankBatch prompt{.prefill_tokens = 8192, .sampled = 1, .prefill = {{8192, 0}}};
  ModelStepCost windowed(d);
  const SimDuration with = priced(windowed, prompt)[Phase::attention];
  for (models::Layer& layer : d.architecture.layers) {
    std::get<models::GroupedQueryAttention>(layer.attention).window.reset();
  }
  ModelStepCost full(d);
  const SimDuration without = priced(full, prompt)[Phase::attention];
  EXPECT_LT(with, without);
  EXPECT_GT(2 * with, without);
}

}  // namespace
}  // namespace moeplan::sim
