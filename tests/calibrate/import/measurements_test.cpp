// One entry for all formats: the columns say which one a file is.
#include "calibrate/import/measurements.hpp"

#include <gtest/gtest.h>

#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"

namespace moeplan {
namespace {

using calibrate::import_measurements;
using calibrate::parse_measurements;

TEST(Measurements, ListsTheFormatsItKnows) {
  tests::expect_input_error([] { parse_measurements("a,b\n1,2\n", "t.csv"); }, "E_MISSING", "t.csv",
                            "aiconfigurator moe", "infersim gemm", "frontier moe",
                            "llmservingsim attention", "apexplus collective");
}

TEST(Measurements, UniformExpertsOfWideParallelismAreTheirShare) {
  // 8 tokens x top-4 over 16 experts on 4 ranks: 8 pairs on this rank's 4 experts.
  const auto file = parse_measurements(
      "kernel_source,moe_dtype,num_tokens,hidden_size,inter_size,topk,num_experts,moe_tp_size,"
      "moe_ep_size,distribution,latency_ms\n"
      "deepepmoe,fp8_block,8,7168,2048,4,16,1,4,uniform,0.18\n",
      "t.csv");
  EXPECT_DOUBLE_EQ(file.experts.at(0).load.pairs, 8.0);
  EXPECT_DOUBLE_EQ(file.experts[0].load.active_experts, 4.0);
  EXPECT_FALSE(file.experts[0].drawn());
}

struct OpenTable {
  const char* name;
  std::int64_t rows;
};

class OpenTables : public testing::TestWithParam<OpenTable> {};

// Rows of each file: its lines but the header, two samples for an up-down row, what a Frontier row
// timed, without APEX+ rows below 64 KiB and mixed attention rows.
TEST_P(OpenTables, AreRead) {
  const auto shared = tests::shared_dir();
  if (!shared) {
    GTEST_SKIP() << tests::kNoShared;
  }
  const auto file = import_measurements(*shared / "data" / "open" / "component" / GetParam().name);
  EXPECT_EQ(file.rows(), GetParam().rows);
}

INSTANTIATE_TEST_SUITE_P(
    Files, OpenTables,
    testing::Values(OpenTable{"infersim_gemm_h800_data.csv", 110},
                    OpenTable{"infersim_grouped_gemm_decode_h800_data.csv", 2 * 47},
                    OpenTable{"infersim_grouped_gemm_prefill_h800_data.csv", 2 * 24},
                    OpenTable{"infersim_mha_decode_h800_32-8-128.csv", 41},
                    OpenTable{"infersim_mla_decode_h800_128-512-64.csv", 41},
                    OpenTable{"infersim_mla_prefill_h800_128-128-64.csv", 5},
                    OpenTable{"deepep_published_tables.csv", 12},
                    OpenTable{"frontier_h800_qwen3-30b-16experts_moe_kernel_only.csv", 4 * 224},
                    OpenTable{"frontier_a800_qwen3-30b-a3b_moe.csv", 8665 + 3 * 2480},
                    OpenTable{"llmservingsim_rtxpro6000_qwen3-30b-a3b_tp1_moe.csv", 50},
                    OpenTable{"llmservingsim_rtxpro6000_qwen3-30b-a3b_tp1_dense.csv", 1064},
                    OpenTable{"llmservingsim_rtxpro6000_qwen3-30b-a3b_tp1_per_sequence.csv", 80},
                    OpenTable{"llmservingsim_rtxpro6000_qwen3-30b-a3b_tp1_attention.csv",
                              171 + 233},
                    OpenTable{"llmservingsim_v0_h100_mixtral8x7b_layers.csv", 462},
                    OpenTable{"aic_wideep_generation_moe_h100_ep2-16_sglang0.5.10.csv", 144},
                    OpenTable{"aic_wideep_context_moe_h100_ep2-16_sglang0.5.10.csv", 234}),
    [](const auto& table) {
      std::string name = table.param.name;
      for (char& c : name) {
        c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
      }
      return name;
    });

TEST(Measurements, ApexPlusTablesAreReadFromSixtyFourKibibytes) {
  const auto shared = tests::shared_dir();
  if (!shared) {
    GTEST_SKIP() << tests::kNoShared;
  }
  const auto open = *shared / "data" / "open" / "component";
  for (const char* name : {"all_gather", "all_reduce", "alltoall"}) {
    const auto file = import_measurements(open / (std::string("apexplus_h100_") + name + ".csv"));
    // 64 KiB to 128 MiB by twos in halves (12 sizes), to 256 MiB in floats (13), on 2, 4 and 8
    // GPUs.
    EXPECT_EQ(file.rows(), 3 * (12 + 13)) << name;
  }
  tests::expect_input_error([&] { import_measurements(open / "apexplus_h100_sendrecv.csv"); },
                            "E_VALUE", "two ranks alone");
}

}  // namespace
}  // namespace moeplan
