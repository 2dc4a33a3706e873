// What import writes is what fit and validate read.
#include "calibrate/import/own_format.hpp"

#include <gtest/gtest.h>

#include "calibrate/import/measurements.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"

namespace moeplan {
namespace {

using calibrate::import_measurements;
using calibrate::measurements_text;
using calibrate::parse_measurements;
using calibrate::parse_own_format;

models::Measurements one_of_each() {
  models::Measurements file;
  file.file = file.name = "all.csv";
  file.source = "imported: test";
  file.device = "NVIDIA H100";
  file.skipped["unknown distribution"] = 3;
  const models::SampleOrigin origin{.kernel_source = "k", .line = 7, .seconds = 1.0 / 3.0 * 1e-5};
  models::ExpertSample expert;
  expert.origin = origin;
  expert.distribution = "power_law_1.2";
  expert.part = models::ExpertPart::down;
  expert.intermediate_full = 1536;
  expert.shape = {
      .hidden = 2048, .intermediate = 768, .top_k = 8, .experts = 128, .local_experts = 64};
  expert.load = {.tokens = 16.0, .pairs = 64.1, .active_experts = 40.7};
  file.experts = {expert};
  file.experts.front().origin.launch_seconds = {3.1e-6, 3.3e-6, 3.7e-6};
  file.fingerprint = {{"cpu", "any"}, {"threads", "2"}};
  file.dense = {{.origin = origin, .rows = 3.0, .columns = 4, .inner = 5, .product_alone = true}};
  models::AttentionSample attention;
  attention.origin = origin;
  attention.shape = {
      .heads = 8, .kv_heads = 2, .head_dim = 128, .kv_precision = models::Precision::fp8};
  attention.decode = true;
  attention.sequences = 4.0;
  attention.chunk = 1.0;
  attention.history = 100.0;
  file.attention = {attention};
  models::LatentSample latent;
  latent.origin = origin;
  latent.shape = {.heads = 16,
                  .kv_lora_rank = 512,
                  .qk_nope_head_dim = 128,
                  .qk_rope_head_dim = 64,
                  .v_head_dim = 128};
  latent.hidden = 7168;
  latent.path = models::LatentPath::absorbed;
  models::LatentSample kernel = latent;
  kernel.kernel_alone = true;
  kernel.hidden = kernel.shape.kv_lora_rank = 0;
  file.latent = {latent, kernel};
  file.collectives = {{.origin = origin,
                       .collective = models::Collective::all_to_all,
                       .ranks = 8,
                       .bytes = 4096.0,
                       .nodes = 2}};
  file.streams = {{.origin = origin, .kernel = "permute", .layer = "norm", .bytes = 64.0}};
  file.exchanges = {{.origin = origin,
                     .phase = models::ExchangePhase::combine,
                     .ranks = 8,
                     .nodes = 1,
                     .tokens = 128,
                     .hidden = 7168,
                     .top_k = 8,
                     .experts = 256}};
  return file;
}

TEST(OwnFormat, ReadsBackEveryKindToTheLastBit) {
  const std::string text = measurements_text({one_of_each()});
  const auto read = parse_measurements(text, "m.json");
  EXPECT_EQ(read.rows(), 8);
  EXPECT_EQ(read.experts.at(0).origin.seconds, 1.0 / 3.0 * 1e-5);
  EXPECT_EQ(read.experts[0].part, models::ExpertPart::down);
  EXPECT_EQ(read.experts[0].load.active_experts, 40.7);
  EXPECT_EQ(read.latent.at(0).path, models::LatentPath::absorbed);
  EXPECT_FALSE(read.latent[0].kernel_alone);
  EXPECT_TRUE(read.latent.at(1).kernel_alone);
  EXPECT_EQ(read.attention.at(0).shape.kv_precision, models::Precision::fp8);
  EXPECT_EQ(read.collectives.at(0).nodes, 2);
  EXPECT_EQ(read.exchanges.at(0).phase, models::ExchangePhase::combine);
  EXPECT_EQ(read.device, "NVIDIA H100");
  EXPECT_EQ(read.skipped.at("all.csv: unknown distribution"), 3);
  // All fields: what was read is written the same, section by section.
  const std::string again = measurements_text({read});
  const auto rows = [](const std::string& whole) {
    return whole.substr(whole.find("\"experts\""));
  };
  EXPECT_EQ(rows(again), rows(text));
}

TEST(OwnFormat, IsStrict) {
  const std::string text = measurements_text({one_of_each()});
  const auto changed = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    return other;
  };
  const auto refused = [&](const std::string& content, const char* code, const char* part) {
    tests::expect_input_error([&] { parse_own_format(content, "m.json"); }, code, "m.json", part);
  };
  refused(changed("\"schema_version\": 1", "\"schema_version\": 2"), "E_SCHEMA", "1");
  refused(changed("\"gated\"", "\"gatde\""), "E_UNKNOWN_KEY", "gatde");
  refused(changed("\"line\": 7", "\"line\": 7.5"), "E_TYPE", "line");
  refused(changed("\"ranks\": 8", "\"ranks\": 1"), "E_RANGE", "ranks");
  refused(changed("\"active_experts\": 40.7", "\"active_experts\": 65"), "E_RANGE",
          "more active experts");
  refused(changed("\"part\": \"down\"", "\"part\": \"dwon\""), "E_VALUE", "down");
}

TEST(OwnFormat, DevicesAreNotPooled) {
  models::Measurements other = one_of_each();
  other.device = "NVIDIA A100";
  tests::expect_input_error(
      [&] {
        measurements_text({one_of_each(), other});
      },
      "E_VALUE", "two devices");
}

// One table of each kind of rows: the conversion loses nothing.
TEST(OwnFormat, OpenTablesSurviveTheConversion) {
  const auto shared = tests::shared_dir();
  if (!shared) {
    GTEST_SKIP() << tests::kNoShared;
  }
  const auto open = *shared / "data" / "open" / "component";
  for (const char* name : {"aic_deepep_ll_h100_1node_sglang0.5.12.csv", "aic_nccl_h100_2.29.2.csv",
                           "infersim_grouped_gemm_decode_h800_data.csv",
                           "llmservingsim_rtxpro6000_qwen3-30b-a3b_tp1_attention.csv"}) {
    const auto file = import_measurements(open / name);
    const auto read = parse_own_format(measurements_text({file}), "m.json");
    EXPECT_EQ(read.rows(), file.rows()) << name;
    EXPECT_EQ(read.stated_peak.has_value(), file.stated_peak.has_value()) << name;
  }
}

}  // namespace
}  // namespace moeplan
