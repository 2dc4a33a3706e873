// The committed data: every file loads, names that refer to each other exist, and the figures that
// plans rest on are the dense, unpruned, whole-instance ones.
#include "models/catalog/catalog.hpp"

#include <gtest/gtest.h>

#include <set>

#include "models/catalog/catalog_file.hpp"
#include "tests/models/catalog/data_override.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/locations.hpp"

namespace moeplan::models {
namespace {

using moeplan::tests::expect_input_error;

bool has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

TEST(Catalog, EveryGpuLoadsAndItsFabricsExist) {
  const std::vector<std::string> ids = catalog_ids("gpus");
  for (const char* wanted : {"a10", "l40s", "a100-pcie", "a100-sxm", "h100-pcie", "h100-sxm",
                             "h200-sxm", "b200-sxm", "rtx-pro-6000"}) {  // interface.md
    EXPECT_TRUE(has(ids, wanted)) << wanted;
  }
  for (const std::string& id : ids) {
    const Gpu gpu = load_gpu(id);
    EXPECT_EQ(gpu.id, id);
    EXPECT_TRUE(load_fabric(gpu.fabric).inside_node()) << id;
    EXPECT_FALSE(load_fabric(gpu.uplink).inside_node()) << id;
    for (const char* field : {"memory", "bandwidth", "power", "peak/bf16", "gpus_per_node"}) {
      EXPECT_FALSE(gpu.sources.at(field).empty()) << id << " " << field;
    }
    for (const std::string& name : precision_names()) {
      EXPECT_TRUE(gpu.supports(*precision_from(name))) << id << " " << name;
    }
  }
}

TEST(Catalog, PeakRatesAreDense) {
  // The data sheets print 1979 (bf16) and 3958 (fp8) TFLOP/s with sparsity for H100 SXM.
  EXPECT_EQ(load_gpu("h100-sxm").peak_for(Precision::bf16), teraflops(989.4));
  EXPECT_EQ(load_gpu("h100-sxm").peak_for(Precision::fp8), teraflops(1978.9));
  EXPECT_EQ(load_gpu("a100-sxm").peak_for(Precision::bf16), teraflops(312.0));
  EXPECT_EQ(load_gpu("a10").peak_for(Precision::bf16), teraflops(125.0));
  // Dense rates per multiprocessor and clock: 8192 bf16 FLOP on B200, 4096 on Hopper, 2048 on A100,
  // 1024 on GA102, AD102 and GB202; at 1.2 to 2 (2.6) GHz that brackets each figure, a sparse one
  // would be outside.
  const std::map<std::string, double> flop_per_clock = {
      {"h100-sxm", 4096.0}, {"h100-pcie", 4096.0}, {"h200-sxm", 4096.0},
      {"a100-sxm", 2048.0}, {"a100-pcie", 2048.0}, {"a10", 1024.0},
      {"b200-sxm", 8192.0}, {"l40s", 1024.0},      {"rtx-pro-6000", 1024.0}};
  for (const auto& [id, flop] : flop_per_clock) {
    const Gpu gpu = load_gpu(id);
    const double clock = gpu.peak_for(Precision::bf16).value() / (flop * gpu.multiprocessors);
    EXPECT_GT(clock, 1.2e9) << id;
    // Boost clocks: at most 2.5 GHz for the graphics dies, 2 GHz for the others.
    EXPECT_LT(clock, flop == 1024.0 ? 2.6e9 : 2.0e9) << id;
  }
}

TEST(Catalog, CutDevicesDifferFromTheirModelsInTheirLinksAlone) {
  for (const auto& [cut, whole] :
       {std::pair{"h800-sxm", "h100-sxm"}, std::pair{"a800-sxm", "a100-sxm"}}) {
    const Gpu a = load_gpu(cut);
    const Gpu b = load_gpu(whole);
    EXPECT_EQ(a.peak, b.peak) << cut;
    EXPECT_EQ(a.memory, b.memory) << cut;
    EXPECT_EQ(a.bandwidth, b.bandwidth) << cut;
    EXPECT_EQ(a.multiprocessors, b.multiprocessors) << cut;
    // 400 GB/s both ways: eight links of 25 GB/s each way.
    EXPECT_EQ(load_fabric(a.fabric).bandwidth, gigabytes_per_second(200)) << cut;
    EXPECT_LT(load_fabric(a.fabric).bandwidth, load_fabric(b.fabric).bandwidth) << cut;
  }
}

TEST(Catalog, FormatsWithoutArithmeticComputeInAnother) {
  EXPECT_EQ(load_gpu("a100-sxm").arithmetic(Precision::fp8), Precision::bf16);
  EXPECT_EQ(load_gpu("h100-sxm").arithmetic(Precision::fp8_block), Precision::fp8);
  EXPECT_EQ(load_gpu("h100-sxm").arithmetic(Precision::mxfp4), Precision::bf16);
}

TEST(Catalog, MemoryIsWhatTheDriverReports) {
  // 81559 MiB = 85.52 GB: neither 80 GB nor 80 GiB.
  EXPECT_NEAR(in_gigabytes(load_gpu("h100-sxm").memory), 85.52, 0.01);
  EXPECT_NEAR(in_gigabytes(load_gpu("a10").memory), 24.15, 0.01);
}

TEST(Catalog, EveryFabricAndNodeLoads) {
  for (const std::string& id : catalog_ids("fabrics")) {
    const Fabric fabric = load_fabric(id);
    EXPECT_GT(fabric.bandwidth, gigabytes_per_second(1.0)) << id;
    EXPECT_LT(fabric.latency, microseconds(20.0)) << id;
  }
  // One direction: the makers print 600, 900, 1800 for both.
  EXPECT_EQ(load_fabric("nvlink3").bandwidth, gigabytes_per_second(300.0));
  EXPECT_EQ(load_fabric("nvlink4").bandwidth, gigabytes_per_second(450.0));
  EXPECT_EQ(load_fabric("nvlink5").bandwidth, gigabytes_per_second(900.0));
  const std::vector<std::string> nodes = catalog_ids("nodes");
  EXPECT_FALSE(nodes.empty());
  for (const std::string& id : nodes) {
    const Node node = load_node(id);
    EXPECT_NO_THROW(load_gpu(node.gpu)) << id;
    EXPECT_NO_THROW(load_fabric(node.fabric)) << id;
    EXPECT_NO_THROW(load_fabric(node.uplink)) << id;
    EXPECT_GT(node.nics, 0) << id;
  }
}

TEST(Catalog, PricesNameKnownGpusAndDays) {
  const PriceBook book = load_price_book("2026-11");
  EXPECT_EQ(book.as_of().text(), "2026-11-23");
  for (const std::string& gpu : book.gpus()) {
    EXPECT_TRUE(has(catalog_ids("gpus"), gpu)) << gpu;
  }
  for (const Price& price : book.prices()) {
    EXPECT_FALSE(book.as_of() < price.as_of) << price.id;
    // A GPU of this catalog rents between 0.5 and 15 USD an hour: catches GPU and instance mixed
    // up.
    EXPECT_GT(in_usd_per_hour(price.rent_per_gpu()), 0.5) << price.id;
    EXPECT_LT(in_usd_per_hour(price.rent_per_gpu()), 15.0) << price.id;
  }
  // 55.04 USD/h for 8 H100 = 6.88 a GPU (the price after the cut of June 2025, not 98.32).
  EXPECT_NEAR(in_usd_per_hour(book.price("aws-p5.48xlarge-on_demand").rent_per_gpu()), 6.88, 1e-9);
  // Capacity block prices are valid to 2025-01-01: stale on the book's own day.
  bool found = false;
  for (const Price* price : book.stale(book.as_of())) {
    found = found || price->id == "aws-p5.48xlarge-capacity_block";
  }
  EXPECT_TRUE(found);
  for (const char* gpu :
       {"a10", "l40s", "a100-sxm", "h100-sxm", "h200-sxm", "b200-sxm", "rtx-pro-6000"}) {
    EXPECT_NO_THROW(book.cheapest(gpu, "on_demand", 8)) << gpu;
  }
}

TEST(Catalog, OwnedHardwareIsAPriceBook) {
  const PriceBook book = load_price_book("own-hardware-2026-11");
  for (const Price& price : book.prices()) {
    EXPECT_EQ(price.tier, "owned") << price.id;
    EXPECT_TRUE(has(catalog_ids("gpus"), price.gpu)) << price.id;
    ASSERT_TRUE(price.own) << price.id;
    EXPECT_GE(price.own->sources.size(), 8U) << price.id;
  }
  // 375060/(5 x 8760 x 0.8) = 10.7038; 10.2 x 1.56 x 0.0929/0.8 = 1.8478; 1530/730/0.8 = 2.6199.
  EXPECT_NEAR(in_usd_per_hour(book.price("own-h100-8x-colocated").rent), 15.1715, 1e-3);
  // All-in, no PUE again: 10.7038 + 13.84 x 0.0929/0.8 = 12.3110.
  EXPECT_NEAR(in_usd_per_hour(book.price("own-h100-8x-all-in").rent), 12.3110, 1e-3);
}

TEST(Catalog, EveryArchitectureLoads) {
  EXPECT_EQ(load_architecture("qwen3-30b-a3b").layers.size(), 48U);
  EXPECT_TRUE(load_architecture("mixtral-8x7b").is_moe());
  expect_input_error([] { load_architecture("qwen3-30b-a3c"); }, "E_VALUE",
                     "did you mean 'qwen3-30b-a3b'");
}

TEST(Catalog, UnknownIdsListTheValidOnes) {
  expect_input_error([] { load_gpu("h100-smx"); }, "E_VALUE", "unknown GPU", "h100-smx",
                     "a10, a100-pcie, a100-sxm", "did you mean 'h100-sxm'");
  expect_input_error([] { load_fabric("nvlink9"); }, "E_VALUE", "unknown fabric", "nvlink4");
  expect_input_error([] { load_price_book("2026-12"); }, "E_VALUE", "unknown price book",
                     "2026-11");
  expect_input_error([] { load_accuracy("qwen3-30b-a3b-reap-coed"); }, "E_VALUE",
                     "did you mean 'qwen3-30b-a3b-reap-code'");
  expect_input_error([] { load_gpu(""); }, "E_VALUE", "unknown GPU");
  expect_input_error([] { profile_path("no-such"); }, "E_VALUE", "unknown profile");
}

TEST(Catalog, PathsAreTakenAsPaths) {
  EXPECT_EQ(profile_path("./mine.json"), std::filesystem::path("./mine.json"));
  expect_input_error([] { load_gpu("../gpus/a10"); }, "E_IO", "../gpus/a10");
  expect_input_error([] { load_price_book("no/such/book.yaml"); }, "E_IO", "no/such/book.yaml");
}

TEST(DataDirectory, MustExistWhereTheEnvironmentSays) {
  setenv("MOEPLAN_DATA", "/no/such/place", 1);
  expect_input_error([] { data_dir(); }, "E_IO", "/no/such/place", "MOEPLAN_DATA");
  unsetenv("MOEPLAN_DATA");
  EXPECT_TRUE(std::filesystem::is_directory(data_dir() / "gpus"));
}

TEST(DataDirectory, MayBeTheUsersOwn) {
  const tests::DataOverride data;
  data.write("gpus/mine.yaml", "x: 1\n");
  EXPECT_EQ(catalog_ids("gpus"), (std::vector<std::string>{"mine"}));
  EXPECT_TRUE(catalog_ids("fabrics").empty());
  expect_input_error([] { load_fabric("nvlink4"); }, "E_VALUE", "a file in", "fabrics");
}

TEST(Catalog, FilesOfNames) {
  EXPECT_EQ(catalog_file("gpus", "h100-sxm"), data_dir() / "gpus/h100-sxm.yaml");
  EXPECT_EQ(catalog_file("architectures", "qwen3-8b"), data_dir() / "architectures/qwen3-8b.json");
  EXPECT_EQ(catalog_file("architectures", "paper-354m-128e"),
            data_dir() / "architectures/paper-354m.yaml")
      << "a variant of a family";
  EXPECT_EQ(catalog_file("gpus", "./mine.yaml"), "./mine.yaml");
  EXPECT_THROW(catalog_file("gpus", "h100"), InputError);
}

}  // namespace
}  // namespace moeplan::models
