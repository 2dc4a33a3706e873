// The log-normal lengths that scenarios carry, fitted again from the public traces they came from.
// The numbers below are the fits themselves (maximum likelihood, this file is how to reproduce
// them); the KS distance says how far a log-normal is from the trace: none of the four is exact.
// Sources, read 2026-11-23:
//   Azure LLM inference trace 2023, conversation: github.com/Azure/AzurePublicDataset, commit
//   b469a113, data/AzureLLMInferenceTrace_conv.csv (CC-BY-4.0), all 19,366 requests. Mooncake
//   conversation trace: github.com/kvcache-ai/Mooncake, commit 3b5a5941, FAST25-release/traces
//   (Apache-2.0), all 12,031 requests.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "models/text/csv.hpp"
#include "sim/workload/fit_log_normal.hpp"
#include "sim/workload/length_distribution.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::sim {
namespace {

struct Fitted {
  const char* file;
  const char* column;
  double median;  // exp(mu)
  double sigma;
  std::int32_t min;
  std::int32_t max;
  std::int64_t count;
  double ks_distance;
  double trace_mean;
  double model_mean;  // of the law truncated to the trace's range
};

constexpr Fitted kFitted[] = {
    {"AzureLLMInferenceTrace_conv.csv", "ContextTokens", 760.0, 0.9852, 2, 14050, 19366, 0.159,
     1154.7, 1206.8},
    {"AzureLLMInferenceTrace_conv.csv", "GeneratedTokens", 151.3, 0.8590, 7, 1000, 19366, 0.182,
     211.1, 201.9},
    {"mooncake_conversation_lengths.csv", "input_length", 6227.0, 1.1991, 891, 126195, 12031, 0.067,
     12035.1, 12250.5},
    {"mooncake_conversation_lengths.csv", "output_length", 207.7, 1.3584, 1, 2000, 12031, 0.212,
     342.6, 341.0},
};

void PrintTo(const Fitted& fitted, std::ostream* out) {
  *out << fitted.file << " " << fitted.column;
}

class TraceFit : public testing::TestWithParam<Fitted> {};
INSTANTIATE_TEST_SUITE_P(Traces, TraceFit, testing::ValuesIn(kFitted));

TEST_P(TraceFit, RefittingFindsTheCommittedNumbers) {
  const Fitted& committed = GetParam();
  const auto shared = tests::shared_dir();
  if (!shared) {
    GTEST_SKIP() << tests::kNoShared;
  }
  const std::filesystem::path path = *shared / "data/open/workload" / committed.file;
  const text::CsvTable trace = text::CsvTable::load(path);
  const std::size_t column = trace.column(committed.column);
  std::vector<std::int32_t> lengths;
  for (std::size_t row = 0; row < trace.rows(); ++row) {
    lengths.push_back(static_cast<std::int32_t>(trace.count(row, column)));
  }
  const LogNormalFit fit = fit_log_normal(lengths);
  EXPECT_NEAR(std::exp(fit.mu) / committed.median, 1.0, 0.01);
  EXPECT_NEAR(fit.sigma / committed.sigma, 1.0, 0.01);
  EXPECT_EQ(fit.min, committed.min);
  EXPECT_EQ(fit.max, committed.max);
  EXPECT_EQ(fit.count, committed.count);
  EXPECT_NEAR(fit.ks_distance, committed.ks_distance, 0.001);
  EXPECT_NEAR(fit.mean / committed.trace_mean, 1.0, 0.001);
}

// What matters most for capacity: the truncated law has the trace's mean within 5 %.
TEST_P(TraceFit, TheTruncatedLawHasNearlyTheMeanOfTheTrace) {
  const Fitted& committed = GetParam();
  const LogNormalLength law =
      LogNormalLength::from_median(committed.median, committed.sigma, committed.min, committed.max);
  EXPECT_NEAR(law.mean() / committed.model_mean, 1.0, 0.001);
  EXPECT_NEAR(law.mean() / committed.trace_mean, 1.0, 0.05);
}

}  // namespace
}  // namespace moeplan::sim
