// tests.md C2 31: does the simulator agree, to the picosecond, with an independent engine written
// down naively from serving.md 3 (reference_engine.hpp), on a thousand random tiny cases?

#include <gtest/gtest.h>

#include <memory>

#include "sim/engine/random_stream.hpp"
#include "sim/serving/simulate.hpp"
#include "sim/workload/request_trace.hpp"
#include "tests/laws/serving/reference_engine.hpp"

namespace moeplan::tests {
namespace {

constexpr int kCases = 1000;

// Whole picoseconds, so that neither side rounds: 1 us a step, 100 ns a prompt token, 250 ns a
// decode, 3 ns a KV token attended to.
std::int64_t price(std::int64_t prefill_tokens, std::int64_t decodes, std::int64_t kv_tokens) {
  return 1000000 + 100000 * prefill_tokens + 250000 * decodes + 3000 * kv_tokens;
}

class ExactCost : public sim::StepCost {
 public:
  sim::PhaseTimes cost(std::span<const sim::RankBatch> ranks) override {
    const sim::RankBatch& batch = ranks.front();
    sim::PhaseTimes times;
    times.set(sim::Phase::expert,
              sim::SimDuration(
                  price(batch.prefill_tokens, batch.decode_sequences, batch.decode_kv_tokens)));
    return times;
  }
};

struct Case {
  std::vector<ReferenceRequest> requests;
  ReferenceLimits limits;
};

// Requests of up to 60 + 20 tokens, some arriving together, some in the middle of steps; caches
// from "one request alone" to plenty, so that many cases evict.
Case random_case(std::uint64_t number) {
  sim::RandomStream random(number, "differential", {});
  const auto below = [&](int n) { return static_cast<int>(random.uniform() * n); };
  Case c;
  c.limits = {.max_sequences = 1 + below(6), .max_batched_tokens = 1 + below(80), .kv_blocks = 5};
  c.limits.kv_blocks += below(3) == 0 ? 30 : below(6);
  std::int64_t now = 0;
  const int count = 1 + below(12);
  for (int i = 0; i < count; ++i) {
    const int gap = below(4);
    // 0: together with the one before; else up to 20 us, in units that do not hit step ends or,
    // for gap 1, in whole microseconds, which often do.
    now += gap == 0 ? 0 : gap == 1 ? 1000000LL * below(20) : 7919LL * below(2500);
    ReferenceRequest request;
    request.arrival = now;
    request.prompt = 1 + below(60);
    request.output = 1 + below(20);
    c.requests.push_back(request);
  }
  // A trace begins at 0.
  const std::int64_t first = c.requests.front().arrival;
  for (ReferenceRequest& request : c.requests) {
    request.arrival -= first;
  }
  return c;
}

void expect_equal(const Case& c, std::size_t steps, const sim::ServingTrace& trace,
                  std::uint64_t number) {
  ASSERT_EQ(trace.steps, static_cast<std::int64_t>(steps)) << "case " << number;
  ASSERT_EQ(trace.requests.size(), c.requests.size()) << "case " << number;
  for (std::size_t i = 0; i < c.requests.size(); ++i) {
    const ReferenceRequest& expected = c.requests[i];
    const sim::RequestRecord& got = trace.requests[i];
    ASSERT_EQ(got.first_token.picoseconds(), expected.first_token) << number << " / " << i;
    ASSERT_EQ(got.completion.picoseconds(), expected.completion) << number << " / " << i;
    ASSERT_EQ(static_cast<int>(got.preemptions), expected.preemptions) << number << " / " << i;
  }
}

TEST(Differential, AgreesWithAnIndependentEngineToThePicosecond) {
  std::int64_t evictions = 0;
  for (std::uint64_t number = 0; number < kCases; ++number) {
    Case c = random_case(number);
    const auto steps = run_reference(c.requests, c.limits, [](const ReferenceStep& step) {
      return price(step.prefill_tokens, step.decodes, step.kv_tokens);
    });

    auto recorded = std::make_shared<sim::RequestTrace>();
    for (const ReferenceRequest& request : c.requests) {
      recorded->requests.push_back({.arrival = sim::SimTime(request.arrival),
                                    .prompt_tokens = request.prompt,
                                    .output_tokens = request.output});
    }
    sim::SimulationSetup setup;
    setup.limits.scheduler = {.max_sequences = c.limits.max_sequences,
                              .max_batched_tokens = c.limits.max_batched_tokens,
                              .kv_blocks = c.limits.kv_blocks};
    setup.mix.arrivals = sim::TraceArrivals{recorded};
    setup.mix.prompt = setup.mix.output = sim::FixedLength{1};  // the trace has its own
    setup.mix.request_count = static_cast<std::int64_t>(c.requests.size());
    ExactCost cost;
    // Both ways that the simulator has: its shortcut and its event loop.
    expect_equal(c, steps.size(), sim::simulate(setup, cost), number);
    expect_equal(c, steps.size(), sim::simulate_by_events(setup, cost), number);
    for (const ReferenceRequest& request : c.requests) {
      evictions += request.preemptions;
    }
  }
  // The cases would prove little if the cache never ran out.
  EXPECT_GT(evictions, 200);
}

}  // namespace
}  // namespace moeplan::tests
