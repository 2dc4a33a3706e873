// The laws together against whole serving runs (../shared/data/open/e2e): errors on rows that
// nothing was fitted to (bin/serving_validation prints them all). Bounds: the worst that eight
// choices of the fitted half give (seeds 1 to 8; the test runs seed 1), and a tenth on top:
//                              TPOT median   p90            TTFT median   p90
//   H100, vLLM, measured laws  2.1 to 2.8 %   3.6 to  5.6   5.9 to  7.2   12.5 to 16.5
//   H100, MoE on TensorRT-LLM  4.3 to 5.2 %  13.4 to 15.9   not asserted
//   H100, gpt-oss on vLLM      3.4 to 6.5 %  11.7 to 29.7   not asserted (49 to 55 %, too short)
//   H200, vLLM, data sheet     4.7 to 6.8 %  14.3 to 18.4   20.2 to 22.3  24.6 to 27.3

#include "tests/paper/serving_validation.hpp"

#include <gtest/gtest.h>

#include <map>

#include "models/catalog/catalog.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::tests {
namespace {

class ServingRuns : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!shared_dir()) {
      GTEST_SKIP() << kNoShared;
    }
  }
  static std::filesystem::path e2e() { return *shared_dir() / "data/open/e2e"; }

  // Only the rows that a test looks at: each one is a process of its own. The dense model's are
  // always in.
  static Validation validated(const std::string& model, bool h200 = false) {
    return validate(e2e(), {.h200 = h200, .models = {model}});
  }
  // Held-out rows of a model on a system and engine.
  static ServingErrors held_out(const Validation& v, const std::string& model,
                                const std::string& system, const std::string& backend, Laws laws) {
    return errors_of(select(v.predictions, [&](const Prediction& p) {
      return p.held_out && p.row.model.find(model) != std::string::npos && p.row.system == system &&
             p.row.backend == backend && p.laws == laws;
    }));
  }
};

constexpr const char* kDense = "meta-llama/Llama-3.1-70B";
constexpr const char* kQwen = "Qwen/Qwen3-235B-A22B-FP8";
constexpr const char* kGptOss = "openai/gpt-oss-120b";

TEST_F(ServingRuns, EveryRowIsPredictedOrCounted) {
  // 177 dense rows and 328 of MoE models, without 2 + 12 of experts split both ways, 9 with 512
  // users and 3 of gpt-oss in fp8.
  std::map<std::string, int> skipped;
  std::map<std::string, int> kept;
  for (const ServingRow& row : read_serving_rows(e2e())) {
    const auto setup = setup_of(row);
    const auto* why = std::get_if<std::string>(&setup);
    ++(why != nullptr ? skipped[why->substr(0, 12)] : kept[row.model]);
  }
  EXPECT_EQ(kept[kDense], 177);
  EXPECT_EQ(kept[kQwen], 124);
  EXPECT_EQ(kept["MiniMaxAI/MiniMax-M2.5"], 51);
  EXPECT_EQ(kept[kGptOss], 151 - 12 - 9 - 3);
  EXPECT_EQ(skipped["experts spli"], 14);
  EXPECT_EQ(skipped["512 users on"], 9);
  EXPECT_EQ(skipped["gpt-oss in f"], 3);
  EXPECT_EQ(skipped.size(), 3u);
}

TEST_F(ServingRuns, DenseModelOnMeasuredLaws) {
  const Validation v = validated(kDense);
  const ServingErrors e = held_out(v, "70B", "h100_sxm", "vllm", Laws::measured);
  EXPECT_EQ(e.tpot.points, 21);  // 7 of 15 for each of three splits
  EXPECT_LE(e.tpot.median_abs, 0.031);
  EXPECT_LE(e.tpot.p90_abs, 0.062);
  EXPECT_LE(e.ttft.median_abs, 0.065);
  EXPECT_LE(e.ttft.p90_abs, 0.13);
}

TEST_F(ServingRuns, ShippedHostTimeIsTheFittedOne) {
  const Validation v = validated(kDense);
  const models::Gpu gpu = models::load_gpu("h100-sxm");
  const models::CostLaws laws =
      models::make_cost_laws(gpu, models::load_fabric(gpu.fabric), nullptr, nullptr, {});
  const double none = in_seconds(laws.host.per_step(0.0).duration);
  const double many = in_seconds(laws.host.per_step(64.0).duration);
  EXPECT_NEAR(none / v.host.step_s, 1.0, 0.02);
  EXPECT_NEAR((many - none) / 64.0 / v.host.sequence_s, 1.0, 0.02);
  const double dense = in_seconds(laws.host.per_prompt_step(1.0, 0.0));
  EXPECT_NEAR(dense / v.prompt_layer_s.at("dense"), 1.0, 0.03);
  EXPECT_GE(laws.host.info().discrepancy_sd_log, v.host_sd_log);
  EXPECT_FALSE(laws.host.per_step(64.0).extrapolated);
  EXPECT_TRUE(laws.host.per_step(65.0).extrapolated) << "no run has more sequences";
}

// Another engine (TensorRT-LLM) and a model whose routing nobody published. TTFT is not asserted:
// in these runs it is longer for 128 tokens of prompt than for 1024, so most of it is not the
// engine's work.
TEST_F(ServingRuns, MixtureModelOnMeasuredLaws) {
  const Validation v = validated(kQwen);
  const ServingErrors e = held_out(v, "Qwen3-235B", "h100_sxm", "trtllm", Laws::measured);
  EXPECT_EQ(e.tpot.points, 61);
  EXPECT_LE(e.tpot.median_abs, 0.057);
  EXPECT_LE(e.tpot.p90_abs, 0.175);
}

// MXFP4 experts, sliding windows, and an engine that schedules ahead.
TEST_F(ServingRuns, GptOssOnMeasuredLaws) {
  const Validation v = validated(kGptOss);
  const ServingErrors e = held_out(v, "gpt-oss", "h100_sxm", "vllm", Laws::measured);
  EXPECT_EQ(e.tpot.points, 21);
  EXPECT_LE(e.tpot.median_abs, 0.085);
  EXPECT_LE(e.tpot.p90_abs, 0.327);
  EXPECT_LE(e.ttft.median_abs, 0.06);
  EXPECT_LE(e.ttft.p90_abs, 0.33);
  const models::Gpu gpu = models::load_gpu("h100-sxm");
  const models::CostLaws laws =
      models::make_cost_laws(gpu, models::load_fabric(gpu.fabric), nullptr, nullptr, {});
  const double layer = in_seconds(laws.host.per_prompt_step(0.0, 1.0));
  EXPECT_NEAR(layer / v.prompt_layer_s.at("moe"), 1.0, 0.03);
  ASSERT_TRUE(v.host_ahead.has_value());
  EXPECT_LT(v.host_ahead->step_s, v.host.step_s) << "the next step is scheduled ahead";
}

// A device without measurements: laws from its data sheet.
TEST_F(ServingRuns, DenseModelOnDatasheetLaws) {
  const Validation v = validated(kDense, true);
  const ServingErrors e = held_out(v, "70B", "h200_sxm", "vllm", Laws::datasheet);
  EXPECT_LE(e.tpot.median_abs, 0.075);
  EXPECT_LE(e.tpot.p90_abs, 0.202);
  EXPECT_LE(e.ttft.median_abs, 0.245);
  EXPECT_LE(e.ttft.p90_abs, 0.300);
}

}  // namespace
}  // namespace moeplan::tests
