// Vidur's tables: milliseconds, splits, ranks that stand there one by one.
#include "calibrate/import/vidur.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::parse_vidur;

const std::string kMlp =
    ",n_head,n_kv_head,n_embd,n_expanded_embd,vocab_size,use_gated_mlp,num_tokens,"
    "num_tensor_parallel_workers,time_stats.mlp_up_proj.median,time_stats.add.median\n";

TEST(Vidur, ProductsAreSplitAndInMilliseconds) {
  const auto file = parse_vidur(kMlp + "0,32,8,4096,14336,32000,True,16,2,0.05,0.01\n", "mlp.csv");
  ASSERT_EQ(file.dense.size(), 1u);
  EXPECT_EQ(file.dense[0].columns, 14336) << "gate and up, halved over two workers";
  EXPECT_EQ(file.dense[0].inner, 4096);
  EXPECT_DOUBLE_EQ(file.dense[0].origin.seconds, 50e-6);
  ASSERT_EQ(file.streams.size(), 1u);
  EXPECT_DOUBLE_EQ(file.streams[0].bytes, 3.0 * 2.0 * 16.0 * 4096.0) << "two read, one written";
}

TEST(Vidur, OtherUnitsAreSuspected) {
  // 117 MB of weights in 50 ms: 2.3 GB/s. 240 TFLOP in 1 us.
  tests::expect_input_error(
      [] { parse_vidur(kMlp + "0,32,8,4096,14336,32000,True,16,2,50,0.01\n", "mlp.csv"); },
      "E_UNIT", "mlp.csv:2", "microseconds");
  tests::expect_input_error(
      [] { parse_vidur(kMlp + "0,32,8,4096,14336,32000,True,4096,1,0.00002,0.01\n", "mlp.csv"); },
      "E_UNIT", "seconds");
}

TEST(Vidur, AttentionTellsPromptsFromDecode) {
  const std::string head =
      "n_embd,n_q_head,n_kv_head,block_size,num_tensor_parallel_workers,batch_size,"
      "prefill_chunk_size,kv_cache_size,is_prefill,time_stats.attn_prefill.median,"
      "time_stats.attn_decode.median\n";
  const auto file = parse_vidur(
      head + "4096,32,8,16,1,1,512,1024,True,0.4,\n" + "4096,32,8,16,4,8,0,1023,False,,0.02\n",
      "attention.csv");
  ASSERT_EQ(file.attention.size(), 2u);
  EXPECT_FALSE(file.attention[0].decode);
  EXPECT_DOUBLE_EQ(file.attention[0].chunk, 512.0);
  EXPECT_DOUBLE_EQ(file.attention[0].history, 1024.0);
  EXPECT_TRUE(file.attention[1].decode);
  EXPECT_DOUBLE_EQ(file.attention[1].history, 1024.0) << "the new token is read too";
  EXPECT_EQ(file.attention[1].shape.heads, 8);
  EXPECT_EQ(file.attention[1].shape.kv_heads, 2);
}

TEST(Vidur, TheSlowestRankCountsAndNodesAreTold) {
  const std::string head =
      ",time_stats.all_reduce.min,time_stats.all_reduce.median,rank,num_workers,size,collective,"
      "devices_per_node,max_devices_per_node\n";
  const auto file = parse_vidur(
      head + "0,0.02,0.028,0,4,10240,all_reduce,2,4\n" + "1,0.02,0.030,1,4,10240,all_reduce,2,4\n",
      "all_reduce.csv");
  ASSERT_EQ(file.collectives.size(), 1u);
  EXPECT_DOUBLE_EQ(file.collectives[0].origin.seconds, 30e-6);
  EXPECT_EQ(file.collectives[0].nodes, 2);
  EXPECT_DOUBLE_EQ(file.collectives[0].bytes, 10240.0);
}

}  // namespace
}  // namespace moeplan
