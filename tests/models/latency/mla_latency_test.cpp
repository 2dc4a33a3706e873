// Latent attention: the formulas by hand, which law answers, and what it says about its range.
#include "models/latency/mla_latency.hpp"

#include <gtest/gtest.h>

#include "models/architecture/counts.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/cost_laws.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using models::FittedLaw;
using models::LatentPath;
using models::LatentShape;
using models::MlaLatency;
using models::Precision;
using models::PrefillBatch;

FittedLaw law_of(const char* form, const char* dtype, double bits) {
  FittedLaw law;
  law.info = {.kernel = "mla",
              .dtype = dtype,
              .form = form,
              .source = "test",
              .domain = {{"heads", {1, 128}}, {"latent_row", {12, 576}}, {"value_dim", {4, 128}}}};
  law.theta = {{"launch_s", 10e-6}, {"compute_flops", 1e15}, {"bandwidth_Bps", 1e12}};
  law.constants = {{"projection_bits", bits}};
  return law;
}

FittedLaw decode_law(const char* dtype, double bits = 16) {
  FittedLaw law = law_of("mla_decode_v1", dtype, bits);
  law.theta["sequence_s"] = 100e-9;
  law.theta["head_s"] = 5e-9;
  law.info.domain["sequences"] = {1, 256};
  law.info.domain["kv_tokens"] = {1, 1000};
  return law;
}

FittedLaw prompt_law(const char* dtype, bool absorbed, double longest, double bits = 16) {
  FittedLaw law = law_of("mla_prefill_v1", dtype, bits);
  law.theta["token_s"] = 20e-9;
  law.constants["absorbed"] = absorbed ? 1.0 : 0.0;
  law.info.domain["chunk"] = {16, longest};
  law.info.domain["history"] = {0, 0};
  return law;
}

// 2 heads, latent 8 + rope 4, nope 6, v 4: absorbed width 2 (2 x 8 + 4) = 40, expanded 2 (6 + 4 +
// 4) = 28, expansion 2 (6 + 4) x 8.
constexpr LatentShape kTiny{
    .heads = 2, .kv_lora_rank = 8, .qk_nope_head_dim = 6, .qk_rope_head_dim = 4, .v_head_dim = 4};
constexpr LatentShape kDeepSeek{.heads = 16,
                                .kv_lora_rank = 512,
                                .qk_nope_head_dim = 128,
                                .qk_rope_head_dim = 64,
                                .v_head_dim = 128};

MlaLatency plain() {
  return MlaLatency({decode_law("bf16"), prompt_law("bf16", false, 4096)}, Precision::bf16);
}

TEST(MlaLatency, DecodeByHand) {
  // 10 us + 3 sequences (100 + 2 x 5) ns + 50 tokens x 12 x 2 B at 1 B/ps.
  EXPECT_NEAR(in_seconds(plain().decode(kTiny, 3, 50).duration), 10e-6 + 3 * 110e-9 + 50 * 24e-12,
              1e-18);
}

TEST(MlaLatency, DecodeReadsTheLatentOnceOrComputes) {
  // 576 x 2 B at 1 B/ps = 1.152 ns a token; 2 x 16 x 1088 FLOP at 1e15 = 0.035 ns.
  EXPECT_NEAR(in_seconds(plain().decode_line(kDeepSeek, 4).per_kv_token), 1.152e-9, 1e-15);
  LatentShape wide = kDeepSeek;
  wide.heads = 1024;  // 2 x 1024 x 1088 / 1e15 = 2.228 ns: compute rules
  EXPECT_NEAR(in_seconds(plain().decode_line(wide, 4).per_kv_token), 2.228224e-9, 1e-15);
}

TEST(MlaLatency, PromptsByHand) {
  // One prompt of 10 tokens: products 50.
  //   expanded: 10 us + 10 x 20 ns + 2 x 28 x 50 / 1e15 + 2 x 28 x (10 + 10) / 1e12
  //   absorbed: 10 us + 10 x 20 ns + 2 x 40 x 50 / 1e15 + (2 x 40 x 10 + 24 x 10) / 1e12
  const MlaLatency law(
      {decode_law("bf16"), prompt_law("bf16", false, 4096), prompt_law("bf16", true, 512)},
      Precision::bf16);
  PrefillBatch batch;
  batch.add(10, 0);
  const auto seconds = [&](LatentPath path, const PrefillBatch& prompts, bool launched = true) {
    return in_seconds(law.prefill(kTiny, path, prompts, launched).duration);
  };
  EXPECT_NEAR(seconds(LatentPath::expanded, batch), 10.2e-6 + 2800e-15 + 1120e-12, 1e-18);
  EXPECT_NEAR(seconds(LatentPath::absorbed, batch), 10.2e-6 + 4000e-15 + 1040e-12, 1e-18);
  EXPECT_NEAR(seconds(LatentPath::absorbed, batch, false), 0.2e-6 + 4000e-15 + 1040e-12, 1e-18);
  // The same after 30 cached tokens: products 10 x (30 + 5), their latents expanded again, 2 x 160
  // x 30 FLOP, and 30 more keys and values moved.
  PrefillBatch later;
  later.add(10, 30);
  EXPECT_NEAR(seconds(LatentPath::expanded, later),
              10.2e-6 + (2 * 28 * 350 + 9600) * 1e-15 + 2 * 28 * 50 * 1e-12, 1e-18);
  EXPECT_TRUE(law.prefill(kTiny, LatentPath::expanded, later).extrapolated) << "never measured";
  EXPECT_DOUBLE_EQ(law.absorbed_up_to(kTiny), 512.0);
  EXPECT_DOUBLE_EQ(plain().absorbed_up_to(kTiny), 0.0) << "no law, no such path";
}

TEST(MlaLatency, ProductsAreTheWeightsOfTheArchitecture) {
  // Of all heads together they are what counts.hpp counts as attention weights: once with a
  // q_lora_rank (DeepSeek-V3), once without (V2-Lite).
  for (const char* name : {"deepseek-v3", "deepseek-v2-lite"}) {
    const models::SmoeArchitecture a = models::load_architecture(name);
    const auto& mla = std::get<models::LatentAttention>(a.layers[0].attention);
    const LatentShape shape{.heads = mla.heads,
                            .kv_lora_rank = mla.kv_lora_rank,
                            .qk_nope_head_dim = mla.qk_nope_head_dim,
                            .qk_rope_head_dim = mla.qk_rope_head_dim,
                            .v_head_dim = mla.v_head_dim};
    const models::ProductShape expansion = latent_expansion(shape);
    std::int64_t weights = expansion.columns * expansion.inner;
    for (const auto& product : latent_projections(shape, a.hidden, mla.q_lora_rank)) {
      weights += product.columns * product.inner;
    }
    EXPECT_EQ(weights, layer_parameters(a, a.layers[0]).attention) << name;
  }
}

TEST(MlaLatency, TheLawOfCacheAndProductsAnswers) {
  FittedLaw bf16 = decode_law("bf16", 16);
  FittedLaw quantised = decode_law("bf16", 8);
  FittedLaw eight = decode_law("fp8", 8);
  quantised.theta["launch_s"] = 11e-6;
  eight.theta["launch_s"] = 12e-6;
  const std::vector<FittedLaw> laws{bf16, quantised, eight, prompt_law("bf16", false, 4096, 16)};
  const auto launch = [&](Precision weights, Precision kv) {
    LatentShape shape = kTiny;
    shape.kv_precision = kv;
    return in_microseconds(MlaLatency(laws, weights).decode_line(shape, 0).base);
  };
  EXPECT_DOUBLE_EQ(launch(Precision::bf16, Precision::bf16), 10.0);
  EXPECT_DOUBLE_EQ(launch(Precision::w4a16, Precision::bf16), 10.0) << "16-bit inputs";
  EXPECT_DOUBLE_EQ(launch(Precision::fp8_block, Precision::bf16), 11.0);
  EXPECT_DOUBLE_EQ(launch(Precision::fp8, Precision::fp8), 12.0);
  // No 16-bit products beside an 8-bit cache: the cache decides, and it is said.
  LatentShape shape = kTiny;
  shape.kv_precision = Precision::fp8;
  const MlaLatency law(laws, Precision::bf16);
  EXPECT_DOUBLE_EQ(in_microseconds(law.decode_line(shape, 0).base), 12.0);
  EXPECT_TRUE(law.decode(shape, 1, 1).extrapolated);
}

TEST(MlaLatency, SaysWhenItExtrapolates) {
  const MlaLatency law = plain();
  EXPECT_FALSE(law.decode(kTiny, 4, 4000).extrapolated);
  EXPECT_TRUE(law.decode(kTiny, 4, 4001).extrapolated) << "1000 tokens a sequence";
  EXPECT_TRUE(law.decode(kTiny, 257, 257).extrapolated);
  LatentShape shape = kTiny;
  shape.heads = 129;
  EXPECT_TRUE(law.decode(shape, 4, 4).extrapolated);
  shape = kTiny;
  shape.v_head_dim = 256;
  EXPECT_TRUE(law.decode(shape, 4, 4).extrapolated);
}

TEST(MlaLatency, RefusesOtherForms) {
  FittedLaw wrong = decode_law("bf16");
  wrong.info.form = "attention_decode_v1";
  tests::expect_input_error([&] { MlaLatency({wrong}, Precision::bf16); }, "E_VALUE",
                            "attention_decode_v1", "mla_decode_v1");
  FittedLaw half = prompt_law("bf16", false, 4096);
  half.constants["absorbed"] = 0.5;
  tests::expect_input_error(
      [&] {
        MlaLatency({decode_law("bf16"), half}, Precision::bf16);
      },
      "E_RANGE", "absorbed", "0.5");
  EXPECT_THROW(MlaLatency({decode_law("bf16")}, Precision::bf16), std::logic_error);
}

// The shipped laws of H100 and those of a data sheet.
TEST(MlaLatency, NeverFallsInWorkOrHeads) {
  const models::Gpu gpu = models::load_gpu("h100-sxm");
  const models::Profile profile = models::load_profile(models::profile_path("h100-sxm"));
  for (const models::Profile* from : {&profile, static_cast<const models::Profile*>(nullptr)}) {
    for (const Precision weights : {Precision::bf16, Precision::fp8_block}) {
      for (const Precision kv : {Precision::bf16, Precision::fp8}) {
        const models::CostLaws laws = make_cost_laws(gpu, models::load_fabric(gpu.fabric), nullptr,
                                                     from, {.weights = weights});
        LatentShape shape = kDeepSeek;
        shape.kv_precision = kv;
        LatentShape more = shape;
        more.heads = 2 * shape.heads;
        double last = 0.0;
        for (double n = 1; n <= 1024; n *= 2) {
          const double time = in_seconds(laws.mla.decode(shape, n, 1000 * n).duration);
          EXPECT_GT(time, last);
          EXPECT_GE(in_seconds(laws.mla.decode(more, n, 1000 * n).duration), time);
          last = time;
        }
        EXPECT_EQ(laws.mla.decode(shape, 64, 64000).extrapolated, false);
        last = 0.0;
        for (double chunk = 1024; chunk <= 32768; chunk *= 2) {
          PrefillBatch batch;
          batch.add(chunk, 0);
          const auto estimate = laws.mla.prefill(shape, LatentPath::expanded, batch);
          EXPECT_FALSE(estimate.extrapolated);
          EXPECT_GT(in_seconds(estimate.duration), last);
          EXPECT_GE(in_seconds(laws.mla.prefill(more, LatentPath::expanded, batch).duration),
                    in_seconds(estimate.duration));
          last = in_seconds(estimate.duration);
        }
        EXPECT_EQ(laws.mla.info().front().datasheet, from == nullptr);
      }
    }
  }
}

}  // namespace
}  // namespace moeplan
