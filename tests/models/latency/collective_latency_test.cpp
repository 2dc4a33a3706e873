#include "models/latency/collective_latency.hpp"

#include <gtest/gtest.h>

#include "tests/models/latency/sample_laws.hpp"

namespace moeplan {
namespace {

using models::Collective;
using models::CollectiveLatency;
using models::Fabric;
using models::FabricLaw;
using tests::message_law;

Fabric fabric(double bandwidth, double latency) {
  return {.id = "test",
          .name = "test",
          .bandwidth = BytesPerSecond(bandwidth),
          .latency = seconds(latency),
          .max_gpus = 8};
}

FabricLaw inside() { return FabricLaw(fabric(1e11, 1e-6), 8, nullptr); }

constexpr Collective kAll[] = {Collective::all_reduce, Collective::all_gather,
                               Collective::reduce_scatter, Collective::all_to_all};

TEST(CollectiveLatency, ZeroBytesCostAlpha) {
  const CollectiveLatency law({message_law("allreduce", 8, 15e-6, 2e11, 0.6)}, inside());
  const auto estimate = law.estimate(Collective::all_reduce, 8, bytes(0));
  EXPECT_DOUBLE_EQ(in_microseconds(estimate.duration), 15.0);
  EXPECT_FALSE(estimate.extrapolated);
}

TEST(CollectiveLatency, OneRankSendsNothing) {
  const CollectiveLatency law({}, inside());
  for (const Collective collective : kAll) {
    EXPECT_EQ(law.estimate(collective, 1, gigabytes(1)).duration, seconds(0));
  }
  EXPECT_THROW(law.estimate(Collective::all_reduce, 0, bytes(1)), std::logic_error);
}

TEST(CollectiveLatency, NormOneIsAlphaPlusBytesOverBandwidth) {
  const CollectiveLatency law({message_law("all2all", 4, 10e-6, 1e11, 1.0)}, inside());
  EXPECT_NEAR(in_microseconds(law.estimate(Collective::all_to_all, 4, bytes(1e6)).duration), 20.0,
              1e-9);
}

TEST(CollectiveLatency, TheFastestSourceAnswers) {
  const CollectiveLatency law(
      {message_law("allreduce", 8, 15e-6, 3e11, 1.0), message_law("allreduce", 8, 5e-6, 1e11, 1.0)},
      inside());
  EXPECT_NEAR(in_microseconds(law.estimate(Collective::all_reduce, 8, bytes(0)).duration), 5.0,
              1e-9);
  EXPECT_NEAR(in_microseconds(law.estimate(Collective::all_reduce, 8, bytes(3e8)).duration), 1015.0,
              1e-9);
}

TEST(CollectiveLatency, NeverFallsInBytesOrRanks) {
  const FabricLaw nodes = [] {
    const Fabric between = fabric(2e10, 5e-6);
    return FabricLaw(fabric(1e11, 1e-6), 8, &between);
  }();
  const CollectiveLatency law(
      {message_law("allgather", 2, 5e-6, 5e11, 0.6), message_law("allgather", 4, 7e-6, 4.5e11, 0.6),
       message_law("allgather", 8, 10e-6, 4e11, 0.6)},
      nodes);
  for (const Collective collective : kAll) {
    for (const int ranks : {2, 3, 4, 6, 8, 16, 24, 64}) {
      Seconds last;
      for (double size = 0.0; size < 1e9; size = size * 2 + 100) {
        const Seconds now = law.estimate(collective, ranks, bytes(size)).duration;
        EXPECT_GE(now, last) << ranks << " ranks, " << size << " B";
        last = now;
      }
    }
    Seconds last;
    for (const int ranks : {1, 2, 3, 4, 5, 6, 7, 8, 16, 32, 64}) {
      const Seconds now = law.estimate(collective, ranks, bytes(1e7)).duration;
      EXPECT_GE(now, last) << ranks << " ranks";
      last = now;
    }
  }
}

TEST(CollectiveLatency, MarksWhatWasNotMeasured) {
  const CollectiveLatency law(
      {message_law("allreduce", 2, 5e-6, 3e11, 1.0), message_law("allreduce", 8, 20e-6, 3e11, 1.0)},
      inside());
  EXPECT_FALSE(law.estimate(Collective::all_reduce, 8, bytes(1e6)).extrapolated);
  EXPECT_TRUE(law.estimate(Collective::all_reduce, 8, bytes(2e9)).extrapolated);
  EXPECT_TRUE(law.estimate(Collective::all_reduce, 16, bytes(1e6)).extrapolated);
  EXPECT_TRUE(law.estimate(Collective::all_gather, 8, bytes(1e6)).extrapolated);
  // Half way between 2 and 8 in log(ranks): the geometric mean of 5 and 20 us.
  const auto between = law.estimate(Collective::all_reduce, 4, bytes(0));
  EXPECT_TRUE(between.extrapolated);
  EXPECT_NEAR(in_microseconds(between.duration), 10.0, 1e-9);
}

TEST(FabricLaw, AllReduceIsTwoPasses) {
  // Two passes of (n-1)/n S over the link, three hops each way, one launch.
  const double rate = 1e11 * models::kBusEfficiency;
  const double expected = models::kCollectiveLaunch + 2 * (3e-6 + 7.0 / 8 * 1e8 / rate);
  EXPECT_NEAR(inside().seconds(Collective::all_reduce, 8, 1e8), expected, 1e-12);
  EXPECT_NEAR(inside().seconds(Collective::all_gather, 8, 1e8),
              (expected + models::kCollectiveLaunch) / 2, 1e-12);
}

TEST(FabricLaw, MoreBandwidthIsNeverSlower) {
  const Fabric slow = fabric(1e10, 5e-6);
  const Fabric fast = fabric(4e10, 5e-6);
  for (const Collective collective : kAll) {
    for (const int ranks : {2, 8, 16, 32}) {
      EXPECT_LE(FabricLaw(fabric(1e11, 1e-6), 8, &fast).seconds(collective, ranks, 1e7),
                FabricLaw(fabric(1e11, 1e-6), 8, &slow).seconds(collective, ranks, 1e7));
      EXPECT_LE(FabricLaw(fabric(2e11, 1e-6), 8, &slow).seconds(collective, ranks, 1e7),
                FabricLaw(fabric(1e11, 1e-6), 8, &slow).seconds(collective, ranks, 1e7));
    }
  }
}

}  // namespace
}  // namespace moeplan
