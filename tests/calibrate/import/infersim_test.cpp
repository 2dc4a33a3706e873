// One exact row of each kind: at 1979 TFLOP/s (8 bit) a product of 395.8 MFLOP takes 1 us at an mfu
// of 0.2; half that peak holds for 16-bit attention.
#include "calibrate/import/infersim.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::parse_infersim;
using tests::expect_input_error;

const std::string kGemm = "m,k,n,latency_us,mfu\n";
const std::string kMasked =
    "num_experts,num_gpus,num_local_experts,topk,hidden_size,intermediate_size,batch_size_per_gpu,"
    "tokens_per_expert,up_proj_us,up_mfu,down_proj_us,down_mfu\n";
const std::string kDecode = "dtype,kv_dtype,batch_size,kv_len,latency_us,mfu\n";
const char* const kDecodeFile = "dir/mha_decode_h800_2-1-100.csv";

void refused(const std::string& content, const std::string& file, const std::string& code,
             const std::string& part) {
  expect_input_error([&] { parse_infersim(content, file); }, code, file, part);
}

TEST(Infersim, ReadsADenseProduct) {
  // 2 x 100 x 1000 x 1979 FLOP.
  const auto file = parse_infersim(kGemm + "100,1000,1979,1.000,0.200000\n", "g.csv");
  ASSERT_EQ(file.dense.size(), 1u);
  EXPECT_DOUBLE_EQ(file.dense[0].origin.seconds, 1e-6);
  EXPECT_EQ(file.dense[0].origin.precision, models::Precision::fp8_block);
  EXPECT_DOUBLE_EQ(file.dense[0].rows, 100.0);
  EXPECT_EQ(file.dense[0].columns, 1979);
  EXPECT_EQ(file.dense[0].inner, 1000);
  EXPECT_TRUE(file.dense[0].product_alone);
  ASSERT_TRUE(file.stated_peak.has_value());
  EXPECT_DOUBLE_EQ(file.stated_peak->flops, 1979e12);
  EXPECT_EQ(file.source, "imported: infersim");
}

TEST(Infersim, KnowsTheTokensOfAMaskedGroupFromItsMfu) {
  // Local experts 4, nominal 10 tokens each. A token costs 4 x 1000 x 1979 = 7.916 MFLOP going up
  // and half of it going down. Up: 40 tokens = 316.64 MFLOP in 0.32 us at 0.5. Down: 38 tokens =
  // 150.404 MFLOP in 0.19 us at 0.4. The group of two GPUs has 2 x 20 tokens.
  const auto file =
      parse_infersim(kMasked + "8,2,4,2,1000,1979,20,10,0.32,0.5,0.19,0.4\n", "g.csv");
  ASSERT_EQ(file.experts.size(), 2u);
  const models::ExpertSample& up = file.experts[0];
  const models::ExpertSample& down = file.experts[1];
  EXPECT_EQ(up.part, models::ExpertPart::up);
  EXPECT_EQ(down.part, models::ExpertPart::down);
  EXPECT_DOUBLE_EQ(up.load.pairs, 40.0);
  EXPECT_DOUBLE_EQ(down.load.pairs, 38.0);
  EXPECT_DOUBLE_EQ(up.load.tokens, 40.0);
  EXPECT_DOUBLE_EQ(up.load.active_experts, 4.0);
  EXPECT_EQ(up.shape.local_experts, 4) << "the column is of one rank";
  EXPECT_EQ(up.shape.experts, 8);
  EXPECT_DOUBLE_EQ(down.origin.seconds, 0.19e-6);
  EXPECT_EQ(up.origin.kernel_source, "deepgemm_masked");
}

TEST(Infersim, OneNominalTokenLeavesExpertsIdle) {
  // U(0.7, 1.3) rounded down is 0 or 1: two tokens of 15.832 MFLOP at 0.01 of the peak, 0.8 us.
  const auto file = parse_infersim(kMasked + "8,2,4,2,1000,1979,20,10,0.32,0.5,0.19,0.4\n" +
                                       "8,2,4,2,1000,1979,2,1,0.8,0.01,0.8,0.005\n",
                                   "g.csv");
  EXPECT_DOUBLE_EQ(file.experts[2].load.pairs, 2.0);
  EXPECT_DOUBLE_EQ(file.experts[2].load.active_experts, 2.0);
}

TEST(Infersim, ReadsAttentionWithTheShapeOfItsName) {
  // 4 x 2 heads x 100 x 10 x 9895 = 79.16 MFLOP: 0.08 of 989.5 TFLOP/s in 1 us.
  const auto file = parse_infersim(kDecode + "bf16,fp8,10,9895,1.000,0.080\n", kDecodeFile);
  ASSERT_EQ(file.attention.size(), 1u);
  const models::AttentionSample& row = file.attention[0];
  EXPECT_TRUE(row.decode);
  EXPECT_EQ(row.shape.heads, 2);
  EXPECT_EQ(row.shape.kv_heads, 1);
  EXPECT_EQ(row.shape.head_dim, 100);
  EXPECT_EQ(row.shape.kv_precision, models::Precision::fp8);
  EXPECT_DOUBLE_EQ(row.sequences, 10.0);
  EXPECT_DOUBLE_EQ(row.history, 9895.0);
  EXPECT_TRUE(row.origin.host_launched);
}

TEST(Infersim, TheShapeMustBeInTheName) {
  refused(kDecode + "bf16,bf16,10,9895,1.000,0.080\n", "mha_decode_h800.csv", "E_MISSING",
          "HEADS-KVHEADS-HEADDIM");
  refused(kDecode + "bf16,bf16,10,9895,1.000,0.080\n", "mla_decode_h800.csv", "E_MISSING",
          "HEADS-KVLORARANK-ROPEDIM");
}

TEST(Infersim, ReadsTheKernelOfLatentDecoding) {
  // 2 x 2 heads x (2 x 40 + 20) x 10 x 9895 = 39.58 MFLOP: 0.04 of 989.5 TFLOP/s in 1 us.
  const std::string name = "mla_decode_h800_2-40-20.csv";
  const auto file = parse_infersim(kDecode + "bf16,fp8,10,9895,1.000,0.040\n", name);
  ASSERT_EQ(file.latent.size(), 1u);
  const models::LatentSample& row = file.latent[0];
  EXPECT_TRUE(row.kernel_alone);
  EXPECT_TRUE(row.decode);
  EXPECT_EQ(row.path, models::LatentPath::absorbed);
  EXPECT_EQ(row.shape.heads, 2);
  EXPECT_EQ(row.shape.kv_lora_rank, 40);
  EXPECT_EQ(row.shape.qk_rope_head_dim, 20);
  EXPECT_EQ(row.shape.kv_precision, models::Precision::fp8);
  EXPECT_DOUBLE_EQ(row.sequences, 10.0);
  EXPECT_DOUBLE_EQ(row.history, 9895.0);
  EXPECT_DOUBLE_EQ(row.origin.seconds, 1e-6);
  // The name of another shape: what it implies is no peak that the project divides by.
  refused(kDecode + "bf16,bf16,10,9895,1.000,0.040\n", "mla_decode_h800_2-80-20.csv", "E_UNIT",
          "imply a peak");
}

TEST(Infersim, ReadsTheKernelOfLatentPrompts) {
  const std::string header = "dtype,seq_len,latency_us,mfu\n";
  // 2 heads x (2 x 40 + 20) x 1979^2 = 783.3 MFLOP: 0.7916 of 989.5 TFLOP/s in 1 us.
  const auto file =
      parse_infersim(header + "bf16,1979,1.000,0.792\n", "mla_prefill_h800_2-40-20.csv");
  ASSERT_EQ(file.latent.size(), 1u);
  const models::LatentSample& row = file.latent[0];
  EXPECT_TRUE(row.kernel_alone);
  EXPECT_FALSE(row.decode);
  EXPECT_EQ(row.path, models::LatentPath::expanded);
  EXPECT_EQ(row.shape.qk_nope_head_dim, 40);
  EXPECT_EQ(row.shape.v_head_dim, 40);
  EXPECT_DOUBLE_EQ(row.chunk, 1979.0);
  EXPECT_DOUBLE_EQ(row.history, 0.0);
  refused(header + "bf16,1979,0.001,0.792\n", "mla_prefill_h800_2-40-20.csv", "E_UNIT",
          "latency_us");
}

TEST(Infersim, SuspectsUnitsThatDisagreeWithTheMfu) {
  // Milliseconds in the column of microseconds: a peak a thousand times too high.
  refused(kGemm + "100,1000,1979,0.001,0.200000\n", "g.csv", "E_UNIT", "1.979e+06 TFLOP/s");
  refused(kMasked + "8,2,4,2,1000,1979,20,10,0.00032,0.5,0.00019,0.4\n", "g.csv", "E_UNIT",
          "up_proj_us taken as microseconds");
  refused(kDecode + "bf16,bf16,10,9895,0.001,0.080\n", kDecodeFile, "E_UNIT", "latency_us");
  // One bad row among good ones is named by its line.
  const std::string good = "100,1000,1979,1.000,0.200000\n200,1000,1979,2.000,0.200000\n";
  refused(kGemm + good + "400,1000,1979,0.004,0.200000\n", "g.csv", "E_UNIT", "g.csv:4");
  const std::string row = "8,2,4,2,1000,1979,20,10,0.32,0.5,0.19,0.4\n";
  refused(kMasked + row + "8,2,4,2,1000,1979,40,20,0.64,0.5,0.64,0.4\n", "g.csv", "E_UNIT",
          "128 tokens in 4 groups of about 20");
}

TEST(Infersim, RefusesBadRowsWithTheirLine) {
  const std::string good = "100,1000,1979,1.000,0.200000\n";
  refused(kGemm + good + "100,1000,1979,1.100,0.181818\n", "g.csv", "E_DUPLICATE", "line 2");
  refused(kGemm + good + "200,1000,1979,nan,0.2\n", "g.csv", "E_TYPE", "g.csv:3");
  refused(kGemm + good + "200,1000,1979,****,0.2\n", "g.csv", "E_TYPE", "****");
  refused(kGemm + good + "0,1000,1979,1.0,0.2\n", "g.csv", "E_RANGE", "g.csv:3");
  refused(kGemm, "g.csv", "E_VALUE", "without rows");
  const std::string row =
      "8,2,4,2,1000,1979,20,10,0.32,0.5,0.19,0.4\n8,2,4,2,1000,1979,40,20,0.64,0.5,0.38,0.4\n";
  refused(kMasked + row + "8,2,8,2,1000,1979,40,10,0.32,0.5,0.19,0.4\n", "g.csv", "E_RANGE",
          "8 local experts on 2 GPUs are not 8");
  refused(kMasked + row + "8,2,4,2,1000,1979,21,30,0.32,0.5,0.19,0.4\n", "g.csv", "E_RANGE",
          "42 tokens of the group");
  refused(kDecode + "bf17,bf16,10,9895,1.000,0.080\n", kDecodeFile, "E_VALUE", "bf17");
}

}  // namespace
}  // namespace moeplan
