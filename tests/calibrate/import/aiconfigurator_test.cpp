#include "calibrate/import/aiconfigurator.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"

namespace moeplan {
namespace {

using calibrate::parse_aiconfigurator;
using tests::expect_input_error;

const std::string kMoe =
    "kernel_source,moe_dtype,hidden_size,inter_size,topk,num_experts,moe_tp_size,moe_ep_size,"
    "distribution,num_tokens,latency_ms\n";
const std::string kNccl = "nccl_dtype,op_name,num_gpus,message_elements,message_bytes,latency_ms\n";

void refused(const std::string& content, const std::string& code, const std::string& part) {
  expect_input_error([&] { parse_aiconfigurator(content, "t.csv"); }, code, "t.csv:", part);
}

TEST(Aiconfigurator, ReadsAFusedMoeRow) {
  const auto file = parse_aiconfigurator(
      kMoe + "triton,bfloat16,2048,768,8,128,2,4,balanced,64,0.25\n", "dir/t.csv");
  EXPECT_EQ(file.name, "t.csv");
  ASSERT_EQ(file.experts.size(), 1u);
  const models::ExpertSample& row = file.experts.front();
  EXPECT_DOUBLE_EQ(row.origin.seconds, 250e-6);
  EXPECT_EQ(row.origin.line, 2);
  EXPECT_EQ(row.shape.intermediate, 384);
  EXPECT_EQ(row.intermediate_full, 768);
  EXPECT_EQ(row.shape.local_experts, 32);
  EXPECT_TRUE(row.shape.gated);
  // 64 tokens x 8 experts over 128: four tokens an expert, 32 experts here.
  EXPECT_DOUBLE_EQ(row.load.tokens, 64.0);
  EXPECT_DOUBLE_EQ(row.load.pairs, 128.0);
  EXPECT_DOUBLE_EQ(row.load.active_experts, 32.0);
}

TEST(Aiconfigurator, KnowsWhichLayersHaveNoGate) {
  const auto file =
      parse_aiconfigurator(kMoe + "t,bfloat16,2688,1856,6,128,1,1,balanced,64,0.25\n", "t.csv");
  EXPECT_FALSE(file.experts.front().shape.gated);
}

TEST(Aiconfigurator, ReadsTheProjectsOwnColumnNames) {
  // message_size is in elements, latency in ms.
  const auto file = parse_aiconfigurator(
      "framework,version,device,op_name,kernel_source,nccl_dtype,num_gpus,message_size,latency\n"
      "TRTLLM,1.0,H100,all_reduce,NCCL,half,8,1024,0.02\n",
      "t.csv");
  ASSERT_EQ(file.collectives.size(), 1u);
  EXPECT_DOUBLE_EQ(file.collectives.front().bytes, 2048.0);
  EXPECT_DOUBLE_EQ(file.collectives.front().origin.seconds, 20e-6);
  EXPECT_EQ(file.collectives.front().origin.kernel_source, "NCCL");
}

TEST(Aiconfigurator, TellsDecodeFromPrefill) {
  const auto file = parse_aiconfigurator(
      "kernel_source,attn_dtype,kv_cache_dtype,num_heads,num_key_value_heads,head_dim,batch_size,"
      "isl,step,latency_ms\n"
      "fa,bfloat16,fp8,32,0,128,4,1,999,0.02\n"
      "fa,bfloat16,bfloat16,32,8,128,2,512,0,0.02\n"
      "fa,bfloat16,bfloat16,32,8,128,2,1,0,0.02\n",
      "t.csv");
  ASSERT_EQ(file.attention.size(), 3u);
  EXPECT_TRUE(file.attention[0].decode);
  EXPECT_DOUBLE_EQ(file.attention[0].history, 1000.0) << "isl + step";
  EXPECT_EQ(file.attention[0].shape.kv_heads, 32) << "0 means num_heads";
  EXPECT_EQ(file.attention[0].shape.kv_precision, models::Precision::fp8);
  EXPECT_FALSE(file.attention[1].decode);
  EXPECT_FALSE(file.attention[2].decode) << "a prompt of one token";
}

TEST(Aiconfigurator, RefusesBadRowsWithTheirLine) {
  const std::string good = "t,bfloat16,2048,768,8,128,1,1,balanced,64,0.25\n";
  refused(kMoe + good + "t,bfloat16,2048,768,8,128,1,1,balanced,32,0\n", "E_RANGE", "t.csv:3");
  refused(kMoe + "t,bfloat16,2048,768,8,128,1,1,balanced,64,nan\n", "E_TYPE", "t.csv:2");
  refused(kMoe + "t,bfloat16,2048,768,8,128,1,1,balanced,64,****\n", "E_TYPE", "****");
  refused(kMoe + "t,bfloat16,2048,768,8,128,1,3,balanced,64,0.2\n", "E_RANGE", "does not divide");
  refused(kMoe + "t,bfloat16,2048,768,8,128,5,1,balanced,64,0.2\n", "E_RANGE", "does not divide");
  refused(kMoe + "t,bfloat16,2048,768,129,128,1,1,balanced,64,0.2\n", "E_RANGE", "top-k 129");
  refused(kMoe + "t,bf17,2048,768,8,128,1,1,balanced,64,0.2\n", "E_VALUE", "bf17");
  refused(kMoe + "t,bfloat16,2048,768,8,128,1,1,zipf,64,0.2\n", "E_VALUE", "power_law_<alpha>");
  refused(kMoe + "t,bfloat16,2048,768,8,128,1,1,power_law_x,64,0.2\n", "E_VALUE", "distribution");
  refused(kMoe + "t,bfloat16,0,768,8,128,1,1,balanced,64,0.2\n", "E_RANGE", "hidden_size");
  refused(kMoe + "t,bfloat16,2048,768,8,128,1,1,balanced,0.5,0.2\n", "E_TYPE", "num_tokens");
  refused(kNccl + "half,all_sum,8,256,512,0.01\n", "E_VALUE", "all_sum");
  refused(kNccl + "half,all_reduce,1,256,512,0.01\n", "E_RANGE", "num_gpus");
}

TEST(Aiconfigurator, ReportsAllBadRows) {
  const auto problems = expect_input_error(
      [] {
        parse_aiconfigurator(kNccl + "half,all_reduce,8,256,512,-1\nhalf,x,8,256,512,0.01\n",
                             "t.csv");
      },
      "E_RANGE", "t.csv:2");
  EXPECT_EQ(problems.size(), 2u);
}

TEST(Aiconfigurator, RefusesTwoDurationsOfOnePoint) {
  const std::string row = "half,all_reduce,8,256,512,";
  refused(kNccl + row + "0.01\n" + row + "0.02\n", "E_DUPLICATE", "line 2");
  EXPECT_NO_THROW(parse_aiconfigurator(kNccl + row + "0.01\n" + row + "0.01\n", "t.csv"));
}

TEST(Aiconfigurator, RefusesTablesItDoesNotKnow) {
  refused("tokens,activated_experts,time_us\n1,8,50.2\n", "E_MISSING", "moe_dtype");
  refused(kMoe, "E_VALUE", "without rows");
  expect_input_error([] { parse_aiconfigurator("", "t.csv"); }, "E_ENCODING");
}

TEST(Aiconfigurator, ReadsTheOpenTables) {
  const auto shared = tests::shared_dir();
  if (!shared) {
    GTEST_SKIP() << tests::kNoShared;
  }
  const auto open = *shared / "data" / "open" / "component";
  const auto file = calibrate::import_aiconfigurator(open / "aic_moe_h100_vllm0.24.0.csv");
  std::size_t balanced = 0;
  for (const models::ExpertSample& row : file.experts) {
    balanced += row.distribution == "balanced" && row.origin.precision == models::Precision::bf16;
  }
  EXPECT_EQ(balanced, 1134u) << "README.md of the data";
  EXPECT_EQ(file.sha256.substr(0, 12), "362138becaca") << "PROVENANCE.md of the data";
}

}  // namespace
}  // namespace moeplan
