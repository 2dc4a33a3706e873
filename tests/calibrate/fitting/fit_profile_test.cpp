#include "calibrate/fitting/fit_profile.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "calibrate/fitting/predictor.hpp"
#include "calibrate/import/aiconfigurator.hpp"
#include "models/catalog/catalog.hpp"
#include "models/latency/profile.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan {
namespace {

using calibrate::fit_profile;
using models::Measurements;

// all_reduce on 2 GPUs: 10 us + bytes / 100 GB/s.
Measurements nccl(const char* dtype, const std::string& name) {
  std::string table = "nccl_dtype,op_name,num_gpus,message_bytes,latency_ms\n";
  for (double size = 512; size < 1e8; size *= 4) {
    table += std::string(dtype) + ",all_reduce,2," + std::to_string(static_cast<long long>(size)) +
             "," + std::to_string(0.01 + size / 1e8) + "\n";
  }
  return calibrate::parse_aiconfigurator(table, name);
}

Measurements gemm(double milliseconds) {
  std::string table = "kernel_source,gemm_dtype,m,n,k,latency_ms\n";
  for (const int n : {8192, 16384}) {
    for (const int m : {1, 8, 64, 512}) {
      table += "torch,bfloat16," + std::to_string(m) + "," + std::to_string(n) + ",16384," +
               std::to_string(milliseconds * n / 8192) + "\n";
    }
  }
  return calibrate::parse_aiconfigurator(table, "gemm.csv");
}

TEST(FitProfile, WritesAProfileThatReadsBack) {
  const models::Gpu gpu = models::load_gpu("h100-sxm");
  const auto fitted = fit_profile({nccl("half", "nccl.csv")}, gpu);
  EXPECT_EQ(fitted.profile.hardware, "h100-sxm");
  ASSERT_EQ(fitted.profile.provenance.size(), 1u);
  EXPECT_EQ(fitted.profile.provenance[0].file, "nccl.csv");
  const std::string text = profile_text(fitted.profile);
  const models::Profile read = models::parse_profile(text, "p.json");
  EXPECT_EQ(profile_text(read), text);
  EXPECT_NEAR(read.laws.front().value("bandwidth_Bps"), 1e11, 1e9);
  EXPECT_EQ(text, profile_text(fit_profile({nccl("half", "nccl.csv")}, gpu).profile))
      << "byte for byte the same";
}

TEST(FitProfile, ReportsButDoesNotKeepTheSameBytesInAnotherType) {
  const auto fitted =
      fit_profile({nccl("half", "a.csv"), nccl("int8", "b.csv")}, models::load_gpu("h100-sxm"));
  EXPECT_EQ(fitted.families.size(), 2u);
  ASSERT_EQ(fitted.profile.laws.size(), 1u);
  EXPECT_EQ(fitted.profile.laws[0].info.dtype, "fp16");
  EXPECT_EQ(fitted.notes.size(), 1u);
}

// Rows of moeplan-measure all2all, one a size: 10 us + bytes / 10 GB/s.
Measurements exchanges(const std::string& source) {
  Measurements out;
  out.file = out.name = "net.json";
  for (double size = 1024; size < 1e7; size *= 4) {
    models::CollectiveSample row;
    row.origin = {.kernel_source = source,
                  .precision = models::Precision::fp32,
                  .line = static_cast<int>(out.collectives.size()) + 2,
                  .seconds = 1e-5 + size / 1e10};
    row.collective = models::Collective::all_to_all;
    row.ranks = 2;
    row.bytes = size;
    out.collectives.push_back(row);
  }
  return out;
}

TEST(FitProfile, ExchangesThroughTheHostNeverBecomeALawOfAGpu) {
  const models::Gpu gpu = models::load_gpu("h100-sxm");
  for (const auto& [source, why] :
       {std::pair("mpi_open_mpi_v4.1.4_host_staged", "no figure of the links between GPUs"),
        std::pair("mpi_open_mpi_v4.1.4_host", "between buffers of the host")}) {
    const Measurements rows = exchanges(source);
    tests::expect_input_error([&] { fit_profile({rows}, gpu); }, "E_VALUE", why);
    // Nor is a law of GPUs judged by them.
    const models::Fabric inside = models::load_fabric(gpu.fabric);
    calibrate::Predictor predictor(gpu, inside, nullptr, nullptr);
    EXPECT_NE(predictor.predict(rows.collectives.front()).refused.find(why), std::string::npos);
  }
  models::Gpu cpu = gpu;
  cpu.id = "cpu-here";
  EXPECT_EQ(fit_profile({exchanges("mpi_open_mpi_v4.1.4_host")}, cpu).profile.laws.size(), 1u);
  EXPECT_THROW(fit_profile({exchanges("mpi_open_mpi_v4.1.4_host_staged")}, cpu), InputError);
}

TEST(FitProfile, ExchangesBetweenBuffersOfGpusBecomeLaws) {
  const models::Gpu gpu = models::load_gpu("h100-sxm");
  EXPECT_EQ(fit_profile({exchanges("mpi_open_mpi_v5.0.3_device")}, gpu).profile.laws.size(), 1u);
  Measurements nccl_rows = exchanges("nccl");
  for (models::CollectiveSample& row : nccl_rows.collectives) {
    row.origin.host_launched = true;
  }
  const auto fitted = fit_profile({nccl_rows}, gpu);
  ASSERT_EQ(fitted.profile.laws.size(), 1u);
  EXPECT_NE(fitted.profile.laws[0].info.source.find("with the host's launch"), std::string::npos);
}

TEST(FitProfile, RefusesAFileGivenTwice) {
  tests::expect_input_error(
      [] {
        fit_profile({nccl("half", "a.csv"), nccl("half", "a.csv")}, models::load_gpu("h100-sxm"));
      },
      "E_DUPLICATE", "a.csv");
}

TEST(FitProfile, SuspectsAWrongUnit) {
  // 268 MB of weights at 3.35 TB/s take 0.08 ms; a table that says 0.0001 ms holds seconds.
  tests::expect_input_error([] { fit_profile({gemm(0.0001)}, models::load_gpu("h100-sxm")); },
                            "E_UNIT", "gemm.csv:2", "microseconds");
}

TEST(FitProfile, PrintsExactlyTheKeysOfTheInterface) {
  const auto fitted = fit_profile({nccl("half", "a.csv")}, models::load_gpu("h100-sxm"));
  const std::string line = calibrate::families_json(fitted.families).line();
  std::size_t at = 0;
  for (const char* key :
       {"kernel", "kernel_source", "dtype", "distribution", "shapes", "points", "median_abs_error",
        "p90_abs_error", "max_abs_error", "bias", "extrapolated_points", "leave_one_shape_out",
        "leave_one_expert_count_out"}) {
    const std::size_t found = line.find(std::string("\"") + key + "\"");
    ASSERT_NE(found, std::string::npos) << key;
    EXPECT_GE(found, at);
    at = found;
  }
  EXPECT_NE(line.find("\"leave_one_shape_out\": null"), std::string::npos) << line;
  EXPECT_NE(line.find("\"leave_one_expert_count_out\": null"), std::string::npos) << line;
}

// A file in memory whose rows were made elsewhere.
Measurements made(const std::string& name) {
  Measurements file;
  file.file = name;
  file.name = name;
  file.sha256 = std::string(64, '0');
  file.source = "measured";
  return file;
}

// Decode attention of three shapes: 25 us (the host's) + what the data sheet says of the cache.
Measurements decodes(bool host) {
  Measurements file = made("decode.csv");
  for (const std::int64_t kv_heads : {2, 4, 8}) {
    for (double sequences = 1.0; sequences <= 256.0; sequences *= 2.0) {
      models::AttentionSample row;
      row.origin = {.kernel_source = "test", .seconds = 25e-6, .host_launched = host};
      row.shape = {.heads = 32, .kv_heads = kv_heads, .head_dim = 128};
      row.decode = true;
      row.sequences = sequences;
      row.chunk = 1.0;
      row.history = 16384.0;
      row.origin.seconds +=
          sequences * 16384.0 * 4.0 * static_cast<double>(kv_heads) * 128.0 / 2.9e12;
      file.attention.push_back(row);
    }
  }
  return file;
}

TEST(FitProfile, AHostsLaunchesAreNoPartOfALaw) {
  const models::Gpu gpu = models::load_gpu("h800-sxm");
  const auto graph = fit_profile({decodes(false)}, gpu).profile.laws.at(0);
  const auto host = fit_profile({decodes(true)}, gpu).profile.laws.at(0);
  EXPECT_NEAR(graph.value("launch_s"), 25e-6, 1e-7);
  EXPECT_DOUBLE_EQ(host.value("launch_s"), 11e-6) << "of the data-sheet law";
  EXPECT_DOUBLE_EQ(host.value("bandwidth_Bps"), graph.value("bandwidth_Bps"));
  EXPECT_NE(host.info.source.find("25 us of the host's launches taken as 11 us"), std::string::npos)
      << host.info.source;
  for (const std::string& name : host.covariance_of) {
    EXPECT_NE(name, "launch_s");
  }
  EXPECT_EQ(host.covariance.size(), host.covariance_of.size());
}

TEST(FitProfile, RefusesUtilisationsOfAnotherDevice) {
  Measurements file = decodes(false);
  file.stated_peak = models::StatedPeak{models::Precision::fp8, 296e12};
  tests::expect_input_error([&] { fit_profile({file}, models::load_gpu("h800-sxm")); }, "E_UNIT",
                            "decode.csv", "296 TFLOP/s", "1979 TFLOP/s");
  file.stated_peak->flops = 1979e12;
  EXPECT_NO_THROW(fit_profile({file}, models::load_gpu("h800-sxm")));
}

TEST(FitProfile, FewRowsMakeNoLaw) {
  Measurements file = decodes(false);
  file.attention.resize(2);
  file.notes = {"3 rows left out: why"};
  const auto fitted = fit_profile({file}, models::load_gpu("h800-sxm"));
  EXPECT_TRUE(fitted.profile.laws.empty());
  ASSERT_EQ(fitted.notes.size(), 2u);
  EXPECT_EQ(fitted.notes[0], "decode.csv: 3 rows left out: why");
  EXPECT_NE(fitted.notes[1].find("fewer than the law's 3 parameters"), std::string::npos);
}

TEST(FitProfile, OneKindOfKernelIsNoLawOfAllThatPassData) {
  Measurements file = made("streams.csv");
  const auto add = [&file](const char* layer) {
    for (double size = 1e6; size < 1e9; size *= 10.0) {
      models::StreamSample row;
      row.origin = {.kernel_source = "test", .seconds = 2e-6 + size / 2e12};
      row.kernel = "permute";
      row.layer = layer;
      row.bytes = size;
      file.streams.push_back(row);
    }
  };
  add("shuffle");
  const models::Gpu gpu = models::load_gpu("h800-sxm");
  EXPECT_TRUE(fit_profile({file}, gpu).profile.laws.empty());
  EXPECT_EQ(fit_profile({file}, gpu).families.size(), 1u) << "reported all the same";
  add("norm");
  add("rotary");
  const auto fitted = fit_profile({file}, gpu);
  ASSERT_EQ(fitted.profile.laws.size(), 1u);
  EXPECT_EQ(fitted.profile.laws[0].info.form, "stream_v1");
  EXPECT_NO_THROW(models::parse_profile(profile_text(fitted.profile), "p.json"));
}

}  // namespace
}  // namespace moeplan
