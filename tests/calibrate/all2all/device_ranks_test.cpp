// Exchanges between buffers of GPUs, without GPUs: real ranks over planted devices. Does what
// arrives in a device's memory match what was sent, are figures named by their way, and do ranks
// that lack a GPU or NCCL say so together?
#include "tests/calibrate/all2all/device_ranks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calibrate/all2all/exchange_devices.hpp"
#include "calibrate/all2all/launcher.hpp"
#include "calibrate/all2all_measurements.hpp"
#include "calibrate/measurement/combined_point.hpp"
#include "calibrate/measurement/device_error.hpp"
#include "models/text/input_error.hpp"
#include "models/text/load.hpp"
#include "tests/calibrate/all2all/ranks.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::calibrate {
namespace {

using testing::HasSubstr;

class DeviceRanks : public testing::Test {
 protected:
  void SetUp() override {
    if (!tests::why_no_ranks().empty()) {
      GTEST_SKIP() << tests::why_no_ranks();
    }
  }
  int run(int ranks, const std::vector<std::string>& words) {
    std::vector<std::string> command = launcher_arguments(tests::launcher(ranks));
    command.emplace_back(MOEPLAN_DEVICE_RANKS);
    command.insert(command.end(), words.begin(), words.end());
    return tests::run_into(command, (directory_ / "out").string());
  }
  std::string output() const { return tests::read_bytes(directory_ / "out"); }
  std::string path(const char* name) const { return (directory_ / name).string(); }
  RankWorld world(const std::string& transport, const std::string& fault) {
    EXPECT_EQ(run(2, {"probe", transport, fault, path("world")}), 0) << output();
    return world_from(text::load_json(path("world")));
  }

 private:
  const tests::TemporaryDirectory directory_;
};

TEST_F(DeviceRanks, WhatArrivesIsWhatWasSentOnEveryWay) {
  for (const int ranks : {2, 3}) {
    EXPECT_EQ(run(ranks, {"ways"}), 0) << output();
    EXPECT_THAT(output(), HasSubstr("checked "));
  }
}

TEST_F(DeviceRanks, FiguresAreNamedByTheirWay) {
  for (const std::string transport : {"mpi", "nccl"}) {
    const RankWorld ranks = world(transport, "");
    ASSERT_EQ(ranks.problem, "");
    EXPECT_EQ(ranks.settings.at("device"), "Planted GPU");
    EXPECT_EQ(ranks.settings.at("cuda_runtime"), "13000");
    EXPECT_EQ(ranks.settings.at("devices_shared"), "no");
    EXPECT_EQ(ranks.settings.count("nccl"), transport == "nccl" ? 1U : 0U);
    const ExchangeSweep sweep = tests::device_sweep(transport, path(transport.c_str()));
    const PreparedExchanges prepared = prepare(sweep, ranks, "");
    { const Journal created(sweep.journal, prepared.header); }
    ASSERT_EQ(run(2, {"launch", transport, "", sweep.journal}), 0) << output();
    const JournalContents journal = read_journal(sweep.journal, true);
    ASSERT_EQ(journal.records.size(), journal.header.plan.size());
    const std::string way = transport == "nccl" ? "nccl" : name_of(way_of(sweep, ranks));
    EXPECT_EQ(journal.header.settings.at("buffers"), way);
    const models::Measurements rows = exchange_measurements(journal, prepared, ranks, sweep.journal,
                                                            tests::read_bytes(sweep.journal));
    EXPECT_EQ(rows.device, "Planted GPU");
    ASSERT_FALSE(rows.collectives.empty());
    for (const models::CollectiveSample& row : rows.collectives) {
      EXPECT_EQ(row.origin.host_launched, transport == "nccl");
      EXPECT_THAT(row.origin.kernel_source, testing::AnyOf("nccl", testing::EndsWith("_" + way)));
    }
    // This MPI says that it is not CUDA-aware: it must never have seen a device's address.
    if (ranks.settings.at("cuda_aware") != "yes" && transport == "mpi") {
      EXPECT_EQ(way, "host_staged");
    }
  }
}

TEST_F(DeviceRanks, LostBytesFailThePoint) {
  const RankWorld ranks = world("mpi", "lost");
  if (way_of(tests::device_sweep("mpi", ""), ranks) != ExchangeWay::host_staged) {
    GTEST_SKIP() << "MPI is CUDA-aware here: nothing is staged";
  }
  const ExchangeSweep sweep = tests::device_sweep("mpi", path("j"));
  { const Journal created(sweep.journal, prepare(sweep, ranks, "").header); }
  ASSERT_EQ(run(2, {"launch", "mpi", "lost", sweep.journal}), 0) << output();
  for (const CombinedPoint& point : combine(read_journal(sweep.journal, true))) {
    EXPECT_EQ(point.status, PointStatus::failed) << point.id;
    EXPECT_THAT(point.reason,
                testing::AnyOf(HasSubstr("received wrong bytes"), HasSubstr("in place of")));
  }
}

TEST_F(DeviceRanks, RanksThatLackSomethingSaySoTogether) {
  EXPECT_EQ(world("mpi", "no_gpu").problem, "rank 1: no GPU can be used here (planted)");
  EXPECT_EQ(world("nccl", "no_nccl").problem, "rank 1: NCCL is not installed here (planted)");
  EXPECT_THAT(world("mpi", "other_gpu").problem, HasSubstr("ranks have different GPUs"));
  EXPECT_THAT(world("nccl", "one_gpu").problem, HasSubstr("a GPU of its own for every rank"));
  EXPECT_EQ(world("mpi", "one_gpu").settings.at("devices_shared"), "yes");
  // A launch whose ranks lost their GPU since: all of them end, with one sentence.
  EXPECT_EQ(run(2, {"launch", "mpi", "no_gpu", path("j")}), 6);
  EXPECT_THAT(output(), HasSubstr("rank 1: no GPU can be used here (planted)"));
}

TEST(ExchangeWays, OnlyAnMpiThatSaysSoGetsAddressesOfGpus) {
  EXPECT_EQ(exchange_way("host", "mpi", "yes"), ExchangeWay::host);
  EXPECT_EQ(exchange_way("device", "mpi", "yes"), ExchangeWay::device);
  for (const char* aware : {"no", "unknown", "differs", ""}) {
    EXPECT_EQ(exchange_way("device", "mpi", aware), ExchangeWay::host_staged);
  }
  EXPECT_EQ(exchange_way("device", "nccl", "no"), ExchangeWay::nccl);
  EXPECT_THROW(exchange_way("host", "nccl", "yes"), InputError);
}

TEST(ExchangeWays, NcclIsOpenedWhereItIsAndMissedWithAReason) {
  try {
    EXPECT_THAT(cuda_devices().nccl()->version(), testing::StartsWith("2."));
  } catch (const DeviceError& error) {
    EXPECT_THAT(error.what(), testing::AnyOf(HasSubstr("NCCL is not installed here"),
                                             HasSubstr("built without")));
  }
}

TEST(ExchangeWays, WholeLayersStayOnTheHost) {
  RankWorld ranks;
  ranks.node_of_rank = {0, 0};
  ExchangeSweep sweep = tests::device_sweep("mpi", "");
  sweep.families = {kLayerFamily};
  EXPECT_THROW(prepare(sweep, ranks, ""), InputError);
}

}  // namespace
}  // namespace moeplan::calibrate
