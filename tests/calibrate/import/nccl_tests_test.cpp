// nccl-tests: sizes of one rank, ranks from the list, and numbers that must agree.
#include "calibrate/import/nccl_tests.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::parse_nccl_tests;

std::string header(int ranks, const std::string& hosts = "a") {
  std::string text = "# nccl-tests version 2.19.6\n# Collective test starting: alltoall_perf\n";
  for (int rank = 0; rank < ranks; ++rank) {
    const char host = hosts[static_cast<std::size_t>(rank) % hosts.size()];
    text += "#  Rank  " + std::to_string(rank) + " Group  0 Pid   10 on " + std::string(1, host) +
            " device  0 [0000:17:00] NVIDIA H100\n";
  }
  return text +
         "#       size         count      type   redop    root     time   algbw   busbw  "
         "#wrong     time   algbw   busbw  #wrong\n"
         "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)\n";
}

// 1 MiB in 30 us: 34.95 GB/s; times 7/8 for 8 ranks: 30.58.
const std::string kRow =
    "     1048576         32768     float    none      -1    30.00   34.95   30.58       0    "
    "31.00 "
    "  33.83   29.60     N/A\n";
const std::string kEnd = "# Out of bounds values : 0 OK\n# Avg bus bandwidth    : 30.58\n";

void refused(const std::string& content, const std::string& code, const std::string& part) {
  tests::expect_input_error([&] { parse_nccl_tests(content, "run.log", {}); }, code, "run.log",
                            part);
}

TEST(NcclTests, SizeIsOfOneRank) {
  const auto file = parse_nccl_tests(header(8) + kRow + kEnd, "run.log", {});
  ASSERT_EQ(file.collectives.size(), 1u);
  const models::CollectiveSample& row = file.collectives[0];
  EXPECT_EQ(row.ranks, 8);
  EXPECT_EQ(row.nodes, 1);
  EXPECT_DOUBLE_EQ(row.bytes, 1048576.0);
  EXPECT_DOUBLE_EQ(row.origin.seconds, 30e-6) << "out of place, microseconds";
  EXPECT_EQ(row.collective, models::Collective::all_to_all);
  EXPECT_EQ(file.device, "NVIDIA H100");
}

TEST(NcclTests, HostsAreNodes) {
  EXPECT_EQ(parse_nccl_tests(header(8, "ab") + kRow + kEnd, "run.log", {}).collectives.at(0).nodes,
            2);
}

TEST(NcclTests, FurtherColumnsMoveNothing) {
  // -I 1: four more columns before the second block.
  std::string text = header(8);
  const std::string more = "#wrong   i_min   i_max   i_p99   i_cv%     time";
  text.replace(text.find("#wrong     time"), 15, more);
  const std::string row =
      "1048576 32768 float none -1 30.00 34.95 30.58 0 29 33 32 1.0 31.00 33.83 29.60 N/A\n";
  EXPECT_DOUBLE_EQ(
      parse_nccl_tests(text + row + kEnd, "run.log", {}).collectives.at(0).origin.seconds, 30e-6);
}

TEST(NcclTests, RefusesWrongResultsAndNumbersThatDisagree) {
  std::string wrong = kRow;
  wrong.replace(wrong.find("30.58       0"), 13, "30.58       2");
  refused(header(8) + wrong + kEnd, "E_VALUE", "wrong results");
  refused(header(8) + kRow + "# Out of bounds values : 3 FAILED\n", "E_VALUE", "wrong results");
  refused(header(8) + kRow, "E_MISSING", "cut off");
  refused(header(4) + kRow + kEnd, "E_UNIT", "busbw is not algbw x 0.7500");
  refused(header(8) + "1048576 32768 float none -1 30.00 3.49 3.05 0\n" + kEnd, "E_UNIT",
          "algbw is not size / time");
  refused(header(8) + kRow + kRow + kEnd, "E_VALUE", "do not rise");
  refused(header(8) + header(8) + kRow + kEnd, "E_VALUE", "two runs");
  refused(header(8) + "1048576 32768 float none -1 30.00\n" + kEnd, "E_VALUE", "cut off");
  refused(header(8) + "1048576 32768 float none -1 nan 34.95 30.58 0\n" + kEnd, "E_TYPE", "nan");
}

TEST(NcclTests, TheOperationIsNotGuessed) {
  std::string text = header(8);
  text.erase(text.find("# Collective"), text.find("#  Rank") - text.find("# Collective"));
  tests::expect_input_error([&] { parse_nccl_tests(text + kRow + kEnd, "run.log", {}); },
                            "E_MISSING", "run.log", "--collective");
  EXPECT_EQ(parse_nccl_tests(text + kRow + kEnd, "alltoall.log", {}).collectives.at(0).collective,
            models::Collective::all_to_all);
  // 7/8 is the factor of a gather too, but not of a sum (7/4).
  tests::expect_input_error([&] { parse_nccl_tests(text + kRow + kEnd, "all_reduce.log", {}); },
                            "E_UNIT", "allreduce on 8 ranks");
}

std::string json(const std::string& ngpus, const std::string& nwrong) {
  return R"({"version":3,"args":["./build/alltoall_perf","-g"],"nccl_version":22903,)"
         R"("config":{"nthreads":1,"ngpus":)" +
         ngpus +
         R"(,"devices":[{"rank":0,"hostname":"a","device_info":"NVIDIA H100"}]},)"
         R"("results":[{"size":1048576,"count":32768,"type":"float","redop":"none","root":"-1",)"
         R"("out_of_place":{"time":30.0,"alg_bw":34.95253,"bus_bw":30.58347,"nwrong":)" +
         nwrong +
         R"(},"in_place":null,"actual_iterations":20}],"out_of_bounds":{"count":0,"okay":true}})";
}

TEST(NcclTests, JsonListsOneDeviceForAProcess) {
  const auto file = parse_nccl_tests(json("8", "0"), "run.json", {});
  EXPECT_EQ(file.collectives.at(0).ranks, 8) << "1 process x 8 GPUs";
  EXPECT_DOUBLE_EQ(file.collectives[0].origin.seconds, 30e-6);
  tests::expect_input_error([] { parse_nccl_tests(json("8", "1"), "run.json", {}); }, "E_VALUE",
                            "wrong results");
  tests::expect_input_error([] { parse_nccl_tests(json("4", "0"), "run.json", {}); }, "E_UNIT",
                            "busbw");
}

}  // namespace
}  // namespace moeplan
