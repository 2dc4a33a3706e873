#include "calibrate/import/apexplus.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::parse_apexplus;

const std::string kHead = "gpu,num_nodes,num_gpus_per_node,dtype,size(kb),time(us)\n";

void refused(const std::string& rows, const std::string& file, const std::string& code,
             const std::string& part) {
  tests::expect_input_error([&] { parse_apexplus(kHead + rows, file); }, code, file, part);
}

TEST(ApexPlus, ReadsKibibytesAndWholeMicroseconds) {
  const auto file = parse_apexplus(
      kHead + "H100,1,8,half,32,20.0\nH100,1,8,half,64,21.0\nH100,1,4,float,128,18\n",
      "h100_all_gather.csv");
  ASSERT_EQ(file.collectives.size(), 2u);
  const models::CollectiveSample& row = file.collectives[0];
  EXPECT_EQ(row.collective, models::Collective::all_gather);
  EXPECT_DOUBLE_EQ(row.bytes, 65536.0);
  EXPECT_DOUBLE_EQ(row.origin.seconds, 21e-6);
  EXPECT_EQ(row.ranks, 8);
  EXPECT_EQ(row.origin.precision, models::Precision::fp16);
  EXPECT_EQ(file.collectives[1].origin.precision, models::Precision::fp32);
  ASSERT_EQ(file.notes.size(), 1u);
  EXPECT_NE(file.notes[0].find("1 rows below 64 KiB left out"), std::string::npos);
}

TEST(ApexPlus, KnowsTheOperationFromTheName) {
  EXPECT_EQ(parse_apexplus(kHead + "G,1,8,half,64,21\n", "alltoall.csv").collectives[0].collective,
            models::Collective::all_to_all);
  refused("G,1,2,half,64,21\n", "h100_sendrecv.csv", "E_VALUE", "two ranks alone");
  refused("G,1,2,half,64,21\n", "h100.csv", "E_VALUE", "all_reduce");
}

TEST(ApexPlus, RefusesBadRowsWithTheirLine) {
  const std::string good = "G,1,8,half,64,21\n";
  refused(good + "G,2,8,half,128,21\n", "all_reduce.csv", "E_VALUE", "all_reduce.csv:3");
  refused(good + "F,1,8,half,128,21\n", "all_reduce.csv", "E_VALUE", "two devices");
  refused(good + "G,1,8,half,64,22\n", "all_reduce.csv", "E_DUPLICATE", "line 2");
  refused(good + "G,1,8,half,128,nan\n", "all_reduce.csv", "E_TYPE", "nan");
  refused(good + "G,1,8,half,****,21\n", "all_reduce.csv", "E_TYPE", "****");
  refused(good + "G,1,1,half,128,21\n", "all_reduce.csv", "E_RANGE", "num_gpus_per_node");
  refused(good + "G,1,8,int4,128,21\n", "all_reduce.csv", "E_VALUE", "int4");
}

}  // namespace
}  // namespace moeplan
