// Does the CPU device build every case, and refuse what it has not?
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "calibrate/kernels/kernel_benchmarks.hpp"
#include "calibrate/kernels/kernel_device.hpp"
#include "calibrate/kernels/matrix_product.hpp"
#include "calibrate/kernels/token_counts.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::calibrate {
namespace {

using models::Precision;
using testing::HasSubstr;
using tests::expect_input_error;

std::vector<KernelCase> one_of_each() {
  using Part = ExpertCase::Part;
  using Kind = MoveCase::Kind;
  std::vector<KernelCase> cases;
  const auto add = [&](Kernel kernel) {
    cases.emplace_back();
    cases.back().kernel = std::move(kernel);
  };
  for (const Part part : {Part::layer, Part::up, Part::down, Part::products}) {
    add(ExpertCase{part, 64, 32, 2, 16, "balanced", token_counts("balanced", 8, 16, 2)});
  }
  add(DenseCase{16, 64, 32});
  add(AttentionCase{4, 2, 16, true, 3, 1, 50});
  add(AttentionCase{4, 2, 16, false, 2, 20, 30});
  add(RouterCase{16, 8, 2});
  for (const Kind kind : {Kind::permute, Kind::unpermute, Kind::copy}) {
    add(MoveCase{kind, 16, 64, 2});
  }
  return cases;
}

TEST(CpuDevice, TimesOneOfEachKernel) {
  const auto device = make_device("cpu", {.threads = 2});
  for (const KernelCase& wanted : one_of_each()) {
    MadeCase made = device->make(wanted);
    auto* timed = std::get_if<std::unique_ptr<TimedCase>>(&made);
    ASSERT_NE(timed, nullptr) << wanted.id();
    EXPECT_GT((*timed)->sample(), 0.0) << wanted.id();
    EXPECT_GE((*timed)->calls(), 1) << wanted.id();
  }
}

TEST(CpuDevice, SkipsWhatItCannotDo) {
  const auto device = make_device("cpu", {.threads = 1});
  KernelCase half{DenseCase{16, 64, 32}, Precision::bf16};
  EXPECT_THAT(std::get<Skipped>(device->make(half)).reason, HasSubstr("fp32"));
  KernelCase huge{DenseCase{1, 1 << 20, 1 << 22}};  // 16 TiB of weights
  EXPECT_THAT(std::get<Skipped>(device->make(huge)).reason, HasSubstr("needs"));
}

TEST(CpuDevice, SaysWhatItMultipliesWith) {
  for (const std::string& name : product_names()) {
    const auto device = make_device("cpu", {.threads = 1, .products = name});
    EXPECT_EQ(device->kernel_source({DenseCase{1, 1, 1}}), "cpu_" + name);
    EXPECT_EQ(device->fingerprint().at("threads"), "1");
    EXPECT_FALSE(device->fingerprint().at("products").empty());
  }
  expect_input_error([] { make_device("cpu", {.products = "mkl"}); }, "E_VALUE", "'mkl'", "eigen");
  expect_input_error([] { make_device("tpu", {}); }, "E_VALUE", "'tpu'", "cpu");
}

TEST(KernelCase, CountsBytesAndProducts) {
  // 8 rows, 16 columns, 32 inner, fp32: 4 (16 * 32 + 8 * 32 + 8 * 16) bytes, 2 * 8 * 16 * 32 FLOP.
  const KernelCase dense{DenseCase{8, 16, 32}};
  EXPECT_EQ(in_bytes(dense.bytes()), 4.0 * (512 + 256 + 128));
  EXPECT_EQ(dense.flops().value(), 8192.0);
  EXPECT_EQ(dense.id(), "dense/m8/n16/k32/fp32");
  // Two of four experts active: 3 * 8 * 4 weights each; 2 pairs: 3 matrices, 2 FLOP an element.
  const KernelCase expert{ExpertCase{ExpertCase::Part::layer, 8, 4, 1, 2, "balanced", {1, 1, 0, 0}},
                          Precision::bf16};
  EXPECT_EQ(in_bytes(expert.bytes()), 2.0 * (3 * 8 * 4 * 2 + 2 * (2 * 8 + 3 * 4)));
  EXPECT_EQ(expert.flops().value(), 2.0 * 3 * 8 * 4 * 2);
  EXPECT_EQ(expert.id(), "expert/layer/h8/i4/k1/e4/t2/balanced/bf16");
  // Causal: 3 queries after 5 cached tokens see 6 + 7 + 8 keys, 2 heads of 4: 4 FLOP an element.
  const KernelCase prefill{AttentionCase{2, 1, 4, false, 1, 3, 5}};
  EXPECT_EQ(prefill.flops().value(), 4.0 * 2 * 4 * 21);
}

TEST(Benchmarks, RunThroughGoogleBenchmarkWithItsFilters) {
  KernelGrid grid;
  for (const KernelCase& wanted : one_of_each()) {
    grid.cases.emplace(wanted.id(), wanted);
    grid.points.push_back({wanted.id(), 0, milliseconds(1.0)});
  }
  const auto device = make_device("cpu", {.threads = 1});
  std::ostringstream out;
  try {
    run_benchmarks(
        *device, grid,
        {"--benchmark_filter=dense/.*", "--benchmark_format=json", "--benchmark_min_time=0.001"},
        out);
  } catch (const InputError& error) {
    GTEST_SKIP() << error.what();  // a build without the library says so
  }
  EXPECT_THAT(out.str(), HasSubstr("\"name\": \"dense/m16/n64/k32/fp32/manual_time\""));
  EXPECT_THAT(out.str(), HasSubstr("flop_per_s"));
  EXPECT_THAT(out.str(), testing::Not(HasSubstr("router")));
  expect_input_error([&] { run_benchmarks(*device, grid, {"--no_such_flag"}, out); }, "E_VALUE",
                     "no_such_flag");
}

}  // namespace
}  // namespace moeplan::calibrate
