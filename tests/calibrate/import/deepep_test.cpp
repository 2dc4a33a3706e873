// Tables of expert exchanges: what a row becomes, and which rows must be refused.
#include "calibrate/import/deepep.hpp"

#include <gtest/gtest.h>

#include "calibrate/import/aiconfigurator.hpp"
#include "calibrate/import/measurements.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"

namespace moeplan {
namespace {

using calibrate::parse_aiconfigurator;
using models::ExchangePhase;

const std::string kNormal =
    "device,node_num,hidden_size,num_token,num_topk,num_experts,dispatch_sms,dispatch_transmit_us,"
    "dispatch_notify_us,combine_sms,combine_transmit_us,combine_notify_us\n";
const std::string kLowLatency =
    "device,node_num,hidden_size,num_token,num_topk,num_experts,combine_avg_t_us,"
    "combine_bandwidth_gbps,dispatch_avg_t_us,dispatch_bandwidth_gbps\n";
const std::string kTrtllm =
    "op_name,kernel_source,moe_dtype,num_tokens,hidden_size,topk,num_experts,moe_ep_size,"
    "distribution,latency_ms\n";

void refused(const std::string& content, const std::string& code, const std::string& part) {
  tests::expect_input_error([&] { parse_aiconfigurator(content, "t.csv"); }, code, "t.csv:", part);
}

TEST(ExchangeTables, ANormalRowIsADispatchAndACombineWithTheirNotify) {
  const auto file =
      parse_aiconfigurator(kNormal + "H200,2,7168,256,8,256,20,94.5,30.5,20,200,40\n", "t.csv");
  EXPECT_EQ(file.rows(), 2);
  const models::ExchangeSample& dispatch = file.exchanges.at(0);
  EXPECT_EQ(dispatch.origin.kernel_source, "deepep_normal");
  EXPECT_EQ(dispatch.phase, ExchangePhase::dispatch);
  EXPECT_EQ(dispatch.origin.precision, models::Precision::fp8);
  EXPECT_DOUBLE_EQ(dispatch.origin.seconds, 125e-6);
  EXPECT_EQ(dispatch.origin.line, 2);
  EXPECT_EQ(dispatch.nodes, 2);
  EXPECT_EQ(dispatch.ranks, 16);
  EXPECT_EQ(dispatch.tokens, 256);
  EXPECT_EQ(dispatch.multiprocessors, 20);
  const models::ExchangeSample& combine = file.exchanges.at(1);
  EXPECT_EQ(combine.phase, ExchangePhase::combine);
  EXPECT_EQ(combine.origin.precision, models::Precision::bf16);
  EXPECT_DOUBLE_EQ(combine.origin.seconds, 240e-6);
}

TEST(ExchangeTables, ALowLatencyRowChoosesItsMultiprocessors) {
  const auto file =
      parse_aiconfigurator(kLowLatency + "H100,1,2048,4,8,128,11.5,11.4,10.25,6.6\n", "t.csv");
  ASSERT_EQ(file.exchanges.size(), 2u);
  EXPECT_EQ(file.exchanges[0].origin.kernel_source, "deepep_ll");
  EXPECT_DOUBLE_EQ(file.exchanges[0].origin.seconds, 10.25e-6);
  EXPECT_DOUBLE_EQ(file.exchanges[1].origin.seconds, 11.5e-6);
  EXPECT_EQ(file.exchanges[0].multiprocessors, 0);
}

TEST(ExchangeTables, TensorRtLlmCountsMillisecondsAndFourGpusANode) {
  const auto file = parse_aiconfigurator(
      kTrtllm + "alltoall_prepare,NVLinkTwoSided,bfloat16,1,7168,8,256,8,balanced,0.0125\n" +
          "alltoall_combine,NVLinkTwoSided,nvfp4,1,7168,8,256,4,balanced,0.02\n",
      "t.csv");
  ASSERT_EQ(file.exchanges.size(), 2u);
  EXPECT_EQ(file.exchanges[0].origin.kernel_source, "trtllm_NVLinkTwoSided_prepare");
  EXPECT_DOUBLE_EQ(file.exchanges[0].origin.seconds, 12.5e-6);
  EXPECT_EQ(file.exchanges[0].nodes, 2);
  EXPECT_EQ(file.exchanges[1].phase, ExchangePhase::combine);
  EXPECT_EQ(file.exchanges[1].nodes, 1);
}

TEST(ExchangeTables, WrongRowsAreRefused) {
  refused(kNormal + "H200,1,7168,256,8,256,20,0,0,20,200,0\n", "E_RANGE", "dispatch_transmit_us");
  refused(kNormal + "H200,1,7168,256,8,256,20,9,-1,20,200,0\n", "E_RANGE", "dispatch_notify_us");
  refused(kNormal + "H200,1,7168,256,8,256,20,9,0,24,200,0\n", "E_VALUE", "dispatch_sms");
  refused(kNormal + "H200,0,7168,256,8,256,20,9,0,20,200,0\n", "E_RANGE", "node_num");
  refused(kLowLatency + "H100,1,2048,4,16,8,11,11,10,6\n", "E_RANGE", "top-k 16 above 8");
  refused(kLowLatency + "H100,2,2048,4,2,8,11,11,10,6\n", "E_RANGE", "over 16 ranks");
  refused(kTrtllm + "alltoall_gather,N,fp8,1,7168,8,256,4,balanced,0.01\n", "E_VALUE",
          "alltoall_gather");
  refused(kLowLatency + "H100,1,2048,4,8,128,11,11,10,6\nH100,1,2048,4,8,128,11,11,12,6\n",
          "E_DUPLICATE", "line 2");
}

TEST(ExchangeTables, ReadsTheOpenTables) {
  const auto shared = tests::shared_dir();
  if (!shared) {
    GTEST_SKIP() << tests::kNoShared;
  }
  const auto rows = [&](const char* name) {
    return calibrate::import_aiconfigurator(*shared / "data/open/component" / name).rows();
  };
  // Lines without the header, two samples each but for TensorRT-LLM.
  EXPECT_EQ(rows("aic_deepep_normal_h100_1node_sglang0.5.12.csv"), 2 * 2484);
  EXPECT_EQ(rows("aic_deepep_normal_h200_1-2node_sglang0.5.6.csv"), 2 * 161);
  EXPECT_EQ(rows("aic_deepep_ll_h100_1node_sglang0.5.12.csv"), 2 * 176);
  EXPECT_EQ(rows("aic_deepep_ll_h200_1-2node_sglang0.5.6.csv"), 2 * 43);
  EXPECT_EQ(rows("aic_trtllm_alltoall_gb200_ep2-8.csv"), 1080);
}

const std::string kPublished =
    "kind,arch,ep_ranks,tokens_per_rank,hidden,topk,phase,latency_us,bandwidth_GBps,"
    "bandwidth_type,sms,source\n";
const std::string kDispatch = "low_latency,H800,16,128,7168,8,dispatch,118,63,RDMA,,doc\n";

TEST(DeepEpPublished, RowsOfLowLatencyAreDurationsAndRatesAreSkipped) {
  const auto file = calibrate::parse_measurements(
      kPublished + kDispatch + "low_latency,H800,16,128,7168,8,combine,195,74,RDMA,,doc\n" +
          "normal,H800,8,4096,7168,8,dispatch,,153,NVLink,,doc\n" +
          "v2_elastic,SM90,16,8192,7168,8,dispatch,,90,RDMA,12,doc\n",
      "d.csv");
  ASSERT_EQ(file.exchanges.size(), 2u);
  const models::ExchangeSample& row = file.exchanges[0];
  EXPECT_EQ(row.origin.kernel_source, "deepep_ll");
  EXPECT_EQ(row.origin.precision, models::Precision::fp8);
  EXPECT_DOUBLE_EQ(row.origin.seconds, 118e-6);
  EXPECT_EQ(row.ranks, 16);
  EXPECT_EQ(row.nodes, 2);
  EXPECT_EQ(row.experts, 256);
  EXPECT_EQ(file.exchanges[1].phase, ExchangePhase::combine);
  EXPECT_EQ(file.exchanges[1].origin.precision, models::Precision::bf16);
  EXPECT_EQ(file.device, "H800");
  ASSERT_EQ(file.skipped.size(), 2u);
  EXPECT_EQ(file.skipped.begin()->first.find("normal: a rate without a duration"), 0u);
}

TEST(DeepEpPublished, RefusesWhatTheTablesDoNotHold) {
  const auto bad = [](const std::string& row, const std::string& code, const std::string& part) {
    tests::expect_input_error(
        [&] { calibrate::parse_measurements(kPublished + kDispatch + row, "d.csv"); }, code,
        "d.csv:3", part);
  };
  bad("ultra,H800,8,128,7168,8,dispatch,77,98,RDMA,,doc\n", "E_VALUE", "ultra");
  bad("low_latency,H800,8,128,7168,8,both,77,98,RDMA,,doc\n", "E_VALUE", "both");
  bad("low_latency,H800,12,128,7168,8,dispatch,77,98,RDMA,,doc\n", "E_RANGE", "12 ranks");
  bad("low_latency,H20,8,128,7168,8,dispatch,77,98,RDMA,,doc\n", "E_VALUE", "H800 and on H20");
  bad("low_latency,H800,8,128,7168,8,dispatch,,98,RDMA,,doc\n", "E_TYPE", "latency_us");
  bad("low_latency,H800,16,128,7168,8,dispatch,120,63,RDMA,,doc\n", "E_DUPLICATE", "line 2");
}

}  // namespace
}  // namespace moeplan
