// Parameters, FLOPs and KV bytes against published totals and hand arithmetic.

#include "models/architecture/counts.hpp"

#include <gtest/gtest.h>

#include "models/architecture/read_architecture.hpp"
#include "tests/models/architecture/configs.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::tests {
namespace {

using models::count_parameters;
using models::Parameters;
using models::Precision;
using models::SmoeArchitecture;

SmoeArchitecture catalog(const std::string& id) {
  return models::read_catalog_architecture(data_dir() / "architectures", id);
}

// Embeddings and head 2 x 151936 x 2048 = 622,329,856; a layer: attention 2 x 2048 x 128 x
// (32 + 4) = 18,874,368, router 2048 x 128 = 262,144, experts 128 x 3 x 2048 x 768 = 603,979,776,
// norms 2 x 2048 + 2 x 128 = 4,352: 623,120,640; x 48 = 29,909,790,720; + final norm 2,048.
// Model card: 30.5B total, 3.3B active (docs.vllm.ai/projects/ascend Qwen3-30B-A3B tutorial).
TEST(Counts, Qwen3_30B_A3B) {
  const Parameters p = count_parameters(catalog("qwen3-30b-a3b"));
  EXPECT_EQ(p.total(), 30'532'122'624);
  // 120 idle experts of 4,718,592 weights in 48 layers = 27,179,089,920.
  EXPECT_EQ(p.active, 30'532'122'624 - 27'179'089'920);
  EXPECT_NEAR(static_cast<double>(p.total()) / 1e9, 30.5, 0.05);
  EXPECT_NEAR(static_cast<double>(p.active) / 1e9, 3.3, 0.06);
}

// Published: 46.7B and 12.9B (mistral.ai, "Mixtral of experts", 2023-12-11); 141B and 39B
// (mistral.ai, "Cheaper, better, faster, stronger", 2024-04-17).
TEST(Counts, Mixtral) {
  const Parameters small = count_parameters(catalog("mixtral-8x7b"));
  EXPECT_NEAR(static_cast<double>(small.total()) / 1e9, 46.7, 0.05);
  EXPECT_NEAR(static_cast<double>(small.active) / 1e9, 12.9, 0.05);
  const Parameters large = count_parameters(catalog("mixtral-8x22b"));
  EXPECT_NEAR(static_cast<double>(large.total()) / 1e9, 141.0, 0.5);
  EXPECT_NEAR(static_cast<double>(large.active) / 1e9, 39.0, 0.5);
}

// Published: 235B and 22B; 8.03B and 70.6B (Llama 3.1 model pages); 32.8B.
TEST(Counts, OtherModels) {
  const Parameters qwen = count_parameters(catalog("qwen3-235b-a22b"));
  EXPECT_NEAR(static_cast<double>(qwen.total()) / 1e9, 235.0, 0.5);
  EXPECT_NEAR(static_cast<double>(qwen.active) / 1e9, 22.0, 0.5);
  EXPECT_NEAR(static_cast<double>(count_parameters(catalog("llama-3.1-8b")).total()) / 1e9, 8.03,
              0.005);
  const Parameters llama = count_parameters(catalog("llama-3.1-70b"));
  EXPECT_NEAR(static_cast<double>(llama.total()) / 1e9, 70.6, 0.06);
  EXPECT_EQ(llama.active, llama.total());  // dense
  EXPECT_NEAR(static_cast<double>(count_parameters(catalog("qwen3-32b")).total()) / 1e9, 32.8,
              0.05);
}

// Published: 671B and 37B, MTP left out (DeepSeek-V3 technical report, arXiv:2412.19437).
TEST(Counts, DeepseekV3) {
  const Parameters p = count_parameters(read_config(full_deepseek_v3()));
  EXPECT_NEAR(static_cast<double>(p.total()) / 1e9, 671.0, 0.5);
  EXPECT_NEAR(static_cast<double>(p.active) / 1e9, 37.0, 0.6);
}

// GPT-2 small has 124,439,808 parameters, medium 354,823,168 (sizes of the published checkpoints).
// The paper's models are these with MoE layers: for X experts in half the layers, each layer's own
// FFN (2 h I + I + h) becomes X of them and a router h X:
//   354M: 12 (X (2 x 1024 x 4096 + 5120) + 1024 X) + 354,823,168 - 12 (8,388,608 + 5120)
TEST(Counts, PaperModels) {
  constexpr std::int64_t kExpert = 2 * 1024 * 4096 + 4096 + 1024;
  for (const std::int64_t experts : {8, 32, 64, 128}) {
    const Parameters p = count_parameters(catalog("paper-354m-" + std::to_string(experts) + "e"));
    EXPECT_EQ(p.total(), 354'823'168 + 12 * ((experts - 1) * kExpert + 1024 * experts));
  }
  // 12 x X x 2 x 1024 x 4096 + about 253M: 1.06B, 6.7B, 13.1B (paper.md 1).
  const auto billions = [](const std::string& id) {
    return static_cast<double>(count_parameters(catalog(id)).total()) / 1e9;
  };
  EXPECT_NEAR(billions("paper-354m-8e"), 1.06, 0.005);
  EXPECT_NEAR(billions("paper-354m-64e"), 6.7, 0.01);
  EXPECT_NEAR(billions("paper-354m-128e"), 13.1, 0.06);
  // 124M with 8 experts in 6 of 12 layers.
  constexpr std::int64_t kSmall = 2 * 768 * 3072 + 3072 + 768;
  EXPECT_EQ(count_parameters(catalog("paper-124m-8e")).total(),
            124'439'808 + 6 * (7 * kSmall + 768 * 8));
}

// Top-1 of 32 experts: what one token uses is the dense GPT-2 medium and the routers.
TEST(Counts, ActiveOfThePaperIsTheBackbone) {
  EXPECT_EQ(count_parameters(catalog("paper-354m-32e")).active, 354'823'168 + 12 * 1024 * 32);
}

// Mixtral-8x7B, one token, 1000 keys: a layer 2 (attention 2 x 4096 x 128 (32 + 8) = 41,943,040;
// router 32,768; 2 experts 2 x 3 x 4096 x 14336 = 352,321,536) + 4 x 32 x 128 x 1000 = 16,384,000.
TEST(Counts, FlopsPerToken) {
  const SmoeArchitecture a = catalog("mixtral-8x7b");
  const double layer = 2.0 * (41'943'040.0 + 32'768.0 + 352'321'536.0) + 16'384'000.0;
  EXPECT_DOUBLE_EQ(models::layer_flops(a, a.layers[0], 1000.0).value(), layer);
  EXPECT_DOUBLE_EQ(models::flops_per_token(a, 1000.0).value(),
                   32.0 * layer + 2.0 * 32000.0 * 4096.0);
}

TEST(Counts, WindowBoundsTheKeys) {
  SmoeArchitecture a = catalog("mixtral-8x7b");
  std::get<models::GroupedQueryAttention>(a.layers[0].attention).window = 512;
  EXPECT_EQ(models::layer_flops(a, a.layers[0], 4096.0),
            models::layer_flops(a, a.layers[1], 512.0));
  EXPECT_EQ(models::layer_flops(a, a.layers[0], 256.0), models::layer_flops(a, a.layers[1], 256.0));
}

// One key: prefill 2 x 128 (128 + 64 + 128), absorbed decode 2 x 128 (2 x 512 + 64).
TEST(Counts, FlopsOfLatentAttention) {
  const SmoeArchitecture a = read_config(full_deepseek_v3());
  const models::Attention& mla = a.layers[0].attention;
  EXPECT_DOUBLE_EQ(models::attention_flops_per_key(mla, models::AttentionPhase::prefill).value(),
                   2.0 * 128.0 * 320.0);
  EXPECT_DOUBLE_EQ(models::attention_flops_per_key(mla, models::AttentionPhase::decode).value(),
                   2.0 * 128.0 * 1088.0);
}

// Qwen3-30B: 48 layers x 2 x 4 x 128 x 2 B = 98,304 B; DeepSeek-V3: 61 x (512 + 64) x 2 B.
TEST(Counts, KvBytesPerToken) {
  const SmoeArchitecture qwen = catalog("qwen3-30b-a3b");
  EXPECT_EQ(models::kv_bytes_per_token(qwen, Precision::bf16), Bytes(98304.0));
  EXPECT_EQ(models::kv_bytes_per_token(qwen, Precision::fp8), Bytes(49152.0));
  EXPECT_EQ(models::kv_bytes_per_token(read_config(full_deepseek_v3()), Precision::bf16),
            Bytes(61.0 * 576.0 * 2.0));
}

}  // namespace
}  // namespace moeplan::tests
