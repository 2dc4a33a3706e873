// Rows of latent-attention blocks, and what nobody may read into them.
#include <gtest/gtest.h>

#include "calibrate/import/aiconfigurator.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::parse_aiconfigurator;
using models::LatentPath;
using models::Precision;

const std::string kHeader =
    "kernel_source,model,mla_dtype,kv_cache_dtype,gemm_type,num_heads,batch_size,isl,tp_size,step,"
    "latency_ms\n";

models::LatentSample read(const std::string& row) {
  const auto file = parse_aiconfigurator(kHeader + row + "\n", "t.csv");
  EXPECT_EQ(file.latent.size(), 1u);
  return file.latent.at(0);
}

void refused(const std::string& row, const std::string& part) {
  tests::expect_input_error([&] { parse_aiconfigurator(kHeader + row + "\n", "t.csv"); }, "E_VALUE",
                            "t.csv:2", part);
}

TEST(MlaRow, DecodeStep) {
  const auto row =
      read("FLASHMLA,deepseek-ai/DeepSeek-V3,bfloat16,fp8,fp8_block,16,32,1,1,1024,0.14");
  EXPECT_TRUE(row.decode);
  EXPECT_EQ(row.path, LatentPath::absorbed);
  EXPECT_DOUBLE_EQ(row.origin.seconds, 140e-6);
  EXPECT_EQ(row.origin.precision, Precision::fp8_block) << "of the products";
  EXPECT_EQ(row.shape.kv_precision, Precision::fp8);
  EXPECT_EQ(row.shape.heads, 16);
  EXPECT_EQ(row.hidden, 7168);
  EXPECT_DOUBLE_EQ(row.sequences, 32.0);
  EXPECT_DOUBLE_EQ(row.history, 1025.0) << "the new token attends to itself";
}

TEST(MlaRow, KernelSaysHowAPromptRan) {
  const std::string rest = ",deepseek-ai/DeepSeek-V3,bfloat16,bfloat16,bfloat16,128,2,512,1,0,0.5";
  EXPECT_EQ(read("FLASH_ATTN" + rest).path, LatentPath::expanded);
  const auto row = read("FLASH_ATTN_MLA" + rest);
  EXPECT_EQ(row.path, LatentPath::absorbed);
  EXPECT_FALSE(row.decode);
  EXPECT_DOUBLE_EQ(row.chunk, 512.0);
  EXPECT_DOUBLE_EQ(row.history, 0.0);
}

TEST(MlaRow, APromptOfOneTokenIsADecodeStep) {
  EXPECT_TRUE(
      read("FLASH_ATTN_MLA,deepseek-ai/DeepSeek-V3,bfloat16,bfloat16,bfloat16,1,4,1,1,0,0.07")
          .decode);
}

TEST(MlaRow, RefusesWhatItCannotPlace) {
  refused("FLASHMLA,some/Other,bfloat16,fp8,fp8_block,16,32,1,1,1024,0.14", "some/Other");
  refused("FLASHMLA,deepseek-ai/DeepSeek-V3,bfloat16,fp8,fp8_block,16,32,1,8,1024,0.14",
          "before or after the split");
  refused("FLASHMLA,deepseek-ai/DeepSeek-V3,fp8,fp8,fp8_block,16,32,1,1,1024,0.14", "16 bits");
  refused("CUTLASS_MLA,deepseek-ai/DeepSeek-V3,bfloat16,fp8,fp8_block,16,32,1,1,1024,0.14",
          "CUTLASS_MLA");
  refused("FLASH_ATTN,deepseek-ai/DeepSeek-V3,bfloat16,fp8,fp8_block,16,32,1,1,1024,0.14",
          "decoding sequences");
}

}  // namespace
}  // namespace moeplan
