#include "calibrate/import/llmservingsim.hpp"

#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan {
namespace {

using calibrate::parse_llmservingsim;
using tests::expect_input_error;

// A run of Qwen3-30B-A3B (hidden 2048, 32 heads, 4 KV heads of 128, 128 experts of 768, top-8,
// vocabulary 151936); the overrides are those of one of two ranks.
const std::string kMeta =
    "vllm_version: 0.19.0\nmodel: Qwen/Qwen3-30B-A3B-Instruct-2507\nvariant: bf16\n"
    "tp_degrees: [1, 2]\nengine_effective:\n  hf_overrides:\n    num_attention_heads: 16\n"
    "    num_key_value_heads: 2\n    vocab_size: 75968\n";
const std::string kMoe = "tokens,activated_experts,time_us\n";
const std::string kAttention = "prefill_chunk,kv_prefill,n_decode,kv_decode,time_us\n";
const std::string kDense = "layer,tokens,time_us\n";
const std::string kSequence = "layer,sequences,time_us\n";

class LlmServingSim : public testing::Test {
 protected:
  void SetUp() override { meta(kMeta); }
  void meta(const std::string& text) const {
    text::write_file(folder_.path() / "x_meta.yaml", text);
  }
  std::string file(const std::string& name) const { return (folder_.path() / name).string(); }
  models::Measurements read(const std::string& content, const std::string& name) const {
    return parse_llmservingsim(content, file(name));
  }
  void refused(const std::string& content, const std::string& name, const std::string& code,
               const std::string& part) const {
    expect_input_error([&] { read(content, name); }, code, part);
  }

 private:
  tests::TemporaryDirectory folder_;
};

TEST_F(LlmServingSim, ExpertsAreForced) {
  const auto row = read(kMoe + "2,16,134.976\n", "x_tp1_moe.csv").experts.at(0);
  EXPECT_DOUBLE_EQ(row.origin.seconds, 134.976e-6);
  EXPECT_DOUBLE_EQ(row.load.pairs, 16.0);
  EXPECT_DOUBLE_EQ(row.load.active_experts, 16.0);
  EXPECT_EQ(row.shape.hidden, 2048);
  EXPECT_EQ(row.shape.intermediate, 768);
  EXPECT_EQ(row.shape.experts, 128);
  EXPECT_TRUE(row.origin.repeated);
  EXPECT_EQ(row.origin.kernel_source, "llmservingsim_vllm_0.19.0");
  EXPECT_EQ(read(kMoe + "2,16,70\n", "x_tp2_moe.csv").experts.at(0).shape.intermediate, 384);
}

TEST_F(LlmServingSim, ShapesAreOfTheTablesOwnDegree) {
  // q, k and v together: (32 + 2 x 4) x 128 columns on one rank, half of them on each of two.
  EXPECT_EQ(read(kDense + "qkv_proj,4,13\n", "x_tp1_dense.csv").dense.at(0).columns, 5120);
  EXPECT_EQ(read(kDense + "qkv_proj,4,13\n", "x_tp2_dense.csv").dense.at(0).columns, 2560);
  EXPECT_EQ(read(kDense + "o_proj,4,9\n", "x_tp1_dense.csv").dense.at(0).inner, 4096);
  EXPECT_EQ(read(kSequence + "lm_head,4,420\n", "x_tp1_per_sequence.csv").dense.at(0).columns,
            151936);
}

TEST_F(LlmServingSim, OtherLayersPassData) {
  const auto file = read(kDense + "layernorm,10,2\nrotary_emb,10,3\n", "x_tp1_dense.csv");
  ASSERT_EQ(file.streams.size(), 2u);
  EXPECT_EQ(file.streams[0].kernel, "permute");
  EXPECT_DOUBLE_EQ(file.streams[0].bytes, 10.0 * 2048 * 2 * 4) << "two reads, two writes";
  EXPECT_DOUBLE_EQ(file.streams[1].bytes, 10.0 * 36 * 128 * 2 * 2);
}

TEST_F(LlmServingSim, AttentionIsPrefillOrDecode) {
  const auto file =
      read(kAttention + "0,0,2,16,12.2\n16,1024,0,0,28.5\n16,0,2,16,30\n", "x_tp1_attention.csv");
  ASSERT_EQ(file.attention.size(), 2u);
  EXPECT_TRUE(file.attention[0].decode);
  EXPECT_DOUBLE_EQ(file.attention[0].sequences, 2.0);
  EXPECT_DOUBLE_EQ(file.attention[0].history, 17.0) << "the new token is read too";
  EXPECT_FALSE(file.attention[1].decode);
  EXPECT_DOUBLE_EQ(file.attention[1].chunk, 16.0);
  EXPECT_DOUBLE_EQ(file.attention[1].history, 1024.0);
  ASSERT_EQ(file.notes.size(), 1u);
  EXPECT_NE(file.notes[0].find("1 attention rows left out"), std::string::npos) << file.notes[0];
}

TEST_F(LlmServingSim, V0IsInNanosecondsAndNamesItsModelInThePath) {
  const auto file = read(
      "layer_name,input,kv_cache,tp_size,latency(ns)\nexpert.w1,8,0,2,21000\ngate,8,0,1,43000\n",
      "v0_h100_mixtral8x7b_layers.csv");
  EXPECT_DOUBLE_EQ(file.dense.at(0).origin.seconds, 21e-6);
  EXPECT_EQ(file.dense[0].columns, 7168);  // 14336 over two ranks
  EXPECT_EQ(file.dense[0].inner, 4096);
  EXPECT_EQ(file.dense[1].columns, 8);
}

TEST_F(LlmServingSim, RefusesBadRowsWithTheirLine) {
  refused(kMoe + "2,16,130\n2,4,130\n", "x_tp1_moe.csv", "E_RANGE", "x_tp1_moe.csv:3");
  refused(kMoe + "1,16,130\n", "x_tp1_moe.csv", "E_RANGE", "1 tokens of top-8 cannot use 16");
  refused(kMoe + "2,16,130\n2,16,131\n", "x_tp1_moe.csv", "E_DUPLICATE", "line 2");
  refused(kMoe + "2,16,nan\n", "x_tp1_moe.csv", "E_TYPE", "nan");
  refused(kMoe + "2,16,****\n", "x_tp1_moe.csv", "E_TYPE", "****");
  refused(kDense + "mlp,4,9\n", "x_tp1_dense.csv", "E_VALUE", "qkv_proj");
  refused(kAttention + "0,0,0,0,3\n", "x_tp1_attention.csv", "E_RANGE", "neither");
  refused("layer_name,input,kv_cache,tp_size,latency(ns)\nw9,8,0,1,21000\n",
          "v0_mixtral8x7b_layers.csv", "E_VALUE", "expert.w1");
}

TEST_F(LlmServingSim, NeedsTheRunsMetaFile) {
  refused(kMoe + "2,16,130\n", "y_tp1_moe.csv", "E_IO", "y_meta.yaml");
  refused(kMoe + "2,16,130\n", "moe.csv", "E_MISSING", "tpN");
  refused("layer_name,input,kv_cache,tp_size,latency(ns)\ngate,8,0,1,21000\n", "layers.csv",
          "E_MISSING", "catalog");
  meta("vllm_version: 0.19.0\nmodel: nobody/knows\nvariant: bf16\n");
  refused(kMoe + "2,16,130\n", "x_tp1_moe.csv", "E_MISSING", "nobody/knows");
  meta("vllm_version: 0.19.0\nmodel: Qwen/Qwen3-30B-A3B\nvariant: fp8\n");
  refused(kMoe + "2,16,130\n", "x_tp1_moe.csv", "E_VALUE", "variant");
  std::string other = kMeta;
  other.replace(other.find("heads: 16"), 9, "heads: 12");
  meta(other);
  refused(kMoe + "2,16,130\n", "x_tp1_moe.csv", "E_VALUE", "12 times");
}

}  // namespace
}  // namespace moeplan
