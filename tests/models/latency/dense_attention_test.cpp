#include <gtest/gtest.h>

#include "models/latency/attention_latency.hpp"
#include "models/latency/dense_latency.hpp"
#include "models/latency/host_latency.hpp"
#include "models/latency/stream_latency.hpp"

namespace moeplan {
namespace {

using models::AttentionLatency;
using models::AttentionShape;
using models::DenseLatency;
using models::FittedLaw;
using models::Precision;

FittedLaw law_of(const char* kernel, const char* form, const char* dtype,
                 std::map<std::string, double> theta,
                 std::map<std::string, models::Interval> domain) {
  FittedLaw law;
  law.info = {.kernel = kernel, .dtype = dtype, .form = form, .source = "test", .domain = domain};
  law.theta = theta;
  return law;
}

FittedLaw dense_law() {
  return law_of(
      "dense", "dense_pnorm_v1", "bf16",
      {{"launch_s", 4e-6}, {"bandwidth_Bps", 1e12}, {"compute_flops", 1e14}, {"norm", 1.0}},
      {{"rows", {1, 4096}}, {"columns", {1024, 8192}}, {"inner", {1024, 8192}}});
}

FittedLaw decode_law(const char* dtype) {
  return law_of("attention_decode", "attention_decode_v1", dtype,
                {{"launch_s", 10e-6}, {"sequence_s", 20e-9}, {"bandwidth_Bps", 1e12}},
                {{"sequences", {1, 512}},
                 {"kv_tokens", {1, 65536}},
                 {"heads", {8, 64}},
                 {"kv_heads", {1, 8}},
                 {"head_dim", {64, 128}}});
}

FittedLaw prefill_law() {
  return law_of("attention_prefill", "attention_prefill_v1", "bf16",
                {{"launch_s", 10e-6}, {"compute_flops", 1e14}, {"bandwidth_Bps", 1e12}},
                {{"chunk", {1, 16384}},
                 {"history", {0, 0}},
                 {"heads", {8, 64}},
                 {"kv_heads", {1, 8}},
                 {"head_dim", {64, 128}}});
}

constexpr AttentionShape kShape{.heads = 32, .kv_heads = 8, .head_dim = 128};

TEST(DenseLatency, AddsLaunchBytesAndFlops) {
  const DenseLatency law(dense_law(), Precision::bf16);
  EXPECT_DOUBLE_EQ(in_microseconds(law.estimate(0.0, 2048, 2048).duration), 4.0);
  // 16 rows x 2048 x 4096: weights 16.78 MB, input 131 kB, output 65.5 kB at 1 B/ps; 0.268 GFLOP
  // at 100 TFLOP/s = 2.684 us.
  const double expected = 4.0 + (2.0 * 2048 * 4096 + 2.0 * 16 * 4096 + 2.0 * 16 * 2048) / 1e6 +
                          2.0 * 16 * 2048 * 4096 / 1e8;
  EXPECT_NEAR(in_microseconds(law.estimate(16.0, 2048, 4096).duration), expected, 1e-9);
  EXPECT_FALSE(law.estimate(16.0, 2048, 4096).extrapolated);
  EXPECT_TRUE(law.estimate(5000.0, 2048, 4096).extrapolated);
  EXPECT_TRUE(law.estimate(16.0, 512, 4096).extrapolated);
}

TEST(DenseLatency, QuantisedWeightsReadFewerBytesAndQuantiseTheirInput) {
  FittedLaw law = dense_law();
  const double plain =
      in_seconds(DenseLatency(law, Precision::bf16).estimate(1, 4096, 4096).duration);
  const double small =
      in_seconds(DenseLatency(law, Precision::fp8).estimate(1, 4096, 4096).duration);
  EXPECT_NEAR((small - 4e-6) / (plain - 4e-6), 0.5, 0.02);
  law.theta["quantise_elements_per_s"] = 1e12;
  const double with =
      in_seconds(DenseLatency(law, Precision::fp8).estimate(1000, 4096, 4096).duration);
  const double without =
      in_seconds(DenseLatency(dense_law(), Precision::fp8).estimate(1000, 4096, 4096).duration);
  EXPECT_NEAR(with - without, 1000.0 * 4096 / 1e12, 1e-12);
}

TEST(AttentionLatency, DecodeIsALineInTheCache) {
  const AttentionLatency law({decode_law("bf16")}, {prefill_law()});
  const auto line = law.decode_line(kShape, 64.0);
  for (const double tokens : {0.0, 64.0, 1e5, 3.7e6}) {
    EXPECT_NEAR(in_seconds(law.decode(kShape, 64.0, tokens).duration),
                in_seconds(line.base) + tokens * in_seconds(line.per_kv_token), 1e-15);
  }
  // 2 x 8 heads x 128 x 2 B = 4096 B a token at 1 B/ps; base 10 us + 64 x 8 x 20 ns.
  EXPECT_NEAR(in_microseconds(line.per_kv_token), 4096e-6, 1e-12);
  EXPECT_NEAR(in_microseconds(line.base), 10.0 + 64 * 8 * 0.02, 1e-9);
}

TEST(AttentionLatency, PrefillIsCausal) {
  const AttentionLatency law({decode_law("bf16")}, {prefill_law()});
  // A prompt in one piece does the work of its two halves, one after the other: the FLOPs are
  // c^2 / 2 = (c/2)^2 / 2 + (c/2)(c/2 + c/4).
  FittedLaw flops = prefill_law();
  flops.theta["bandwidth_Bps"] = 1e20;
  const AttentionLatency no_bytes({decode_law("bf16")}, {flops});
  const auto of = [&](double chunk, double history) {
    return in_seconds(no_bytes.prefill(kShape, chunk, history).duration) - 10e-6;
  };
  EXPECT_NEAR(of(4096, 0), of(2048, 0) + of(2048, 2048), 1e-12);
  EXPECT_NEAR(of(4096, 0), 4.0 * 32 * 128 * 4096 * 2048 / 1e14, 1e-12);
  EXPECT_FALSE(law.prefill(kShape, 4096, 0).extrapolated);
  EXPECT_TRUE(law.prefill(kShape, 4096, 1).extrapolated) << "no history in the table";
}

TEST(AttentionLatency, RaggedPromptsPayTheLaunchOnce) {
  const AttentionLatency law({decode_law("bf16")}, {prefill_law()});
  models::PrefillBatch batch;
  batch.add(4096, 0);
  batch.add(100, 0);
  batch.add(7, 0, 3);  // three of a kind
  const auto alone = [&](double chunk) {
    return in_seconds(law.prefill(kShape, chunk, 0).duration) - 10e-6;
  };
  EXPECT_NEAR(in_seconds(law.prefill(kShape, batch).duration),
              10e-6 + alone(4096) + alone(100) + 3.0 * alone(7), 1e-12);
  EXPECT_FALSE(law.prefill(kShape, batch).extrapolated);
  batch.add(1, 1);
  EXPECT_TRUE(law.prefill(kShape, batch).extrapolated) << "one piece outside is enough";
  EXPECT_DOUBLE_EQ(in_microseconds(law.prefill(kShape, models::PrefillBatch{}).duration), 10.0);
}

TEST(AttentionLatency, AnEightBitCacheUsesItsOwnLaw) {
  FittedLaw eight = decode_law("fp8");
  eight.theta["launch_s"] = 12e-6;
  const AttentionLatency both({decode_law("bf16"), eight}, {prefill_law()});
  AttentionShape shape = kShape;
  EXPECT_DOUBLE_EQ(in_microseconds(both.decode(shape, 0, 0).duration), 10.0);
  shape.kv_precision = Precision::fp8;
  EXPECT_DOUBLE_EQ(in_microseconds(both.decode(shape, 0, 0).duration), 12.0);
  EXPECT_NEAR(in_seconds(both.decode(shape, 1, 1e6).duration - both.decode(shape, 1, 0).duration),
              1e6 * 2048 / 1e12, 1e-12);
  EXPECT_TRUE(both.prefill(shape, 128, 0).extrapolated) << "no 8-bit prefill law";
}

TEST(PrefillBatch, AWindowBoundsWhatATokenSees) {
  // 100 tokens after 20 cached ones, window 60: the first 40 see 20 to 60 tokens, 40 x 40 products;
  // the other 60 see 60 each.
  models::PrefillBatch batch;
  batch.add(100, 20, 1, 60);
  EXPECT_DOUBLE_EQ(batch.products, 40.0 * 40.0 + 60.0 * 60.0);
  EXPECT_DOUBLE_EQ(batch.kv_tokens, 120.0);
  // History beyond the window is not read: 60 cached tokens, all see 60.
  models::PrefillBatch late;
  late.add(100, 5000, 2, 60);
  EXPECT_DOUBLE_EQ(late.products, 2 * 100.0 * 60.0);
  EXPECT_DOUBLE_EQ(late.kv_tokens, 2 * 160.0);
  EXPECT_DOUBLE_EQ(late.longest_history, 60.0);
  // A window that nothing exceeds changes nothing.
  models::PrefillBatch wide;
  models::PrefillBatch plain;
  wide.add(100, 20, 1, 120);
  plain.add(100, 20);
  EXPECT_DOUBLE_EQ(wide.products, plain.products);
}

TEST(AttentionLatency, SaysUpToWhereTheLineIsInside) {
  const AttentionLatency law({decode_law("bf16")}, {prefill_law()});
  // 65536 tokens a sequence.
  EXPECT_DOUBLE_EQ(law.decode_line(kShape, 3).kv_tokens_inside, 3 * 65536.0);
  EXPECT_FALSE(law.decode(kShape, 3, 3 * 65536).extrapolated);
  EXPECT_TRUE(law.decode(kShape, 3, 3 * 65536 + 1).extrapolated);
  EXPECT_LT(law.decode_line(kShape, 513).kv_tokens_inside, 0.0) << "too many sequences";
  EXPECT_TRUE(law.decode(kShape, 513, 0).extrapolated);
}

TEST(SmallLaws, AreLines) {
  const models::StreamLatency stream(
      law_of("permute", "stream_v1", "any", {{"launch_s", 2e-6}, {"bandwidth_Bps", 1e12}}, {}));
  EXPECT_NEAR(in_microseconds(stream.estimate(bytes(1e6)).duration), 3.0, 1e-12);
  const models::HostLatency host(
      law_of("host", "host_v1", "any", {{"step_s", 1e-3}, {"sequence_s", 1e-5}}, {}));
  EXPECT_NEAR(in_milliseconds(host.per_step(100).duration), 2.0, 1e-12);
}

}  // namespace
}  // namespace moeplan
