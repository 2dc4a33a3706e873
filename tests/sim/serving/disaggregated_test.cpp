// Prefill/decode disaggregation: the transfer by itself, runs by hand, what is conserved.

#include "sim/serving/disaggregated.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "sim/result/metrics.hpp"
#include "tests/support/linear_step_cost.hpp"
#include "tests/support/scenario_file.hpp"

namespace moeplan::sim {
namespace {

SimTime at_ms(double ms) { return SimTime{} + milliseconds(ms); }

// Every transfer takes the same time.
class FixedTransfer : public KvTransfer {
 public:
  explicit FixedTransfer(double ms) : time_(duration_from(milliseconds(ms))) {}
  void start(SimTime now, std::int64_t id, EngineRank, EngineRank, std::int64_t) override {
    ends_.push(now + time_, id);
  }
  std::optional<SimTime> next_event() override {
    return ends_.empty() ? std::nullopt : std::optional(ends_.top_time());
  }
  std::vector<std::int64_t> advance(SimTime to) override {
    std::vector<std::int64_t> ended;
    while (!ends_.empty() && ends_.top_time() <= to) {
      ended.push_back(ends_.pop().event);
    }
    return ended;
  }

 private:
  SimDuration time_;
  EventQueue<std::int64_t> ends_;
};

DisaggregatedSetup setup_of(std::int64_t requests, std::int32_t prompt, std::int32_t output) {
  DisaggregatedSetup setup;
  setup.prefill.scheduler = {.max_sequences = 8, .max_batched_tokens = 1000, .kv_blocks = 1000};
  setup.decode.scheduler = setup.prefill.scheduler;
  setup.mix = {.arrivals = ClosedLoop{static_cast<std::int32_t>(requests)},
               .prompt = FixedLength{prompt},
               .output = FixedLength{output},
               .request_count = requests};
  return setup;
}

// Prefill engines: 1 ms a step and 0.01 ms a prompt token; decode engines: 0.5 ms a step and 0.1 ms
// a sequence.
ServingTrace run(const DisaggregatedSetup& setup, KvTransfer& transfer) {
  tests::LinearStepCost prefill(milliseconds(1), milliseconds(0.01), milliseconds(0.1));
  tests::LinearStepCost decode(milliseconds(0.5), milliseconds(0.01), milliseconds(0.1));
  return simulate_disaggregated(setup, prefill, decode, transfer);
}

// Two prompts of 100 at 0 s, answers of 3, 100 tokens a prefill step:
//   prefill: 0 to 2 ms request 0, 2 to 4 ms request 1; token 1 at 2 and 4 ms.
//   at once: request 0 decodes alone from 2 ms, 0.6 ms a step: tokens at 2.6 and 3.2 ms; request 1
//            at 4.6 and 5.2 ms.
//   a transfer of 1.5 ms: request 0 from 3.5 ms: 4.1, 4.7; request 1 is ready at 4 ms, within the
//            step that ends at 4.1, when the decode rank next chooses: cache at 5.6; 6.2, 6.8.
TEST(Disaggregated, TwoRequestsByHand) {
  DisaggregatedSetup setup = setup_of(2, 100, 3);
  setup.prefill.scheduler.max_batched_tokens = 100;
  FixedTransfer none(0.0);
  const ServingTrace at_once = run(setup, none);
  EXPECT_EQ(at_once.requests[0].first_token, at_ms(2));
  EXPECT_EQ(at_once.requests[1].first_token, at_ms(4));
  EXPECT_EQ(at_once.requests[0].completion, at_ms(3.2));
  EXPECT_EQ(at_once.requests[1].completion, at_ms(5.2));
  FixedTransfer slow(1.5);
  const ServingTrace trace = run(setup, slow);
  EXPECT_EQ(trace.requests[0].completion, at_ms(4.7));
  EXPECT_EQ(trace.requests[1].completion, at_ms(6.8));
  const ServingMetrics m = summarize(trace, {.replicas = 2, .prefill_engines = 1});
  // Gaps: transfer and a step, then a step, of both; 0.1 ms of waiting for request 1.
  EXPECT_EQ(m.itl.count, 4);
  EXPECT_NEAR(m.itl.max, 2.2e-3, 1e-12);
  EXPECT_NEAR(m.itl.mean, (2.1 + 2.2 + 0.6 + 0.6) / 4 * 1e-3, 1e-12);
  ASSERT_TRUE(m.handover);
  EXPECT_EQ(m.handover->transfer.count, 2);
  EXPECT_NEAR(m.handover->transfer.max, 1.5e-3, 1e-12);
  EXPECT_NEAR(m.handover->wait.max, 0.1e-3, 1e-12);
  // 4 of 6.8 ms; 4 decode steps of 0.6 ms.
  EXPECT_NEAR(m.handover->prefill_busy_fraction, 4.0 / 6.8, 1e-9);
  EXPECT_NEAR(m.handover->decode_busy_fraction, 2.4 / 6.8, 1e-9);
}

// A prompt of 100 and its answer of 3 take 7 blocks on either side. The decode rank has 10, so the
// second request waits for the first one's end, and the prefill rank keeps its blocks as long.
TEST(Disaggregated, BlocksAreTakenBeforeTheTransferAndKeptUntilItsEnd) {
  DisaggregatedSetup setup = setup_of(3, 100, 3);
  setup.prefill.scheduler.max_batched_tokens = 100;
  setup.prefill.scheduler.kv_blocks = 14;
  setup.decode.scheduler.kv_blocks = 10;
  FixedTransfer transfer(1.0);
  const ServingTrace trace = run(setup, transfer);
  // Request 0: transfer 2 to 3 ms, tokens at 3.6 and 4.2. Request 1, ready at 4 ms, gets its blocks
  // at 4.2, arrives at 5.2, tokens at 5.8 and 6.4. Request 2: the prefill rank has 14 blocks;
  // request 0's are back at 3 ms, so at 4 ms its prompt starts: token 1 at 6 ms. Blocks at 6.4,
  // cache at 7.4, tokens at 8.0 and 8.6.
  EXPECT_EQ(trace.requests[0].completion, at_ms(4.2));
  EXPECT_EQ(trace.requests[1].completion, at_ms(6.4));
  EXPECT_EQ(trace.requests[2].first_token, at_ms(6));
  EXPECT_EQ(trace.requests[2].completion, at_ms(8.6));
  ASSERT_EQ(trace.handover->moves.size(), 3u);
  EXPECT_EQ(trace.handover->moves[1].begin, at_ms(4.2));
  EXPECT_EQ(trace.handover->prefill_peak_kv_blocks, 14);
  EXPECT_EQ(trace.peak_kv_blocks, 7);
  EXPECT_EQ(trace.blocks_at_end, 0);
  // With 13 prefill blocks one prompt must have moved before the next begins: request 1's at 3 ms,
  // ready at 5, moves until 6; request 2's at 6 ms, token 1 at 8.
  setup.prefill.scheduler.kv_blocks = 13;
  FixedTransfer again(1.0);
  EXPECT_EQ(run(setup, again).requests[2].first_token, at_ms(8));
}

// Short memory, several engines and ranks, every router: every request completes, every prompt
// token is computed once and every output token emitted, recomputation counted apart, no block is
// left, the run repeats.
TEST(Disaggregated, TokensAndBlocksAreConserved) {
  for (const std::string& name : router_policy_names()) {
    const RouterPolicy policy = *router_policy_from(name);
    if (policy == RouterPolicy::shared_queue) {
      continue;
    }
    for (const bool caching : {false, true}) {
      DisaggregatedSetup setup;
      setup.prefill.scheduler = {.max_sequences = 4,
                                 .max_batched_tokens = 128,
                                 .kv_blocks = 40,
                                 .prefix_caching = caching};
      setup.decode.scheduler = {.max_sequences = 6, .max_batched_tokens = 128, .kv_blocks = 42};
      setup.decode.data_parallel = 2;
      setup.prefill_engines = 2;
      setup.decode_engines = 3;
      setup.router = policy;
      setup.mix = {.arrivals = PoissonArrivals{PerSecond(300.0)},
                   .prompt = UniformLength(1, 400),
                   .output = UniformLength(1, 120),
                   .request_count = 1500,
                   .shared_prefix = SharedPrefix{.tokens = 64, .groups = 5}};
      setup.seed = 9;
      FixedTransfer transfer(3.0);
      const ServingTrace trace = run(setup, transfer);
      std::int64_t prompts = 0;
      std::int64_t outputs = 0;
      std::size_t long_answers = 0;
      for (const RequestRecord& request : trace.requests) {
        ASSERT_EQ(request.status, RequestStatus::completed) << name;
        EXPECT_LE(request.arrival, request.scheduled);
        EXPECT_LT(request.scheduled, request.first_token);
        EXPECT_LE(request.first_token, request.completion);
        prompts += request.prompt_tokens;
        outputs += request.output_tokens;
        long_answers += request.output_tokens > 1 ? 1 : 0;
      }
      EXPECT_EQ(trace.prompt_tokens + trace.cached_tokens, prompts) << name;
      EXPECT_EQ(trace.cached_tokens > 0, caching) << name;
      EXPECT_EQ(trace.output_tokens, outputs) << name;
      EXPECT_GT(trace.preemptions, 0) << "the test must see preemptions";
      EXPECT_EQ(trace.blocks_at_end, 0) << name;
      EXPECT_LE(trace.peak_kv_blocks, 42);
      EXPECT_LE(trace.handover->prefill_peak_kv_blocks, 40);
      EXPECT_EQ(trace.handover->moves.size(), long_answers) << name;
      for (const KvMove& move : trace.handover->moves) {
        const RequestRecord& request = trace.requests[static_cast<std::size_t>(move.request)];
        EXPECT_EQ(move.handed_over, request.first_token);
        EXPECT_LE(move.handed_over, move.begin);
        EXPECT_EQ(move.end, move.begin + duration_from(milliseconds(3.0)));
        EXPECT_LT(move.end, request.completion);
      }
      FixedTransfer again(3.0);
      EXPECT_EQ(run(setup, again).requests, trace.requests) << name;
    }
  }
}

class KvTransferOf : public ::testing::Test {
 protected:
  // Pools of Qwen3-30B-A3B: 48 layers, 4 KV heads of 128, bf16: 98304 bytes a token over all heads.
  static constexpr double kBytesPerToken = 48 * 2 * 4 * 128 * 2;
  Deployment engine(int gpus) {
    return std::get<Deployment>(
        deploy(scenario_, {.experts_kept = 128, .gpus = gpus, .tensor_parallel = gpus}));
  }
  Scenario scenario_ = tests::ScenarioFile()
                           .set("hardware", "{gpu: h100-sxm, gpus: [1, 2, 4, 8], network: flows}")
                           .load();
};

// Alone a transfer takes bytes / bandwidth of its busiest port + latency, by the law and as flows.
TEST_F(KvTransferOf, OneAloneTakesBytesOverBandwidth) {
  const HardwareOption& hardware = scenario_.hardware.front();
  constexpr std::int64_t kTokens = 4000;
  struct Case {
    int prefill;
    int decode;
    double port_share;  // of all bytes, through the busiest port
  };
  for (const Case& c : {Case{1, 1, 1.0}, Case{2, 2, 0.5}, Case{4, 2, 0.5}, Case{1, 4, 1.0},
                        // 8 ranks hold copies of 4 heads: each head arrives twice.
                        Case{4, 8, 0.5}}) {
    const Deployment prefill = engine(c.prefill);
    const Deployment decode = engine(c.decode);
    const PoolLayout layout(prefill, 1, decode, 1);
    const double copies = c.decode == 8 ? 2.0 : 1.0;
    EXPECT_DOUBLE_EQ(layout.volume(kTokens).value(), copies * kTokens * kBytesPerToken);
    const bool inside = c.prefill + c.decode <= 8;
    EXPECT_EQ(layout.nodes(), inside ? 1 : 2);
    const models::Fabric& fabric = inside ? hardware.fabric : hardware.uplink;
    const double expected =
        kTokens * kBytesPerToken * c.port_share / fabric.bandwidth.value() + fabric.latency.value();
    const KvTransferLaw law(layout, hardware);
    EXPECT_NEAR(law.time({}, {}, kTokens).value(), expected, 1e-12) << c.prefill << c.decode;
    const auto flows = make_kv_transfer(layout, hardware, {.flows = true});
    flows->start(SimTime{}, 5, {}, {}, kTokens);
    std::vector<std::int64_t> ended;
    SimTime end;
    while (const auto next = flows->next_event()) {
      end = *next;
      for (const std::int64_t id : flows->advance(end)) {
        ended.push_back(id);
      }
    }
    EXPECT_EQ(ended, std::vector<std::int64_t>{5});
    EXPECT_NEAR(in_seconds(end), expected, 2e-12) << c.prefill << " to " << c.decode;
  }
}

// Two prefill engines send to one decode engine at once: its port is shared, both take twice as
// long; the law lets each have it alone. To two engines they do not meet.
TEST_F(KvTransferOf, TwoAtOnceShareAPortFairly) {
  const HardwareOption& hardware = scenario_.hardware.front();
  const Deployment one = engine(1);
  const PoolLayout layout(one, 2, one, 2);
  constexpr std::int64_t kTokens = 4000;
  const double latency = hardware.fabric.latency.value();
  const double alone = KvTransferLaw(layout, hardware).time({}, {}, kTokens).value() - latency;
  const auto end_of_both = [&](KvTransfer& transfer, std::int32_t second) {
    transfer.start(SimTime{}, 0, {0, 0}, {0, 0}, kTokens);
    transfer.start(SimTime{}, 1, {1, 0}, {second, 0}, kTokens);
    std::vector<double> ends;
    while (const auto next = transfer.next_event()) {
      for (std::size_t n = transfer.advance(*next).size(); n > 0; --n) {
        ends.push_back(in_seconds(*next));
      }
    }
    return ends;
  };
  const auto expect_both = [&](const std::vector<double>& ends, double time) {
    ASSERT_EQ(ends.size(), 2u);
    EXPECT_NEAR(ends[0], time + latency, 2e-12);
    EXPECT_NEAR(ends[1], time + latency, 2e-12);
  };
  expect_both(end_of_both(*make_kv_transfer(layout, hardware, {.flows = true}), 0), 2 * alone);
  expect_both(end_of_both(*make_kv_transfer(layout, hardware, {.flows = true}), 1), alone);
  expect_both(end_of_both(*make_kv_transfer(layout, hardware, {.flows = false}), 0), alone);
}

// A sliding window moves the tokens that it keeps; a latent cache is moved whole to every rank.
TEST(KvTransferVolume, FollowsTheArchitecture) {
  const auto volume = [](const char* model, int tp, std::int64_t tokens) {
    const Scenario scenario =
        tests::ScenarioFile()
            .set("model", std::string("{architecture: ") + model + ", precision: bf16}")
            .set("pruning", "")
            .set("hardware", "{gpu: b200-sxm, gpus: 8, profile: datasheet}")
            .load();
    const auto placed =
        deploy(scenario,
               {.experts_kept = scenario.pretrained_experts(), .gpus = tp, .tensor_parallel = tp});
    const Deployment& engine = std::get<Deployment>(placed);
    return PoolLayout(engine, 1, engine, 1).volume(tokens).value();
  };
  // gpt-oss-20b: 24 layers, every second one with a window of 128; 8 KV heads of 64, bf16.
  EXPECT_DOUBLE_EQ(volume("gpt-oss-20b", 1, 1000), (12 * 1000 + 12 * 128) * 2.0 * 8 * 64 * 2);
  EXPECT_DOUBLE_EQ(volume("gpt-oss-20b", 1, 100), 24 * 100 * 2.0 * 8 * 64 * 2);
  // DeepSeek-V2-Lite: 27 layers, 512 + 64 values a token, bf16.
  EXPECT_DOUBLE_EQ(volume("deepseek-v2-lite", 1, 1000), 27 * 1000 * 576.0 * 2);
  EXPECT_DOUBLE_EQ(volume("deepseek-v2-lite", 2, 1000), 2 * 27 * 1000 * 576.0 * 2);
}

}  // namespace
}  // namespace moeplan::sim
