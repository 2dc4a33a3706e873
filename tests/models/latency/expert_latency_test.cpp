#include "models/latency/expert_latency.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>

#include "models/text/input_error.hpp"
#include "tests/models/latency/sample_laws.hpp"

namespace moeplan {
namespace {

using models::ExpertLatency;
using models::ExpertLoad;
using models::ExpertShape;
using models::FittedLaw;
using tests::plain_expert_law;

constexpr ExpertShape kShape{.hidden = 2048,
                             .intermediate = 1024,
                             .top_k = 4,
                             .experts = 32,
                             .local_experts = 32,
                             .gated = true};

double us(const FittedLaw& law, const ExpertShape& shape, const ExpertLoad& load) {
  return in_microseconds(ExpertLatency(law).estimate(shape, load).duration);
}

// The law of H100 bf16, rounded: every term switched on.
FittedLaw full_law() {
  FittedLaw law = plain_expert_law();
  law.theta = {{"launch_s", 20e-6},
               {"expert_parallel_s", 8e-6},
               {"inner_s", 1.7e-9},
               {"bandwidth_Bps", 3e12},
               {"compute_flops", 8e14},
               {"norm", 1.95},
               {"traffic_Bps", 2.6e12},
               {"local_traffic_Bps", 5e12},
               {"token_traffic_Bps", 1e12},
               {"reread", 3.0},
               {"top1_s", 6e-12}};
  law.constants["multiprocessors"] = 132.0;
  return law;
}

TEST(ExpertLatency, NoTokensCostTheLaunch) { EXPECT_DOUBLE_EQ(us(full_law(), kShape, {}), 20.0); }

TEST(ExpertLatency, NoPairsOnThisRankCostLaunchAndTheGroupsTraffic) {
  // 100 tokens x (4 x (2 x 2048 + 5 x 1024) x 2 B / 2.6e12 + 2048 x 2 B / 1e12) + 8 us for the
  // map of a rank that holds half of the experts.
  const double traffic = 100.0 * 4 * (2 * 2048 + 5 * 1024) * 2 / 2.6e12 + 100.0 * 2048 * 2 / 1e12;
  ExpertShape half = kShape;
  half.local_experts = 16;
  EXPECT_NEAR(us(full_law(), half, {.tokens = 100.0}), 28.0 + 1e6 * traffic, 1e-9);
}

TEST(ExpertLatency, WeightsOfActiveExpertsAreReadOnce) {
  // p = 1: 10 us + A x 3 h I x 2 B / 1e12 + compute; one token a tile. Two active experts against
  // one: the difference is one expert's weights, 12.58 us, and its share of the wave.
  const double one = us(plain_expert_law(), kShape, {.tokens = 1, .pairs = 1, .active_experts = 1});
  const double two = us(plain_expert_law(), kShape, {.tokens = 1, .pairs = 2, .active_experts = 2});
  const double weights = 3.0 * 2048 * 1024 * 2 / 1e12 * 1e6;
  EXPECT_GT(two - one, weights);
  // A wave of 16 x 64 tiles on 100 multiprocessors costs 2 x 16 x 64 x 100 / 1e14 s per inner
  // element; filling 0.64 of it instead of 0.32 costs hypot(1, .64) - hypot(1, .32) of it.
  const double wave = 2.0 * 16 * 64 * 100 / 1e14 * 1e6;
  const double up = std::hypot(1.0, 0.64) - std::hypot(1.0, 0.32);
  EXPECT_NEAR(two - one, weights + wave * (2048 * up + 1024 * up), 1e-6);
}

TEST(ExpertLatency, ManyRowsReachThePeakRate) {
  // 1e6 pairs of one expert: FLOP / compute rules; p = 1 adds reading the weights once.
  const double pairs = 1e6;
  const double flops = 2.0 * 3 * 2048 * 1024 * pairs;
  const double expected = 10.0 + 1e6 * (flops / 1e14 + 3.0 * 2048 * 1024 * 2 / 1e12);
  EXPECT_NEAR(
      us(plain_expert_law(), kShape, {.tokens = pairs, .pairs = pairs, .active_experts = 1}),
      expected, 1e-3 * expected);
}

// 3 h I = 6.29e6 weights an expert. 4 experts read at 1e12 B/s: 50.3 us; 10 rows at 1e14
// FLOP/s: 1.26 us; every further row costs as much as the one before. 10 us of launch. With reread
// 2, 8 rows an expert are y = 2: read 1 + 2 x 4/5 = 2.6 times.
TEST(ExpertLatency, ByRowsEveryRowCountsAlike) {
  FittedLaw law = plain_expert_law();
  law.constants["tile_rule"] = 4.0;
  const double weights = 3.0 * 2048 * 1024;
  const double read = 1e6 * 4 * weights * 2 / 1e12;
  const double row = 1e6 * 2 * weights / 1e14;
  EXPECT_NEAR(us(law, kShape, {.tokens = 8.0, .pairs = 10.0, .active_experts = 4.0}),
              10.0 + read + 10 * row, 1e-3);
  EXPECT_NEAR(us(law, kShape, {.tokens = 800.0, .pairs = 1000.0, .active_experts = 4.0}),
              10.0 + read + 1000 * row, 1e-3);
  law.theta["reread"] = 2.0;
  EXPECT_NEAR(us(law, kShape, {.tokens = 16.0, .pairs = 32.0, .active_experts = 4.0}),
              10.0 + 2.6 * read + 32 * row, 1e-3);
}

TEST(ExpertLatency, UngatedExpertsReadTwoMatrices) {
  ExpertShape ungated = kShape;
  ungated.gated = false;
  FittedLaw law = plain_expert_law();
  law.theta["compute_flops"] = 1e20;  // memory only
  const ExpertLoad load{.tokens = 8, .pairs = 32, .active_experts = 32};
  EXPECT_NEAR((us(law, ungated, load) - 10.0) / (us(law, kShape, load) - 10.0), 2.0 / 3.0, 1e-6);
}

TEST(ExpertLatency, NeverFallsInActiveExpertsOrPairs) {
  const ExpertLatency law(full_law());
  for (const double tokens : {1.0, 8.0, 33.0, 64.0, 65.0, 200.0, 513.0, 4096.0}) {
    for (const double pairs : {0.5, 1.0, 7.0, 64.0, 65.5, 300.0, 4000.0, 16384.0}) {
      Seconds last;
      for (double active = 0.0; active <= 32.0; active += 0.25) {
        const Seconds now =
            law.estimate(kShape, {.tokens = tokens, .pairs = pairs, .active_experts = active})
                .duration;
        EXPECT_GE(now, last) << tokens << " tokens, " << pairs << " pairs, " << active;
        last = now;
      }
    }
    for (const double active : {0.5, 1.0, 3.7, 32.0}) {
      Seconds last;
      for (double pairs = active; pairs < 20000.0; pairs = pairs * 1.07 + 0.1) {
        const Seconds now =
            law.estimate(kShape, {.tokens = tokens, .pairs = pairs, .active_experts = active})
                .duration;
        EXPECT_GE(now, last) << tokens << " tokens, " << pairs << " pairs, " << active;
        last = now;
      }
    }
  }
}

TEST(ExpertLatency, BetterHardwareIsNeverSlower) {
  const ExpertLoad loads[] = {{1, 4, 4}, {64, 256, 32}, {2048, 8192, 32}};
  for (const char* name : {"bandwidth_Bps", "compute_flops", "traffic_Bps", "local_traffic_Bps",
                           "token_traffic_Bps"}) {
    FittedLaw better = full_law();
    better.theta[name] *= 2.0;
    for (const ExpertLoad& load : loads) {
      EXPECT_LE(us(better, kShape, load), us(full_law(), kShape, load)) << name;
    }
  }
}

TEST(ExpertLatency, SmallerWeightsAreNeverSlower) {
  const ExpertLoad load{.tokens = 64, .pairs = 256, .active_experts = 32};
  double last = us(full_law(), kShape, load);
  for (const models::Precision precision : {models::Precision::fp8, models::Precision::mxfp4}) {
    ExpertShape shape = kShape;
    shape.precision = precision;
    EXPECT_LT(us(full_law(), shape, load), last);
    last = us(full_law(), shape, load);
  }
}

TEST(ExpertLatency, SaysWhenItExtrapolates) {
  const ExpertLatency law(plain_expert_law());
  const ExpertLoad inside{.tokens = 64, .pairs = 256, .active_experts = 32};
  EXPECT_FALSE(law.estimate(kShape, inside).extrapolated);
  EXPECT_FALSE(
      law.estimate(kShape, {.tokens = 1, .pairs = 0.2, .active_experts = 0.2}).extrapolated)
      << "less load than fitted runs into the floor";
  ExpertLoad more = inside;
  more.tokens = 1025;
  EXPECT_TRUE(law.estimate(kShape, more).extrapolated);
  ExpertShape wide = kShape;
  wide.hidden = 7168;
  EXPECT_TRUE(law.estimate(wide, inside).extrapolated);
  wide = kShape;
  wide.top_k = 1;
  EXPECT_TRUE(law.estimate(wide, inside).extrapolated);
}

TEST(ExpertLatency, RefusesAnotherForm) {
  FittedLaw law = plain_expert_law();
  law.info.form = "tiled_expert_v1";
  try {
    ExpertLatency{law};
    FAIL();
  } catch (const InputError& error) {
    EXPECT_EQ(error.problems().front().expected, "tiled_experts_v1");
  }
}

TEST(ExpertLatency, CostsLessThanHalfAMicrosecond) {
  const ExpertLatency law(full_law());
  constexpr int kCalls = 200000;
  double sum = 0.0;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < kCalls; ++i) {
    sum += in_seconds(
        law.estimate(kShape,
                     {.tokens = 1.0 + i % 512, .pairs = 4.0 + i % 2048, .active_experts = 9})
            .duration);
  }
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  EXPECT_GT(sum, 0.0);
  RecordProperty("nanoseconds_per_call", static_cast<int>(1e9 * wall.count() / kCalls));
  EXPECT_LT(wall.count() / kCalls, 5e-6)
      << "ten times the aim: a sanitizer build on a busy machine";
}

TEST(ExpertParts, AddUpToTheLayerWithoutWhatLiesAround) {
  // 10 us launch, no optional terms: the layer is its two GEMMs, and each has half the launch.
  const models::ExpertTheta theta = models::expert_theta(tests::plain_expert_law());
  const models::ExpertShape shape{
      .hidden = 2048, .intermediate = 768, .top_k = 8, .experts = 64, .local_experts = 64};
  const models::ExpertLoad load{.tokens = 64.0, .pairs = 512.0, .active_experts = 64.0};
  const auto part = [&](models::ExpertPart which) {
    return expert_part_seconds(theta, which, shape, load);
  };
  EXPECT_DOUBLE_EQ(part(models::ExpertPart::products),
                   part(models::ExpertPart::up) + part(models::ExpertPart::down));
  EXPECT_NEAR(part(models::ExpertPart::products), part(models::ExpertPart::layer), 1e-15);
  // Down, memory and compute one after the other (norm 1): 64 experts x 2048 x 768 x 2 B at 1 TB/s
  // are 201.3 us; 64 row tiles of 32 x 64 columns are 64 x 32 / 100 = 20.48 waves (and one more in
  // quadrature), each 768 x 2 x 32 x 64 x 100 / 1e14 s = 3.146 us; and 5 us of launch.
  const double waves = std::sqrt(1.0 + 20.48 * 20.48);
  EXPECT_NEAR(part(models::ExpertPart::down),
              5e-6 + 64.0 * 2048 * 768 * 2 / 1e12 + waves * 768.0 * 2 * 32 * 64 * 100 / 1e14, 1e-9);
  models::ExpertTheta traffic = theta;
  traffic.local_traffic = 1e-12;
  EXPECT_GT(expert_part_seconds(traffic, models::ExpertPart::layer, shape, load),
            part(models::ExpertPart::products));
  EXPECT_DOUBLE_EQ(expert_part_seconds(traffic, models::ExpertPart::products, shape, load),
                   part(models::ExpertPart::products));
}

}  // namespace
}  // namespace moeplan
