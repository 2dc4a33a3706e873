// `moeplan inspect trace` as a user meets it: every format of output, the normal form with -o, and
// exit codes.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/app/process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::tests {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

const std::string kTrace =
    "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
    "100,a,10,5,15,API log\n101,a,20,6,26,API log\n102,a,7,0,7,API log\n106,a,40,8,48,API log\n";

class InspectTrace : public testing::Test {
 protected:
  TemporaryDirectory folder_;
  std::string file_ = folder_.write("t.csv", kTrace).string();
};

// Arrivals 0, 1, 6 s: two gaps, mean 3, squared deviations 4 + 4, cv 2 / 3, shape 9 / 4.
TEST_F(InspectTrace, JsonHasTheFigures) {
  const Finished run = run_moeplan({"inspect", "trace", file_, "--format", "json"});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.err, IsEmpty());
  const text::Document json = text::parse_json(run.out, "stdout");
  const auto number = [&](const char* key) { return std::stod(json.root.find(key)->scalar); };
  EXPECT_EQ(json.root.find("format")->scalar, "burstgpt");
  EXPECT_EQ(number("rows"), 4);
  EXPECT_EQ(number("requests"), 3);
  EXPECT_EQ(json.root.find("dropped")->find("failed")->scalar, "1");
  EXPECT_EQ(number("span_s"), 6);
  EXPECT_DOUBLE_EQ(number("gap_cv"), 2.0 / 3.0);
  EXPECT_DOUBLE_EQ(number("burstiness"), 2.25);
  EXPECT_EQ(json.root.find("peak_hour_rate_per_s")->kind, text::Kind::null);
  EXPECT_EQ(json.root.find("prompt_tokens")->find("p50")->scalar, "20.0");
}

TEST_F(InspectTrace, EveryFormatSaysWhatItIs) {
  for (const char* format : {"table", "jsonl", "csv", "markdown"}) {
    const Finished run = run_moeplan({"inspect", "trace", file_, "--format", format});
    EXPECT_EQ(run.exit_code, 0) << run.err;
    EXPECT_THAT(run.out, HasSubstr("burstgpt")) << format;
  }
}

TEST_F(InspectTrace, OWritesTheNormalForm) {
  const std::string out = (folder_ / "normal.csv").string();
  const Finished run = run_moeplan({"inspect", "trace", file_, "-o", out});
  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(read_bytes(out),
            "arrived_at,num_prefill_tokens,num_decode_tokens\n0,10,5\n1,20,6\n6,40,8\n");
  EXPECT_EQ(run_moeplan({"inspect", "trace", file_, "-o", "/nowhere/x.csv"}).exit_code, 6);
}

TEST_F(InspectTrace, WrongTracesAreInvalidInput) {
  const Finished run = run_moeplan({"inspect", "trace", file_, "--trace-format", "azure"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.out, IsEmpty());
  EXPECT_THAT(run.err, HasSubstr("t.csv:1"));
  const std::string unsorted = folder_.write("u.csv", kTrace + "90,a,1,1,2,API log\n").string();
  EXPECT_THAT(run_moeplan({"inspect", "trace", unsorted}).err, HasSubstr("--sort"));
  EXPECT_EQ(run_moeplan({"inspect", "trace", unsorted, "--sort"}).exit_code, 0);
  EXPECT_EQ(run_moeplan({"inspect", "trace"}).exit_code, 2);
}

}  // namespace
}  // namespace moeplan::tests
