// Is a step the sum of what its laws say, and does the decode line say the same?

#include "sim/serving/model_step_cost.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/serving/simulate.hpp"
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

Scenario deepseek(const std::string& kv = "bf16") {
  return scenario_for("{architecture: deepseek-v3, precision: fp8_block, kv_precision: " + kv + "}",
                      "gpu: h200-sxm", 8);
}

TEST(LatentAttention, AStepIsItsBlocksOnce) {
  // 61 layers: three products for all tokens, the absorbed one and the law of the block for the
  // decoding sequences, and nothing twice.
  const Scenario scenario = deepseek();
  const Deployment d = deployed(scenario, {.tensor_parallel = 8});
  ModelStepCost cost(d);
  const models::CostLaws& laws = d.hardware().laws;
  const models::LatentShape shape{.heads = 16,
                                  .kv_lora_rank = 512,
                                  .qk_nope_head_dim = 128,
                                  .qk_rope_head_dim = 64,
                                  .v_head_dim = 128,
                                  .kv_precision = models::Precision::bf16};
  const auto dense = [&](std::int64_t columns, std::int64_t inner) {
    return in_seconds(laws.dense.estimate(32, columns, inner).duration);
  };
  const double projections = dense(1536 + 576, 7168) + dense(16 * 192, 1536) +
                             dense(7168, 16 * 128) +
                             in_seconds(laws.plain.estimate(32, 16 * 256, 512).duration);
  const PhaseTimes times = priced(cost, decoding(32, 64000));
  EXPECT_NEAR(in_seconds(times[Phase::projection]) / (61 * projections), 1.0, 1e-7);
  EXPECT_NEAR(in_seconds(times[Phase::attention]) /
                  (61 * in_seconds(laws.mla.decode(shape, 32, 64000).duration)),
              1.0, 1e-7);
  expect_on_line(d, 32, 64000);
  expect_on_line(d, 1, 3);
}

TEST(LatentAttention, PromptsExpandTheirHeads) {
  const Scenario scenario = deepseek();
  const Deployment d = deployed(scenario, {.tensor_parallel = 8});
  ModelStepCost cost(d);
  RankBatch batch{.prefill_tokens = 4096, .sampled = 1, .prefill = {{4096, 0}}};
  models::PrefillBatch prompts;
  prompts.add(4096, 0);
  const models::LatentShape shape{.heads = 16,
                                  .kv_lora_rank = 512,
                                  .qk_nope_head_dim = 128,
                                  .qk_rope_head_dim = 64,
                                  .v_head_dim = 128};
  const double law = in_seconds(
      d.hardware().laws.mla.prefill(shape, models::LatentPath::expanded, prompts).duration);
  EXPECT_NEAR(in_seconds(priced(cost, batch)[Phase::attention]) / (61 * law), 1.0, 1e-7);
  // The second half of a prompt costs more than the first: it attends to it and expands it again.
  RankBatch first{.prefill_tokens = 2048, .prefill = {{2048, 0}}};
  RankBatch second{.prefill_tokens = 2048, .sampled = 1, .prefill = {{2048, 2048}}};
  EXPECT_GT(priced(cost, second)[Phase::attention], priced(cost, first)[Phase::attention]);
}

TEST(LatentAttention, ShortPromptsJoinDecodingSequences) {
  // H100 has a law of short prompts: up to 512 tokens they run absorbed. Alone they pay its launch,
  // beside decoding sequences they do not.
  const Scenario scenario =
      scenario_for("{architecture: deepseek-v2-lite, precision: bf16}", "gpu: h100-sxm");
  const Deployment d = deployed(scenario);
  const models::LatentShape shape{.heads = 16,
                                  .kv_lora_rank = 512,
                                  .qk_nope_head_dim = 128,
                                  .qk_rope_head_dim = 64,
                                  .v_head_dim = 128};
  const models::MlaLatency& mla = d.hardware().laws.mla;
  EXPECT_EQ(mla.absorbed_up_to(shape), 512.0);
  ModelStepCost cost(d);
  const RankBatch prompt{.prefill_tokens = 256, .sampled = 1, .prefill = {{256, 0}}};
  RankBatch both = decoding(16, 16000);
  both.prefill_tokens = 256;
  both.prefill = prompt.prefill;
  models::PrefillBatch prompts;
  prompts.add(256, 0);
  const double alone =
      27 * in_seconds(mla.prefill(shape, models::LatentPath::absorbed, prompts).duration);
  const double joined =
      27 * in_seconds(mla.prefill(shape, models::LatentPath::absorbed, prompts, false).duration);
  EXPECT_NEAR(in_seconds(priced(cost, prompt)[Phase::attention]) / alone, 1.0, 1e-7);
  EXPECT_NEAR(in_seconds(priced(cost, both)[Phase::attention] -
                         priced(cost, decoding(16, 16000))[Phase::attention]) /
                  joined,
              1.0, 1e-7);
}

TEST(LatentAttention, CacheIsWholeOnEveryRank) {
  // 61 layers x 576 elements x 2 bytes, whatever TP; halved by an 8-bit cache.
  const Scenario scenario = deepseek();
  for (const int tp : {2, 4, 8}) {
    const Deployment d = deployed(scenario, {.tensor_parallel = tp, .data_parallel = 8 / tp});
    EXPECT_EQ(d.memory.kv_per_token, Bytes(61.0 * 576.0 * 2.0)) << tp;
  }
  const Scenario eight = deepseek("fp8");
  EXPECT_EQ(deployed(eight, {.tensor_parallel = 8}).memory.kv_per_token, Bytes(61.0 * 576.0));
}

TEST(LatentAttention, RefusesWhatDoesNotDivide) {
  const Scenario scenario = deepseek();
  const Candidate three{
      .experts_kept = 256, .gpus = 3, .tensor_parallel = 3, .expert_parallel = false};
  const auto result = deploy(scenario, three);
  ASSERT_TRUE(std::holds_alternative<Infeasible>(result));
  EXPECT_EQ(std::get<Infeasible>(result).code, "tensor_parallel");
  EXPECT_NE(std::get<Infeasible>(result).reason.find("128 heads"), std::string::npos);
  // One H100 node holds it no more: memory, and nothing else, says so.
  const Scenario h100 =
      scenario_for("{architecture: deepseek-v3, precision: fp8_block}", "gpu: h100-sxm", 8);
  const auto small =
      deploy(h100, {.experts_kept = 256, .gpus = 8, .tensor_parallel = 8, .data_parallel = 1});
  ASSERT_TRUE(std::holds_alternative<Infeasible>(small));
  EXPECT_EQ(std::get<Infeasible>(small).code, "memory");
}

TEST(DecodeLine, FastEngineGivesTheEventLoopsTraceWithWindowsAndLatentAttention) {
  // Contexts of 20 to 900 tokens cross gpt-oss's window of 128; prompts of 16 to 700 tokens cross
  // the 512 up to which latent attention runs them absorbed.
  for (const char* model : {"gpt-oss-20b", "deepseek-v2-lite"}) {
    const Scenario scenario =
        scenario_for(std::string("{architecture: ") + model + ", precision: bf16}");
    const Deployment d = deployed(scenario);
    const SimulationSetup setup{
        .limits = {.scheduler = {.max_sequences = 24, .max_batched_tokens = 600, .kv_blocks = 900},
                   .data_parallel = 1,
                   .max_model_length = 4096},
        .mix = {.arrivals = ClosedLoop{32, Seconds(0.001)},
                .prompt = UniformLength{16, 700},
                .output = UniformLength{4, 200},
                .request_count = 150}};
    ModelStepCost quick(d);
    ModelStepCost slow(d);
    const ServingTrace fast = simulate(setup, quick);
    const ServingTrace events = simulate_by_events(setup, slow);
    EXPECT_EQ(fast.requests, events.requests) << model;
    EXPECT_EQ(fast.steps, events.steps) << model;
    EXPECT_EQ(fast.busy, events.busy) << model;
    EXPECT_EQ(fast.extrapolated, events.extrapolated) << model;
    for (std::size_t i = 0; i < kPhaseCount; ++i) {
      const auto phase = static_cast<Phase>(i);
      EXPECT_EQ(fast.phases[phase], events.phases[phase]) << model << " " << name_of(phase);
    }
  }
}

TEST(Experts, BlocksOfScalesAreNotCut) {
  // Qwen3-235B: 1536 columns over 8 GPUs are 192, and a block covers 128; over 4 they are 3 x 128.
  const Scenario scenario =
      scenario_for("{architecture: qwen3-235b-a22b, precision: fp8_block}", "gpu: h200-sxm", 8);
  const auto split = [&](int gpus, bool whole) {
    return deploy(
        scenario,
        {.experts_kept = 128, .gpus = gpus, .tensor_parallel = gpus, .expert_parallel = whole});
  };
  ASSERT_TRUE(std::holds_alternative<Infeasible>(split(8, false)));
  EXPECT_NE(std::get<Infeasible>(split(8, false)).reason.find("192 columns"), std::string::npos);
  EXPECT_TRUE(std::holds_alternative<Deployment>(split(8, true)));
  EXPECT_TRUE(std::holds_alternative<Deployment>(split(4, false)));
}

TEST(StepCost, ANormOverAllHeadsIsReducedOverRanks) {
  // MiniMax-M2 norms q and k over the heads of all ranks: one small all-reduce a layer more.
  const Scenario scenario =
      scenario_for("{architecture: minimax-m2, precision: fp8_block}", "gpu: h200-sxm", 4);
  Deployment d = deployed(scenario, {.tensor_parallel = 4});
  ModelStepCost with(d);
  const SimDuration whole = priced(with, decoding(8, 800))[Phase::allreduce];
  for (models::Layer& layer : d.architecture.layers) {
    std::get<models::GroupedQueryAttention>(layer.attention).qk_norm_whole = false;
  }
  ModelStepCost without(d);
  const double one =
      in_seconds(d.hardware()
                     .laws.collective.estimate(models::Collective::all_reduce, 4, Bytes(8.0 * 8.0))
                     .duration);
  EXPECT_NEAR(in_seconds(whole - priced(without, decoding(8, 800))[Phase::allreduce]), 62 * one,
              1e-12);
}

Scenario graphs(const std::string& sizes, int gpus = 1) {
  return ScenarioFile()
      .set("pruning", "")
      .set("hardware", "{gpu: h100-sxm, gpus: " + std::to_string(gpus) + "}")
      .set("engine", "{cuda_graph_sizes: " + sizes + "}")
      .load();
}

// What runs inside a captured graph: all but attention, sampling, the host and its launches.
SimDuration in_graph(const PhaseTimes& times) {
  return times.total() - times[Phase::attention] - times[Phase::head] - times[Phase::host] -
         times[Phase::launch];
}

TEST(CapturedGraphs, StepsArePaddedToTheNextSize) {
  const Scenario padded = graphs("default");  // ..., 8, 16, ..., 512
  const Scenario exact = graphs("none");
  const Deployment with = deployed(padded);
  const Deployment without = deployed(exact);
  ModelStepCost cost(with);
  ModelStepCost plain(without);
  // 9 decodes run as 16: the products and experts of 16 tokens, attention and sampling of 9.
  const PhaseTimes nine = priced(cost, decoding(9, 900));
  EXPECT_EQ(in_graph(nine), in_graph(priced(plain, decoding(16, 900))));
  EXPECT_GT(in_graph(nine), in_graph(priced(plain, decoding(9, 900))));
  EXPECT_EQ(nine[Phase::attention], priced(plain, decoding(9, 900))[Phase::attention]);
  EXPECT_EQ(nine[Phase::head], priced(plain, decoding(9, 900))[Phase::head]);
  EXPECT_EQ(priced(cost, decoding(16, 900)), priced(plain, decoding(16, 900)));
  expect_on_line(with, 9, 900);
  // Steps with prompts too (piecewise graphs); 513 tokens are above the largest graph.
  const auto prompt = [](std::int64_t tokens) {
    return RankBatch{.decode_sequences = 0,
                     .decode_kv_tokens = 0,
                     .prefill_tokens = tokens,
                     .sampled = 1,
                     .prefill = {{tokens, 0}}};
  };
  EXPECT_EQ(in_graph(priced(cost, prompt(257))), in_graph(priced(plain, prompt(272))));
  EXPECT_EQ(priced(cost, prompt(513)), priced(plain, prompt(513)));
  EXPECT_EQ(priced(cost, decoding(9, 900)).total(), nine.total());
  EXPECT_DOUBLE_EQ(cost.expert_rows(std::vector{decoding(9, 900)}).routed,
                   plain.expert_rows(std::vector{decoding(9, 900)}).routed)
      << "padding is no traffic";
}

// Ranks of one engine run the largest rank's size; an idle rank runs a dummy batch of it.
TEST(CapturedGraphs, AllRanksRunTheLargestRanksSize) {
  const Scenario padded = graphs("[8, 32]", 2);
  const Scenario exact = graphs("none", 2);
  const Candidate dp{.tensor_parallel = 1, .data_parallel = 2, .expert_parallel = true};
  const Deployment with = deployed(padded, dp);
  const Deployment without = deployed(exact, dp);
  ModelStepCost cost(with);
  ModelStepCost plain(without);
  const std::vector<RankBatch> uneven = {decoding(20, 2000), decoding(3, 300)};
  const std::vector<RankBatch> idle = {decoding(20, 2000), RankBatch{}};
  const std::vector<RankBatch> full = {decoding(32, 2000), decoding(32, 2000)};
  EXPECT_EQ(in_graph(cost.cost(uneven)), in_graph(plain.cost(full)));
  EXPECT_EQ(in_graph(cost.cost(idle)), in_graph(plain.cost(full)));
  // 33 on one rank: no graph on any.
  const std::vector<RankBatch> above = {decoding(33, 2000), decoding(3, 300)};
  EXPECT_EQ(cost.cost(above), plain.cost(above));
}

}  // namespace
}  // namespace moeplan::sim
