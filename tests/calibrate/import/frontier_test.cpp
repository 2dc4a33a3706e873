#include "calibrate/import/frontier.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::parse_frontier;

const std::string kHead =
    "num_tokens,num_experts,num_experts_per_device,expert_parallel_size,router_topk,hidden_dim,"
    "expert_hidden_dim,num_tensor_parallel_workers,load_distribution,max_load_ratio,"
    "expert_utilization,routing_runtime_path,measurement_type,moe_gating_linear_ms_median,"
    "moe_gating_routing_topk_ms_median,moe_shuffling_ms_median,moe_grouped_gemm_ms_median\n";

void refused(const std::string& rows, const std::string& code, const std::string& part) {
  tests::expect_input_error([&] { parse_frontier(kHead + rows, "t.csv"); }, code, "t.csv:", part);
}

models::ExpertSample only(const std::string& row) {
  const auto file = parse_frontier(kHead + row, "t.csv");
  EXPECT_EQ(file.experts.size(), 1u);
  return file.experts.front();
}

TEST(Frontier, ReadsAllPartsOfARowInMilliseconds) {
  // 2 tokens of top-8 on all 16 experts: 16 pairs, 14 experts active, the busiest has both tokens.
  const auto file = parse_frontier(
      kHead + "2,16,16,1,8,100,64,2,uniform,2.0,0.875,fused,KERNEL_ONLY,0.005,0.05,0.004,0.04\n",
      "t.csv");
  const models::ExpertSample& row = file.experts.front();
  EXPECT_DOUBLE_EQ(row.origin.seconds, 40e-6);
  EXPECT_DOUBLE_EQ(row.load.pairs, 16.0);
  EXPECT_DOUBLE_EQ(row.load.active_experts, 14.0);
  EXPECT_EQ(row.shape.intermediate, 32) << "two tensor-parallel workers";
  EXPECT_EQ(row.intermediate_full, 64);
  EXPECT_EQ(row.part, models::ExpertPart::products);
  EXPECT_FALSE(row.origin.host_launched);
  ASSERT_EQ(file.dense.size(), 1u);
  EXPECT_EQ(file.dense[0].columns, 16);
  EXPECT_EQ(file.dense[0].inner, 100);
  EXPECT_DOUBLE_EQ(file.dense[0].origin.seconds, 5e-6);
  ASSERT_EQ(file.streams.size(), 2u);
  EXPECT_EQ(file.streams[0].kernel, "router");
  EXPECT_DOUBLE_EQ(file.streams[0].bytes, 2.0 * (4 * 16 + 8 * 8));
  EXPECT_EQ(file.streams[1].kernel, "permute");
  EXPECT_DOUBLE_EQ(file.streams[1].bytes, 2.0 * 8 * 100 * 4) << "every pair read and written";
}

TEST(Frontier, TellsTheTwoWaysOfRoutingApart) {
  // All eight picks of both tokens on this rank's eight experts: two each.
  const auto local = only("2,16,8,2,8,100,64,1,uniform,1.0,1.0,fused,CUDA_EVENT,,,,0.2\n");
  EXPECT_DOUBLE_EQ(local.load.pairs, 16.0);
  EXPECT_EQ(local.shape.experts, 8) << "the kernel knew no others";
  // Over all 16 experts: loads 4 4 3 2 1 1 0 0 are 15 pairs, ratio 4 / (15 / 8) = 2.133333.
  const auto global = only("4,16,8,2,8,100,64,1,uniform,2.133333,0.75,fused,KERNEL_ONLY,,,,0.03\n");
  EXPECT_DOUBLE_EQ(global.load.pairs, 15.0);
  EXPECT_DOUBLE_EQ(global.load.active_experts, 6.0);
  EXPECT_EQ(global.shape.experts, 16);
  EXPECT_EQ(global.shape.local_experts, 8);
}

TEST(Frontier, NeverMixesTheTwoClocks) {
  const auto event = only("2,16,16,1,8,100,64,1,uniform,2.0,0.875,fused,CUDA_EVENT,,,,0.2\n");
  const auto kernel = only("2,16,16,1,8,100,64,1,uniform,2.0,0.875,fused,KERNEL_ONLY,,,,0.02\n");
  EXPECT_NE(event.origin.kernel_source, kernel.origin.kernel_source);
  EXPECT_TRUE(event.origin.host_launched);
}

TEST(Frontier, KeepsRepeatedPoints) {
  const std::string row = "2,16,16,1,8,100,64,1,uniform,2.0,0.875,fused,KERNEL_ONLY,,,,";
  EXPECT_EQ(parse_frontier(kHead + row + "0.02\n" + row + "0.03\n", "t.csv").experts.size(), 2u);
  refused(row + "0.02\n" + row + "0.05\n", "E_DUPLICATE", "line 2");
}

TEST(Frontier, RefusesBadRowsWithTheirLine) {
  const std::string good = "2,16,16,1,8,100,64,1,uniform,2.0,0.875,fused,KERNEL_ONLY,,,,0.02\n";
  refused(good + "4,16,16,1,8,100,64,1,uniform,2.0,1.0,fused,WALL,,,,0.02\n", "E_VALUE", "t.csv:3");
  refused("2,16,16,1,8,100,64,1,uniform,2.0,0.3,fused,KERNEL_ONLY,,,,0.02\n", "E_RANGE",
          "4.8000 of 16 experts");
  refused("2,16,16,1,8,100,64,1,uniform,1.2345,0.875,fused,KERNEL_ONLY,,,,0.02\n", "E_RANGE",
          "no routing of 2 tokens");
  refused("2,16,8,1,8,100,64,1,uniform,2.0,0.875,fused,KERNEL_ONLY,,,,0.02\n", "E_RANGE",
          "8 experts on a device");
  refused("2,16,16,1,8,100,64,3,uniform,2.0,0.875,fused,KERNEL_ONLY,,,,0.02\n", "E_RANGE",
          "64 does not divide by 3");
  refused("2,16,16,1,8,100,64,1,uniform,2.0,0.875,fused,KERNEL_ONLY,,,,nan\n", "E_TYPE", "nan");
  refused("2,16,16,1,8,100,64,1,uniform,2.0,0.875,fused,KERNEL_ONLY,,,,****\n", "E_TYPE", "****");
  refused("2,16,16,1,8,100,64,1,uniform,2.0,0.875,fused,KERNEL_ONLY,,,,0\n", "E_RANGE", "t.csv:2");
}

}  // namespace
}  // namespace moeplan
