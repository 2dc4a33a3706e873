// The open traces themselves: read whole, understood, and fast enough.

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <sstream>
#include <string>

#include "sim/workload/describe_trace.hpp"
#include "sim/workload/read_trace.hpp"
#include "tests/support/locations.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::sim {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

class OpenTraces : public testing::Test {
 protected:
  void SetUp() override {
    const auto shared = tests::shared_dir();
    if (!shared) {
      GTEST_SKIP() << tests::kNoShared;
    }
    folder_ = *shared / "data/open";
  }
  std::filesystem::path folder_;
};

// 19,366 requests (the file has as many rows, no failures). First and last stamp as the file has
// them: 18:15:46.6805900 and 19:14:08.4025270 is 3501.7219370 s.
TEST_F(OpenTraces, Azure2023) {
  const RequestTrace trace = read_trace(folder_ / "workload/AzureLLMInferenceTrace_conv.csv");
  EXPECT_EQ(trace.format, TraceFormat::azure);
  EXPECT_EQ(trace.rows, 19366);
  EXPECT_EQ(trace.requests.size(), 19366u);
  EXPECT_EQ(trace.requests.back().arrival, SimTime(3'501'721'937'000'000));
  EXPECT_TRUE(trace.warnings.empty());
  const TraceDescription d = describe(trace);
  EXPECT_NEAR(*d.rate_per_s, 19365 / 3501.721937, 1e-12);
  EXPECT_NEAR(d.prompt.mean, 1154.7, 0.1) << "as in trace_fit_test.cpp";
  EXPECT_FALSE(d.peak_hour_per_s.has_value()) << "58 minutes";
}

TEST_F(OpenTraces, MooncakeLengths) {
  const RequestTrace trace = read_trace(folder_ / "workload/mooncake_conversation_lengths.csv");
  EXPECT_EQ(trace.format, TraceFormat::mooncake);
  EXPECT_EQ(trace.requests.size(), 12031u);
  EXPECT_EQ(trace.requests.back().arrival, SimTime(3'536'999'000'000'000));
}

TEST_F(OpenTraces, MeasuredRunsByQueuedTime) {
  const RequestTrace trace = read_trace(
      folder_ / "e2e/llmservingsim_rtxpro6000_Llama-3.1-8B/requests.jsonl", {.sort = true});
  EXPECT_EQ(trace.format, TraceFormat::llmservingsim_bench);
  EXPECT_EQ(trace.requests.size(), 300u);
  EXPECT_NEAR(trace.rate().value(), 10.0, 2.0) << "sent at 10 a second";
}

// What any reader pays: lines cut at commas into strings. Machines are shared and sanitizers are
// slow, so that the reader is held against this in the same run, not against the clock.
double seconds_to_split(const std::filesystem::path& path) {
  const auto start = std::chrono::steady_clock::now();
  std::ifstream file(path);
  std::size_t cells = 0;
  for (std::string line, cell; std::getline(file, line);) {
    for (std::istringstream row(line); std::getline(row, cell, ',');) {
      ++cells;
    }
  }
  EXPECT_GT(cells, 0u);
  return seconds_since(start);
}

double seconds_to_read(const std::filesystem::path& path) {
  const auto start = std::chrono::steady_clock::now();
  read_trace(path);
  return seconds_since(start);
}

TEST_F(OpenTraces, AzureIsReadInMilliseconds) {
  const auto path = folder_ / "workload/AzureLLMInferenceTrace_conv.csv";
  EXPECT_LT(seconds_to_read(path), 10 * seconds_to_split(path));
}

// A million rows of 37 bytes: 1.5 s on an idle core.
TEST(TraceSpeed, AMillionRows) {
  std::string text = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
  for (int i = 0; i < 1'000'000; ++i) {
    const std::string number = std::to_string(1'000'000 + i);
    text += "2023-11-16 18:17:0" + number.substr(0, 1) + "." + number.substr(1) + "0,4808,100\n";
  }
  const tests::TemporaryDirectory folder;
  const std::filesystem::path path = folder.write("trace.csv", text);
  const auto start = std::chrono::steady_clock::now();
  const RequestTrace trace = read_trace(path);
  const double ratio = seconds_since(start) / seconds_to_split(path);
  RecordProperty("times_splitting", std::to_string(ratio));
  EXPECT_LT(ratio, 10.0);
  EXPECT_EQ(trace.requests.size(), 1'000'000u);
  EXPECT_EQ(trace.requests.back().arrival, SimTime(999'999'000'000));
}

}  // namespace
}  // namespace moeplan::sim
