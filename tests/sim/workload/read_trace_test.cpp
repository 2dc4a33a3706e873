// Is every known trace format read into the same normal form, and is what is wrong refused with its
// row and column (tests.md C3 35 and 36)?

#include "sim/workload/read_trace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "models/text/load.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::expect_input_error;

RequestSpec request(double seconds, std::int32_t prompt, std::int32_t output) {
  return {SimTime{} + Seconds(seconds), prompt, output};
}

class ReadTrace : public testing::Test {
 protected:
  RequestTrace read(const std::string& content, const TraceOptions& options = {}) {
    return read_trace(folder_.write("trace.csv", content), options);
  }
  tests::TemporaryDirectory folder_;
};

const std::string kAzure = "TIMESTAMP,ContextTokens,GeneratedTokens\n";
const std::string kVidur = "arrived_at,num_prefill_tokens,num_decode_tokens\n";

TEST_F(ReadTrace, Azure2023WithItsLineEndsAndSevenDigits) {
  const RequestTrace trace = read(
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:03.9799600,4808,10\r\n"
      "2023-11-16 18:17:04.0319569,110,27");
  EXPECT_EQ(trace.format, TraceFormat::azure);
  EXPECT_EQ(trace.first_stamp, "2023-11-16 18:17:03.9799600");
  EXPECT_THAT(trace.requests, ElementsAre(request(0, 4808, 10), request(0.0519969, 110, 27)));
  EXPECT_THAT(trace.warnings, IsEmpty());
}

TEST_F(ReadTrace, Azure2024WithAnOffsetAnd2025WithImages) {
  const RequestTrace trace = read(
      "TIMESTAMP,NumImages,ContextTokens,GeneratedTokens\n2024-05-12 00:00:00+00:00,0,200,20\n"
      "2024-05-12 00:00:00.003000+00:00,2,300,30\n");
  EXPECT_THAT(trace.requests, ElementsAre(request(0, 200, 20), request(0.003, 300, 30)));
  EXPECT_THAT(trace.warnings, ElementsAre(HasSubstr("1 requests carry images (NumImages)")));
}

TEST_F(ReadTrace, MooncakeWithItsBlocks) {
  const RequestTrace trace =
      read(R"({"timestamp": 0, "input_length": 1030, "output_length": 50, "hash_ids": [0, 1, 2]})"
           "\n"
           R"({"timestamp": 3000, "input_length": 600, "output_length": 7, "hash_ids": [0, 9]})"
           "\n");
  EXPECT_EQ(trace.format, TraceFormat::mooncake);
  EXPECT_THAT(trace.requests, ElementsAre(request(0, 1030, 50), request(3, 600, 7)));
  EXPECT_THAT(trace.blocks_of(0), ElementsAre(0, 1, 2));
  EXPECT_THAT(trace.blocks_of(1), ElementsAre(0, 9));
}

TEST_F(ReadTrace, MooncakeLengthsInMilliseconds) {
  const RequestTrace trace =
      read("timestamp,input_length,output_length\n0,6758,500\n0,7322,490\n3000,13544,71\n");
  EXPECT_THAT(trace.requests,
              ElementsAre(request(0, 6758, 500), request(0, 7322, 490), request(3, 13544, 71)));
  EXPECT_EQ(trace.simultaneous, 1);
  EXPECT_THAT(trace.blocks_of(1), IsEmpty());
}

// v1.2 has two more columns before the model: a reader by position takes a time for the prompt.
TEST_F(ReadTrace, BurstGptOfBothVersionsByNameOfColumn) {
  const RequestTrace v11 = read(
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n"
      "5,ChatGPT,472,18,490,Conversation log\n45,GPT-4,1087,0,1087,API log\n"
      "118,GPT-4,417,276,693,API log\n");
  const RequestTrace v12 = read(
      "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log "
      "Type\n5.0,1722ac82,43,ChatGPT,472,18,490,Conversation "
      "log\n45.0,d598,2,GPT-4,1087,0,1087,API "
      "log\n118.0,a5c6,3,GPT-4,417,276,693,API log\n");
  for (const RequestTrace& trace : {v11, v12}) {
    EXPECT_EQ(trace.format, TraceFormat::burstgpt);
    EXPECT_THAT(trace.requests, ElementsAre(request(0, 472, 18), request(113, 417, 276)));
    EXPECT_EQ(trace.rows, 3);
    EXPECT_EQ(trace.failed, 1);
  }
}

TEST_F(ReadTrace, LlmServingSimInNanosecondsAndItsMeasuredRunsByQueuedTime) {
  const RequestTrace sent = read(
      R"({"input_toks": 4, "output_toks": 2, "arrival_time_ns": 1000, "input_tok_ids": [1, 2]})"
      "\n"
      R"({"input_toks": 5, "output_toks": 3, "arrival_time_ns": 1007})");
  EXPECT_EQ(sent.format, TraceFormat::llmservingsim);
  EXPECT_THAT(sent.requests, ElementsAre(request(0, 4, 2), request(7e-9, 5, 3)));
  const RequestTrace measured = read(
      R"({"request_id": "b-0", "input_toks": 4, "output_toks": 2, "arrival_time": 1777142838.3,)"
      R"( "queued_ts": 479748.340626232})"
      "\n"
      R"({"request_id": "b-1", "input_toks": 5, "output_toks": 3, "arrival_time": 1777142838.6,)"
      R"( "queued_ts": 479748.625554681})"
      "\n");
  EXPECT_EQ(measured.format, TraceFormat::llmservingsim_bench);
  EXPECT_THAT(measured.requests, ElementsAre(request(0, 4, 2), request(0.284928449, 5, 3)));
}

TEST_F(ReadTrace, BlisDropsWhatDidNotEndWell) {
  const RequestTrace trace = read(
      "request_id,input_tokens,output_tokens,arrival_time_us,status,error_message\n"
      "0,10,5,100,ok,\n1,11,6,200,timeout,\"slow, too slow\"\n2,12,7,350,ok,\n");
  EXPECT_EQ(trace.format, TraceFormat::blis);
  EXPECT_THAT(trace.requests, ElementsAre(request(0, 10, 5), request(250e-6, 12, 7)));
  EXPECT_EQ(trace.failed, 1);
}

TEST_F(ReadTrace, LengthsAloneAndAsAHistogram) {
  const RequestTrace plain = read("prompt_len,output_len\n10,5\n20,6\n");
  EXPECT_FALSE(plain.has_times);
  EXPECT_THAT(plain.requests, ElementsAre(request(0, 10, 5), request(0, 20, 6)));
  const RequestTrace histogram = read("prompt_tokens,output_tokens,count\n10,5,2\n20,6,0\n7,7,1\n");
  EXPECT_THAT(histogram.requests,
              ElementsAre(request(0, 10, 5), request(0, 10, 5), request(0, 7, 7)));
}

TEST_F(ReadTrace, NormalFormReadsBackEqual) {
  const RequestTrace trace =
      read(R"({"timestamp": 27.5, "input_length": 30, "output_length": 5, "hash_ids": [7]})"
           "\n"
           R"({"timestamp": 27.500000001, "input_length": 6, "output_length": 7, "hash_ids": []})"
           "\n");
  const std::string text = trace_csv(trace);
  EXPECT_EQ(text,
            "arrived_at,num_prefill_tokens,num_decode_tokens,block_hash_ids\n0,30,5,7\n"
            "0.000000000001,6,7,\n");
  const RequestTrace back = read(text);
  EXPECT_EQ(back.format, TraceFormat::vidur);
  EXPECT_EQ(back.requests, trace.requests);
  EXPECT_EQ(back.block_hashes, trace.block_hashes);
  EXPECT_EQ(back.block_end, trace.block_end);
}

TEST_F(ReadTrace, SortsOnlyWhenAsked) {
  const std::string text = kVidur + "5,1,1\n9,2,2\n4,3,3\n5,4,4\n";
  expect_input_error([&] { read(text); }, "E_VALUE", "trace.csv:4", "'arrived_at'", "'4'",
                     "sort: true");
  const RequestTrace trace = read(text, {.sort = true});
  EXPECT_THAT(trace.requests,
              ElementsAre(request(0, 3, 3), request(1, 1, 1), request(1, 4, 4), request(5, 2, 2)))
      << "equal times keep the file's order";
  EXPECT_EQ(trace.out_of_order, 1);
}

TEST_F(ReadTrace, TakesTheFirstOnesAndDoesNotReadOn) {
  const std::string text = kVidur + "5,1,1\n6,2,2\nnot,a,row\n";
  const RequestTrace trace = read(text, {.max_requests = 2});
  EXPECT_EQ(trace.requests.size(), 2u);
  EXPECT_TRUE(trace.cut);
  EXPECT_FALSE(read(kVidur + "5,1,1\n6,2,2\n\n", {.max_requests = 2}).cut);
  const RequestTrace sorted =
      read(kVidur + "5,1,1\n6,2,2\n4,3,3\n", {.sort = true, .max_requests = 2});
  EXPECT_THAT(sorted.requests, ElementsAre(request(0, 3, 3), request(1, 1, 1)));
}

TEST_F(ReadTrace, FailuresAreRefusedWhereTheFormatDoesNotKnowThem) {
  const std::string text = kVidur + "5,1,1\n6,2,0\n";
  expect_input_error([&] { read(text); }, "E_RANGE", "trace.csv:3", "num_decode_tokens", "'0'",
                     "at least 1 token", "drop_failed");
  EXPECT_EQ(read(text, {.drop_failed = true}).failed, 1);
  const std::string burst =
      "Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n1,a,2,0,2,API log\n";
  expect_input_error([&] { read(burst, {.drop_failed = false}); }, "E_RANGE", "Response tokens");
  expect_input_error([&] { read(burst); }, "E_VALUE", "0 requests", "1 rows, 1 of them failed");
}

TEST_F(ReadTrace, WrongCellsNameRowAndColumn) {
  const auto refused = [&](const std::string& rows, const std::string& code,
                           const std::string& line, const std::string& part) {
    expect_input_error([&] { read(kVidur + rows); }, code, "trace.csv:" + line, part);
  };
  refused("1,2\n", "E_SYNTAX", "2", "2 in '1,2'");
  refused("1,2,3\n1,5,2,3\n", "E_SYNTAX", "3", "decimal comma");
  refused("\"1,5\",2,3\n", "E_TYPE", "2", "no thousands separators");
  refused("1,\"1,200\",3\n", "E_TYPE", "2", "column 'num_prefill_tokens'");
  refused("1,\"2\n3\",3\n", "E_SYNTAX", "2:3", "line breaks inside quotes");
  refused("1,-2,3\n", "E_RANGE", "2", "'-2'");
  refused("1,2,-3\n", "E_RANGE", "2", "'num_decode_tokens'");
  refused("1,0,3\n", "E_RANGE", "2", "'num_prefill_tokens'");
  refused("1,2.5,3\n", "E_TYPE", "2", "a whole number");
  refused("1,20000000,3\n", "E_RANGE", "2", "1 to 10000000");
  refused("-1,2,3\n", "E_RANGE", "2", "'arrived_at'");
  refused("x,2,3\n", "E_TYPE", "2", "a number of seconds");
  refused("1,2,3\n\n4,5,6\n", "E_SYNTAX", "3", "an empty line");
  refused("0,2,3\n8100000,2,3\n", "E_RANGE", "3", "93 days");
  refused("", "E_VALUE", "", "0 requests");
  expect_input_error([&] { read(kAzure + "2023-11-16T18:17,3,4\n"); }, "E_TYPE", "trace.csv:2",
                     "TIMESTAMP", "2023-11-16 18:17:03.9799600");
}

TEST_F(ReadTrace, WrongJsonNamesTheLine) {
  const std::string good = R"({"timestamp": 0, "input_length": 1, "output_length": 5})"
                           "\n";
  const auto refused = [&](const std::string& row, const std::string& code,
                           const std::string& part) {
    expect_input_error([&] { read(good + row); }, code, "trace.csv:2", part);
  };
  refused(R"({"timestamp": 1, "input_length": 1,})", "E_SYNTAX", "");
  refused(R"([1])", "E_TYPE", "a sequence");
  refused(R"({"timestamp": 1, "input_length": 1})", "E_MISSING", "output_length");
  refused(R"({"timestamp": 1, "input_length": -1, "output_length": 5})", "E_RANGE",
          "/input_length");
  refused(R"({"timestamp": null, "input_length": 1, "output_length": 5})", "E_TYPE", "/timestamp");
  refused(R"({"timestamp": 1, "input_length": 1, "output_length": 5, "hash_ids": [-1]})", "E_TYPE",
          "/hash_ids");
  expect_input_error(
      [&] { read(R"({"session_id": 1, "arrival_time_ns": 2, "sub_requests": []})"); }, "E_VALUE",
      "sub_requests");
}

TEST_F(ReadTrace, UnknownColumnsSayWhatIsKnown) {
  expect_input_error([&] { read("TIMESTAMP,ContextTokens,Generated\nx,1,2\n"); }, "E_MISSING",
                     "trace.csv:1", "'GeneratedTokens' of the azure format");
  expect_input_error([&] { read("a,b\n1,2\n"); }, "E_VALUE", "got a, b",
                     "azure (TIMESTAMP, ContextTokens, GeneratedTokens)");
  expect_input_error([&] { read(kVidur + "1,2,3\n", {.format = TraceFormat::azure}); }, "E_MISSING",
                     "TIMESTAMP");
  expect_input_error([&] { read(kVidur, {.format = TraceFormat::llmservingsim}); }, "E_VALUE",
                     "llmservingsim trace is JSON lines");
  expect_input_error([&] { read(""); }, "E_ENCODING", "empty");
}

TEST_F(ReadTrace, SuspectsWrongUnits) {
  std::string fast = kVidur;
  std::string slow = kVidur;
  for (int i = 0; i < 200; ++i) {
    fast += std::to_string(i) + "e-6,5,5\n";
    slow += std::to_string(i) + "000,5,5\n";
  }
  EXPECT_THAT(read(fast).warnings, ElementsAre(HasSubstr("1.00 us apart")));
  EXPECT_THAT(read(slow).warnings, ElementsAre(HasSubstr("scale the rate by 1000")));
  EXPECT_THAT(read(kVidur + "1777142838338,5,5\n").warnings,
              ElementsAre(HasSubstr("looks like milliseconds since 1970, and seconds are read")));
  EXPECT_THAT(read(kVidur + "1777142838,5,5\n").warnings, IsEmpty());
}

}  // namespace
}  // namespace moeplan::sim
