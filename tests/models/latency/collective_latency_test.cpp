#include "models/latency/collective_latency.hpp"

#include <gtest/gtest.h>

#include <cmath>

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
  // Two passes of (n-1)/n S over the link and of seven steps around the ring, one launch.
  const double rate = 1e11 * models::kBusEfficiency;
  const double steps = 7 * (1e-6 + models::kRingStep);
  EXPECT_NEAR(inside().wire_seconds(Collective::all_reduce, 8, 1e8), 2 * 7.0 / 8 * 1e8 / rate,
              1e-12);
  EXPECT_NEAR(inside().wire_seconds(Collective::all_gather, 8, 1e8), 7.0 / 8 * 1e8 / rate, 1e-12);
  EXPECT_NEAR(inside().start_seconds(Collective::all_reduce, 8),
              models::kCollectiveLaunch + 2 * steps, 1e-12);
  EXPECT_NEAR(inside().start_seconds(Collective::all_gather, 8), models::kCollectiveLaunch + steps,
              1e-12);
}

TEST(FabricLaw, AllToAllGoesToEveryRankInOneStep) {
  for (const int ranks : {2, 4, 8}) {
    EXPECT_NEAR(inside().start_seconds(Collective::all_to_all, ranks),
                models::kCollectiveLaunch + 1e-6 + models::kRingStep, 1e-12);
  }
}

// An engine's own kernel: 100 GB/s x 0.65, eight ranks. 8 kB: one shot, 7 x 8e3 B; 4 MB: two shots,
// 2 x 7/8 x 4e6 B; beyond 8 MiB, over PCIe, beyond eight ranks and otherwise the library.
TEST(FabricLaw, AnEnginesOwnAllReduceIsShorterForSmallMessages) {
  Fabric links = fabric(1e11, 1e-6);
  links.kind = Fabric::Kind::nvlink;
  const FabricLaw law(links, 16, nullptr);
  const Collective reduce = Collective::all_reduce;
  EXPECT_NEAR(law.engine_seconds(reduce, 8, 8e3), 4.5e-6 + 7 * 8e3 / 65e9, 1e-12);
  EXPECT_NEAR(law.engine_seconds(reduce, 8, 4e6), 9e-6 + 2 * 7.0 / 8 * 4e6 / 65e9, 1e-12);
  EXPECT_EQ(law.engine_seconds(reduce, 8, 1e7), law.seconds(reduce, 8, 1e7));
  EXPECT_EQ(law.engine_seconds(reduce, 16, 8e3), law.seconds(reduce, 16, 8e3));
  EXPECT_EQ(law.engine_seconds(Collective::all_gather, 8, 8e3),
            law.seconds(Collective::all_gather, 8, 8e3));
  links.kind = Fabric::Kind::pcie;
  const FabricLaw pcie(links, 16, nullptr);
  EXPECT_EQ(pcie.engine_seconds(reduce, 8, 8e3), pcie.seconds(reduce, 8, 8e3));
}

TEST(FabricLaw, NothingToSendTakesTheStartAndMuchTakesTheWire) {
  const double start = inside().start_seconds(Collective::all_gather, 8);
  EXPECT_NEAR(inside().seconds(Collective::all_gather, 8, 0.0), start, 1e-15);
  // As long on the wire as before it: (2 a^p)^(1/p) = 2^(1/p) a.
  const double bytes = start * 1e11 * models::kBusEfficiency * 8.0 / 7.0;
  EXPECT_NEAR(inside().seconds(Collective::all_gather, 8, bytes),
              std::pow(2.0, 1.0 / models::kCollectiveNorm) * start, 1e-12);
  // 1 TB: the start is 1e-6 of the wire, and adds 1e-6^0.6 / 0.6 = 0.04 % to it.
  const double wire = inside().wire_seconds(Collective::all_gather, 8, 1e12);
  EXPECT_NEAR(inside().seconds(Collective::all_gather, 8, 1e12) / wire, 1.0, 1e-3);
  EXPECT_EQ(inside().wire_seconds(Collective::all_gather, 1, 1e12), 0.0);
}

// Two nodes of 8 ranks, 100 GB/s inside with 1 us a hop, 20 GB/s uplinks with 5 us.
struct TwoTiers {
  Fabric inside = fabric(1e11, 1e-6);
  Fabric uplink = fabric(2e10, 5e-6);
  FabricLaw law() const { return FabricLaw(inside, 8, &uplink); }
};

TEST(FabricLawOverNodes, TheSlowerTierSetsTheTimeAndAllHopsCount) {
  const TwoTiers tiers;
  const double in = 1e11 * models::kBusEfficiency;
  const double out = 2e10 * models::kBusEfficiency;
  // All-reduce of 800 MB: 7/8 S inside (9.46 ms) against 1/2 S / 8 over an uplink (3.38 ms).
  EXPECT_NEAR(tiers.law().wire_seconds(Collective::all_reduce, 16, 8e8), 2 * 7.0 / 8 * 8e8 / in,
              1e-12);
  EXPECT_NEAR(tiers.law().start_seconds(Collective::all_reduce, 16),
              models::kCollectiveLaunch + 2 * (7 * (1e-6 + models::kRingStep) + 5e-6), 1e-12);
  // All-to-all of 160 MB: 8/16 S leave over the uplink, 7/16 S stay on the node.
  EXPECT_NEAR(tiers.law().wire_seconds(Collective::all_to_all, 16, 1.6e8), 8e7 / out, 1e-12);
  EXPECT_NEAR(tiers.law().start_seconds(Collective::all_to_all, 16),
              models::kCollectiveLaunch + 1e-6 + models::kRingStep + 5e-6, 1e-12);
}

TEST(FabricLawOverNodes, APcieNodesPortLeadsToItsNetworkCardToo) {
  TwoTiers tiers;
  tiers.inside.bandwidth = BytesPerSecond(2e10);
  const double before = tiers.law().wire_seconds(Collective::all_to_all, 16, 1.6e8);
  tiers.inside.kind = Fabric::Kind::pcie;
  // 7/16 + 8/16 of 160 MB over one port.
  EXPECT_NEAR(tiers.law().wire_seconds(Collective::all_to_all, 16, 1.6e8) - before,
              7e7 / (2e10 * models::kBusEfficiency), 1e-12);
}

TEST(FabricLawOverNodes, AGroupMayHaveOneRankOnEachNode) {
  // Data-parallel ranks of TP8: two ranks, two nodes, nothing inside.
  const TwoTiers tiers;
  EXPECT_NEAR(tiers.law().wire_seconds(Collective::all_gather, {2, 2}, 1e8),
              5e7 / (2e10 * models::kBusEfficiency), 1e-12);
  EXPECT_NEAR(tiers.law().start_seconds(Collective::all_gather, {2, 2}),
              models::kCollectiveLaunch + 5e-6, 1e-12);
  EXPECT_GT(tiers.law().seconds(Collective::all_gather, {2, 2}, 1e8),
            tiers.law().seconds(Collective::all_gather, {2, 1}, 1e8));
}

TEST(CollectiveLatencyOverNodes, AddsWhatTheFabricAddsToTheFittedLawThatSpansNodes) {
  const TwoTiers tiers;
  auto own = message_law("allreduce", 8, 1e-6, 9e11, 1.0);
  own.info.kernel_source = "vLLM_custom_graph";
  const CollectiveLatency law({message_law("allreduce", 8, 15e-6, 2e11, 1.0), own}, tiers.law());
  EXPECT_NEAR(in_microseconds(law.estimate(Collective::all_reduce, 8, bytes(0)).duration), 1.0,
              1e-9);
  // Not the engine's own kernel. No bytes: 15 us and two passes of the hop between nodes.
  const auto over = law.estimate(Collective::all_reduce, 16, bytes(0));
  EXPECT_NEAR(in_microseconds(over.duration), 15.0 + 10.0, 1e-9);
  EXPECT_TRUE(over.extrapolated);
  // The band is that of a data sheet then.
  EXPECT_EQ(law.info(Collective::all_reduce, 8).size(), 2u);
  const auto infos = law.info(Collective::all_reduce, 16);
  ASSERT_EQ(infos.size(), 2u);
  EXPECT_EQ(infos.front().kernel_source, "nccl");
  EXPECT_TRUE(infos.back().datasheet);
  EXPECT_EQ(infos.back().kernel, "allreduce");
}

TEST(CollectiveLatencyOverNodes, MoreNodesAreNeverCheaper) {
  const TwoTiers tiers;
  std::vector<models::FittedLaw> laws;
  for (const double ranks : {2.0, 4.0, 8.0}) {
    for (const char* family : {"allreduce", "allgather", "reducescatter", "all2all"}) {
      laws.push_back(message_law(family, ranks, 5e-6 + 1e-6 * ranks, 4e11 - 1e10 * ranks, 0.6));
    }
  }
  for (const CollectiveLatency& law :
       {CollectiveLatency({}, tiers.law()), CollectiveLatency(laws, tiers.law())}) {
    for (const Collective collective : kAll) {
      for (const double size : {0.0, 1e5, 1e7, 1e9}) {
        Seconds last;
        for (const int nodes : {1, 2, 4, 8}) {
          const Seconds now = law.estimate(collective, 8 * nodes, bytes(size)).duration;
          EXPECT_GE(now, last) << nodes << " nodes, " << size << " B";
          last = now;
        }
        EXPECT_GE(law.estimate(collective, {8, 2}, bytes(size)).duration,
                  law.estimate(collective, {4, 1}, bytes(size)).duration);
      }
    }
  }
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
