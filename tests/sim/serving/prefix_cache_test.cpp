// Prefix caching: blocks by hand, whole runs by hand, and runs against a count over the trace.

#include "sim/serving/prefix_cache.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "sim/deployment/kv_block.hpp"
#include "sim/engine/random_stream.hpp"
#include "sim/result/metrics.hpp"
#include "sim/serving/simulate.hpp"
#include "sim/workload/request_trace.hpp"
#include "tests/support/linear_step_cost.hpp"

namespace moeplan::sim {
namespace {

using Keys = std::vector<std::uint64_t>;

TEST(PrefixCache, FindsFullBlocksButNeverTheWholePrompt) {
  PrefixCache cache(10);
  cache.open(0, Keys{11, 12, 13});
  EXPECT_EQ(cache.hit_tokens(0, 48), 0);
  ASSERT_TRUE(cache.extend(0, 0, 40));  // 3 blocks, the third one not full
  EXPECT_EQ(cache.used(), 3);
  cache.open(1, Keys{11, 12, 13});
  EXPECT_EQ(cache.hit_tokens(1, 48), 32);
  ASSERT_TRUE(cache.extend(0, 40, 8));  // fills it up: no new block
  EXPECT_EQ(cache.used(), 3);
  EXPECT_EQ(cache.hit_tokens(1, 49), 48);
  EXPECT_EQ(cache.hit_tokens(1, 48), 32) << "the last token is computed, and its whole block";
  EXPECT_EQ(cache.hit_tokens(Keys{11, 99}, 48), 16) << "the run ends at the first block not found";
  // 32 tokens found, 16 computed: two blocks with two references, one block twice.
  ASSERT_TRUE(cache.extend(1, 32, 16));
  EXPECT_EQ(cache.used(), 4);
  EXPECT_EQ(cache.cached(), 4);
  cache.close(0);
  EXPECT_EQ(cache.used(), 3) << "what request 1 still refers to";
  cache.close(1);
  EXPECT_EQ(cache.used(), 0);
  EXPECT_EQ(cache.free(), 10);
  EXPECT_EQ(cache.cached(), 4) << "free blocks stay cached";
}

// 4 blocks. Request 0 takes two and leaves, then request 1 takes two and leaves: free, oldest
// first, are 0's second block, 0's first, 1's second, 1's first (of one request the last goes
// first). Every further block taken evicts the oldest.
TEST(PrefixCache, EvictsTheLeastRecentlyFreedAndTailsFirst) {
  PrefixCache cache(4);
  for (const std::int32_t request : {0, 1}) {
    const auto base = static_cast<std::uint64_t>(10 * (request + 1));
    cache.open(request, Keys{base, base + 1});
    ASSERT_TRUE(cache.extend(request, 0, 32));
    cache.close(request);
  }
  const auto found = [&](std::uint64_t base) {
    return cache.hit_tokens(Keys{base, base + 1}, 1000) / kBlockTokens;
  };
  EXPECT_EQ(found(10), 2);
  EXPECT_EQ(found(20), 2);
  cache.open(2, {});
  ASSERT_TRUE(cache.extend(2, 0, 1));
  EXPECT_EQ(found(10), 1);
  ASSERT_TRUE(cache.extend(2, 1, 16));
  EXPECT_EQ(found(10), 0);
  EXPECT_EQ(found(20), 2);
  ASSERT_TRUE(cache.extend(2, 17, 16));
  EXPECT_EQ(found(20), 1);
  // A hit takes its block out of the queue: request 3 refers to 20, and nothing is left to evict.
  cache.open(3, Keys{20, 21});
  ASSERT_EQ(cache.hit_tokens(3, 17), 16);
  EXPECT_FALSE(cache.extend(3, 16, 1)) << "the block found is the last free one";
  EXPECT_EQ(cache.free(), 1);
  EXPECT_EQ(cache.used() + cache.free(), 4);
}

// A request that lost its blocks finds those that nobody took, generated ones included.
TEST(PrefixCache, APreemptedRequestFindsItsOwnBlocks) {
  PrefixCache cache(4);
  cache.open(0, Keys{1});
  ASSERT_TRUE(cache.extend(0, 0, 16));
  ASSERT_TRUE(cache.extend(0, 16, 16));
  cache.release(0);
  EXPECT_EQ(cache.hit_tokens(0, 33), 32);
  EXPECT_EQ(cache.hit_tokens(Keys{1}, 33), 16) << "others know the shared block only";
}

SimTime at_ms(double ms) { return SimTime{} + milliseconds(ms); }

SimulationSetup setup_of(std::shared_ptr<const RequestTrace> trace, bool caching,
                         std::int64_t kv_blocks) {
  SimulationSetup setup;
  setup.limits.scheduler = {.max_sequences = 8,
                            .max_batched_tokens = 512,
                            .kv_blocks = kv_blocks,
                            .prefix_caching = caching};
  setup.mix.request_count = static_cast<std::int64_t>(trace->requests.size());
  setup.mix.arrivals = TraceArrivals{std::move(trace)};
  setup.mix.prompt = setup.mix.output = FixedLength{1};  // not read
  return setup;
}

// 0.1 ms a step, 0.01 ms a prompt token, 0.02 ms a decode.
ServingTrace run(const SimulationSetup& setup) {
  tests::LinearStepCost cost(milliseconds(0.1), milliseconds(0.01), milliseconds(0.02));
  return simulate_by_events(setup, cost);
}

// Blocks of 512 tokens in the trace. Prompts of 600 tokens: [7 8], [7 9], [7 8].
//   request 0 at 0 s: nothing to find, 600 tokens in two steps, 0.1 + 5.12 and 0.1 + 0.88 ms: 6.2
//   ms request 1 at 1 s: block 7 is 32 KV blocks; 88 tokens: 0.98 ms request 2 at 2 s: 7 and the
//   whole KV blocks of 8 that lie in the prompt: 600 / 16 = 37.5, so
//                     592 tokens; 8 tokens: 0.18 ms
TEST(PrefixCachingRun, TraceBlocksByHand) {
  auto trace = std::make_shared<RequestTrace>();
  for (int i = 0; i < 3; ++i) {
    trace->requests.push_back({SimTime{} + seconds(i), 600, 1});
    trace->block_hashes.insert(trace->block_hashes.end(), {7u, i == 1 ? 9u : 8u});
    trace->block_end.push_back(trace->block_hashes.size());
  }
  const ServingTrace result = run(setup_of(trace, true, 200));
  EXPECT_EQ(result.requests[0].first_token, at_ms(6.2));
  EXPECT_EQ(result.requests[1].first_token, at_ms(1000.98));
  EXPECT_EQ(result.requests[2].first_token, at_ms(2000.18));
  EXPECT_EQ(result.prompt_tokens, 600 + 88 + 8);
  EXPECT_EQ(result.cached_tokens, 512 + 592);
  const ServingMetrics m = summarize(result, {});
  ASSERT_TRUE(m.prefix);
  EXPECT_EQ(m.prefix->tokens_saved, 1104);
  EXPECT_DOUBLE_EQ(m.prefix->hit_fraction, 1104.0 / 1800.0);
  EXPECT_EQ(result.blocks_at_end, 0);
  EXPECT_FALSE(summarize(run(setup_of(trace, false, 200)), {}).prefix);
}

// Conversations whose prompts grow: request i continues one of the earlier chains of blocks, or
// begins a new one.
std::shared_ptr<RequestTrace> conversations(std::int64_t count, bool distinct) {
  auto trace = std::make_shared<RequestTrace>();
  RandomStream random(4, "conversations");
  std::vector<Keys> chains;
  std::uint64_t next = 1;
  for (std::int64_t i = 0; i < count; ++i) {
    Keys chain;
    if (!distinct && !chains.empty() && random.uniform() < 0.7) {
      chain = chains[random.below(chains.size())];
      chain.resize(1 + random.below(chain.size()));
    }
    for (std::uint64_t more = 1 + random.below(3); more > 0; --more) {
      chain.push_back(next++);
    }
    chains.push_back(chain);
    const auto prompt = static_cast<std::int32_t>(512 * chain.size() - random.below(512));
    trace->requests.push_back({SimTime{} + milliseconds(7.0 * static_cast<double>(i)), prompt,
                               static_cast<std::int32_t>(1 + random.below(40))});
    trace->block_hashes.insert(trace->block_hashes.end(), chain.begin(), chain.end());
    trace->block_end.push_back(trace->block_hashes.size());
  }
  return trace;
}

// In a cache that forgets nothing a request finds every KV block that an earlier request had after
// the same blocks: requests are scheduled in order, and blocks are found from their scheduling on.
TEST(PrefixCachingRun, ALargeCacheFindsWhatACountOverTheTraceFinds) {
  const auto trace = conversations(400, false);
  std::set<std::pair<Keys, std::size_t>> seen;
  std::int64_t hits = 0;
  std::int64_t prompts = 0;
  for (std::size_t i = 0; i < trace->requests.size(); ++i) {
    const auto hashes = trace->blocks_of(i);
    const std::int64_t prompt = trace->requests[i].prompt_tokens;
    prompts += prompt;
    bool unbroken = true;
    for (std::size_t block = 0; block < static_cast<std::size_t>(prompt / 16); ++block) {
      const std::pair<Keys, std::size_t> key = {
          Keys(hashes.begin(), hashes.begin() + static_cast<std::ptrdiff_t>(block / 32) + 1),
          block};
      unbroken = unbroken && seen.count(key) > 0;
      hits += unbroken && static_cast<std::int64_t>(block) < (prompt - 1) / 16 ? 16 : 0;
      seen.insert(key);
    }
  }
  const ServingTrace result = run(setup_of(trace, true, 1'000'000));
  EXPECT_GT(hits, prompts / 4) << "the test must see hits";
  EXPECT_EQ(result.cached_tokens, hits);
  EXPECT_EQ(result.prompt_tokens, prompts - hits);
  EXPECT_EQ(result.blocks_at_end, 0);
}

// Nothing in common: as without a cache, to the last bit, as long as no request loses its blocks
// (one that does finds its own again).
TEST(PrefixCachingRun, DistinctPromptsAreAsWithoutACache) {
  const auto trace = conversations(300, true);
  const ServingTrace on = run(setup_of(trace, true, 5000));
  const ServingTrace off = run(setup_of(trace, false, 5000));
  ASSERT_EQ(off.preemptions, 0);
  EXPECT_EQ(on.requests, off.requests);
  EXPECT_EQ(on.cached_tokens, 0);
  EXPECT_EQ(on.busy, off.busy);
  EXPECT_EQ(on.peak_kv_blocks, off.peak_kv_blocks);
}

// Little memory: blocks are evicted, requests lose theirs; every token is still computed once or
// found, every request completes, and nothing is left.
TEST(PrefixCachingRun, TokensAndBlocksAreConservedWhenMemoryIsShort) {
  const auto trace = conversations(300, false);
  std::int64_t prompts = 0;
  std::int64_t outputs = 0;
  std::int64_t longest = 0;
  for (const RequestSpec& request : trace->requests) {
    prompts += request.prompt_tokens;
    outputs += request.output_tokens;
    longest = std::max<std::int64_t>(longest, request.prompt_tokens + request.output_tokens - 1);
  }
  const SimulationSetup setup = setup_of(trace, true, blocks_for(longest) + 40);
  const ServingTrace result = run(setup);
  EXPECT_GT(result.preemptions, 0) << "the test must see preemptions";
  EXPECT_GT(result.cached_tokens, 0);
  EXPECT_LT(result.cached_tokens, run(setup_of(trace, true, 1'000'000)).cached_tokens);
  for (const RequestRecord& request : result.requests) {
    EXPECT_EQ(request.status, RequestStatus::completed);
  }
  EXPECT_EQ(result.prompt_tokens + result.cached_tokens, prompts);
  EXPECT_EQ(result.output_tokens, outputs);
  EXPECT_LE(result.peak_kv_blocks, setup.limits.scheduler.kv_blocks);
  EXPECT_EQ(result.blocks_at_end, 0);
  EXPECT_EQ(run(setup).requests, result.requests);
}

// 1000 tokens that all prompts begin with: 62 whole KV blocks, 992 tokens, found by every request
// but the first of its group. With 10 groups and 500 requests all groups occur.
TEST(PrefixCachingRun, DrawnPrefixesAreFoundByAllButTheFirstOfEachGroup) {
  SimulationSetup setup;
  setup.limits.scheduler = {
      .max_sequences = 8, .max_batched_tokens = 2048, .kv_blocks = 100'000, .prefix_caching = true};
  setup.mix = {.arrivals = PoissonArrivals{PerSecond(20.0)},
               .prompt = UniformLength(1100, 1500),
               .output = FixedLength{2},
               .request_count = 500,
               .shared_prefix = SharedPrefix{.tokens = 1000, .groups = 10}};
  const ServingTrace result = run(setup);
  EXPECT_EQ(result.cached_tokens, 490 * 992);
  // Replicas behind the affinity router each compute a group's prefix at most once, and together
  // less often than behind round robin.
  setup.replicas = 4;
  setup.router = RouterPolicy::prefix_affinity;
  const std::int64_t near = run(setup).cached_tokens;
  setup.router = RouterPolicy::round_robin;
  const std::int64_t spread = run(setup).cached_tokens;
  EXPECT_EQ(near, 490 * 992);
  EXPECT_EQ(spread, 460 * 992);
}

}  // namespace
}  // namespace moeplan::sim
