// Wrong data files are refused with their place and what would be right (tests.md C3 8 to 18).
#include <gtest/gtest.h>

#include "models/catalog/catalog.hpp"
#include "tests/models/catalog/data_override.hpp"
#include "tests/support/expect_input_error.hpp"

namespace moeplan::models {
namespace {

using moeplan::tests::expect_input_error;
using tests::DataOverride;
using tests::with;

const std::string kGpu = R"(schema: moeplan.gpu
schema_version: 1
name: Test
sources:
  sheet: "data sheet, 2026-01-01"
memory: {value: 80 GiB, source: sheet}
bandwidth: {value: 2000 GB/s, source: sheet}
multiprocessors: {value: 100, source: sheet}
l2_cache: {value: 40 MiB, source: sheet}
power: {value: 400 W, source: sheet}
fabric: {value: nvlink3, source: sheet}
uplink: {value: infiniband, source: sheet}
gpus_per_node: {value: 8, source: sheet}
peak:
  bf16: {dense: 300 TFLOP/s, with_sparsity: 600 TFLOP/s, source: sheet}
computes_in:
  fp8: {value: bf16, source: sheet}
)";

void expect_gpu_error(const std::string& text, const std::string& code,
                      const std::vector<std::string>& parts) {
  const DataOverride data;
  data.write("gpus/test.yaml", text);
  moeplan::tests::expect_input_error_with([] { load_gpu("test"); }, code, parts);
}

TEST(GpuFile, LoadsAsWritten) {
  const DataOverride data;
  data.write("gpus/test.yaml", kGpu);
  const Gpu gpu = load_gpu("test");
  EXPECT_EQ(gpu.memory, gibibytes(80.0));
  EXPECT_EQ(gpu.peak_for(Precision::fp8), teraflops(300.0));
  EXPECT_EQ(gpu.sources.at("memory"), "data sheet, 2026-01-01");
}

TEST(GpuFile, NeedsASourceForEveryNumber) {
  expect_gpu_error(with(kGpu, "80 GiB, source: sheet", "80 GiB"), "E_MISSING",
                   {"test.yaml:6:", "/memory/source"});
  expect_gpu_error(with(kGpu, "80 GiB, source: sheet", "80 GiB, source: sheat"), "E_VALUE",
                   {"test.yaml:6:", "sheet", "did you mean 'sheet'"});
  expect_gpu_error(with(kGpu, "\"data sheet, 2026-01-01\"", "\"\""), "E_VALUE", {"says nothing"});
}

TEST(GpuFile, NeedsUnits) {
  expect_gpu_error(with(kGpu, "80 GiB", "80"), "E_UNIT", {"test.yaml:6:", "/memory/value", "GiB"});
  expect_gpu_error(with(kGpu, "2000 GB/s", "2000 Gb/s"), "E_UNIT", {"/bandwidth/value", "GB/s"});
  expect_gpu_error(with(kGpu, "80 GiB", "-80 GiB"), "E_RANGE", {"/memory/value"});
  expect_gpu_error(with(kGpu, "value: 100,", "value: 100.5,"), "E_TYPE", {"/multiprocessors"});
}

TEST(GpuFile, RefusesTheSparseRateAsTheDenseOne) {
  expect_gpu_error(with(kGpu, "dense: 300", "dense: 600"), "E_VALUE",
                   {"/peak/bf16/dense", "with_sparsity / 2"});
}

TEST(GpuFile, AsksForTheSparseRateOrItsAbsence) {
  // Left out, a sparse rate could stand under `dense` and nobody would notice.
  expect_gpu_error(with(kGpu, "with_sparsity: 600 TFLOP/s, ", ""), "E_MISSING",
                   {"/peak/bf16", "with_sparsity"});
  const DataOverride data;
  data.write("gpus/test.yaml", with(kGpu, "with_sparsity: 600 TFLOP/s", "with_sparsity: none"));
  EXPECT_EQ(load_gpu("test").peak_for(Precision::bf16), teraflops(300.0));
}

TEST(GpuFile, RefusesASparseRateAmongDenseOnes) {
  // fp8 runs twice as fast as bf16: 600; 1200 is the sparse figure.
  const std::string fp8 = "  fp8: {dense: 1200 TFLOP/s, with_sparsity: none, source: sheet}\n";
  const std::string file = kGpu.substr(0, kGpu.find("computes_in"));
  expect_gpu_error(file + fp8, "E_VALUE", {"/peak/fp8", "4 times", "at most 2 times"});
  const DataOverride data;
  data.write("gpus/test.yaml", file + with(fp8, "1200", "600"));
  EXPECT_EQ(load_gpu("test").peak_for(Precision::fp8), teraflops(600.0));
}

TEST(CpuFile, StatesMeasuredRates) {
  const std::string file =
      with(kGpu.substr(0, kGpu.find("peak:")), "fabric: {value: nvlink3", "fabric: {value: host") +
      "peak:\n  fp32: {dense: 1 TFLOP/s, source: sheet}\n"
      "computes_in:\n  bf16: {value: fp32, source: sheet}\n";
  const DataOverride data;
  data.write("gpus/cpu-test.yaml", file);
  const Gpu cpu = load_gpu("cpu-test");
  EXPECT_TRUE(cpu.is_cpu());
  EXPECT_EQ(cpu.peak_for(Precision::bf16), teraflops(1.0));
  // The same file is no GPU: a GPU has tensor cores for bf16.
  data.write("gpus/test.yaml", file);
  expect_input_error([] { load_gpu("test"); }, "E_MISSING", "bf16");
  data.write("gpus/cpu-none.yaml", file.substr(0, file.find("computes_in")));
  expect_input_error([] { load_gpu("cpu-none"); }, "E_MISSING", "bf16");
}

TEST(NodeFile, NetworkIsWhatTheUplinkGivesItsGpus) {
  const std::string fabric = R"(schema: moeplan.fabric
schema_version: 1
name: F
kind: ethernet
sources: {sheet: "data sheet, 2026-01-01"}
bandwidth: {value: 50 GB/s, source: sheet}
latency: {value: 2 us, source: sheet}
)";
  const std::string node = R"(schema: moeplan.node
schema_version: 1
name: N
sources: {sheet: "data sheet, 2026-01-01"}
gpu: {value: test, source: sheet}
gpus: {value: 8, source: sheet}
fabric: {value: up, source: sheet}
uplink: {value: up, source: sheet}
nics: {value: 8, source: sheet}
network: {value: 3200 Gbit/s, source: sheet}
)";
  const DataOverride data;
  data.write("fabrics/up.yaml", fabric);
  data.write("nodes/n.yaml", node);
  EXPECT_EQ(load_node("n").network, gigabytes_per_second(400.0));  // 8 x 50 GB/s = 3200 Gbit/s
  data.write("nodes/n.yaml", with(node, "3200", "400"));  // one port's rate, not the node's
  expect_input_error([] { load_node("n"); }, "E_VALUE", "/network", "400 GB/s");
}

TEST(GpuFile, RefusesUnknownAndDuplicateKeys) {
  expect_gpu_error(with(kGpu, "l2_cache:", "l2_cahce:"), "E_UNKNOWN_KEY", {"l2_cahce"});
  expect_gpu_error(with(kGpu, "l2_cache:", "l2_cahce:"), "E_MISSING", {"l2_cache"});
  expect_gpu_error(kGpu + "name: again\n", "E_DUPLICATE", {"name"});
  expect_gpu_error(with(kGpu, "bf16: {dense", "bf61: {dense"), "E_VALUE", {"bf61", "bf16"});
}

TEST(GpuFile, RefusesArithmeticWithoutARate) {
  expect_gpu_error(with(kGpu, "fp8: {value: bf16", "fp8: {value: fp16"), "E_VALUE",
                   {"/computes_in/fp8/value"});
  expect_gpu_error(with(kGpu, "fp8: {value: bf16", "bf16: {value: bf16"), "E_VALUE",
                   {"/computes_in/bf16"});
}

TEST(GpuFile, RefusesOtherKindsAndVersions) {
  expect_gpu_error(with(kGpu, "moeplan.gpu", "moeplan.fabric"), "E_SCHEMA", {"moeplan.gpu"});
  expect_gpu_error(with(kGpu, "schema_version: 1", "schema_version: 2"), "E_SCHEMA", {"newer"});
}

TEST(GpuFile, ReportsAllItsProblemsAtOnce) {
  const DataOverride data;
  data.write("gpus/test.yaml", with(with(kGpu, "80 GiB", "80"), "400 W", "400"));
  const auto problems = expect_input_error([] { load_gpu("test"); }, "E_UNIT", "/memory");
  EXPECT_EQ(problems.size(), 2U);
}

const std::string kBook = R"(schema: moeplan.price_book
schema_version: 1
as_of: "2026-11-23"
currency: USD
prices:
  - id: one
    provider: P
    instance: I
    gpu: h100-sxm
    tier: on_demand
    region: r
    gpus: 8
    rent: 32 USD/h
    as_of: "2026-11-01"
    source: "a page, 2026-11-01"
)";

void expect_book_error(const std::string& text, const std::string& code,
                       const std::vector<std::string>& parts) {
  const DataOverride data;
  const std::string path = data.write("book.yaml", text);
  moeplan::tests::expect_input_error_with([&] { load_price_book(path); }, code, parts);
}

TEST(PriceFile, LoadsAsWritten) {
  const DataOverride data;
  const PriceBook book = load_price_book(data.write("mine.yaml", kBook));
  EXPECT_EQ(book.id(), "mine");
  EXPECT_DOUBLE_EQ(in_usd_per_hour(book.price("one").rent), 32.0);
  EXPECT_EQ(book.price("one").largest, 8);  // defaults to gpus
}

TEST(PriceFile, RefusesWhatIsNoPrice) {
  expect_book_error(with(kBook, "32 USD/h", "32"), "E_UNIT", {"/prices/0/rent", "USD/h"});
  expect_book_error(with(kBook, "32 USD/h", "0 USD/h"), "E_RANGE", {"/prices/0/rent"});
  expect_book_error(with(kBook, "32 USD/h", "32 EUR/h"), "E_UNIT", {"USD/h"});
  expect_book_error(with(kBook, "on_demand", "ondemand"), "E_VALUE", {"on_demand", "spot"});
  expect_book_error(with(kBook, "2026-11-01\"\n    source", "2026-11-31\"\n    source"), "E_VALUE",
                    {"/prices/0/as_of", "YYYY-MM-DD"});
  expect_book_error(with(kBook, "\"a page, 2026-11-01\"", "\"\""), "E_VALUE", {"/prices/0/source"});
  expect_book_error(with(kBook, "    source: \"a page, 2026-11-01\"\n", ""), "E_MISSING",
                    {"source"});
  expect_book_error(with(kBook, "gpus: 8", "gpus: 8\n    largest: 12"), "E_RANGE",
                    {"/prices/0/largest", "multiple of gpus (8)"});
  expect_book_error(with(kBook, "currency: USD", "currency: EUR"), "E_VALUE", {"USD"});
}

TEST(PriceFile, RefusesTwoPricesOfOneName) {
  const std::string entry = kBook.substr(kBook.find("  - id: one"));
  expect_book_error(kBook + entry, "E_DUPLICATE", {"/prices/1/id", "line 6"});
}

const std::string kOwn = R"(    own:
      sources: {quote: "a quotation, 2026-11-01"}
      capex: {value: 87600 USD, source: quote}
      life: {value: 1 year, source: quote}
      utilisation: {value: 0.5, source: quote}
      power: {value: 10 kW, basis: server, source: quote}
      pue: {value: 1.5, source: quote}
      electricity: {value: 0.10 USD/kWh, source: quote}
      hosting: {value: 2 USD/h, source: quote}
      operations: {value: 1 USD/h, source: quote}
      licences: {value: 0 USD/h, source: quote}
)";

std::string owned_book() {
  return with(with(kBook, "on_demand", "owned"), "    rent: 32 USD/h\n", kOwn);
}

TEST(OwnedPriceFile, BecomesARent) {
  const DataOverride data;
  const PriceBook book = load_price_book(data.write("mine.yaml", owned_book()));
  const Price& price = book.price("one");
  // 87600/(8760 x 0.5) + 10 x 1.5 x 0.10/0.5 + (2 + 1)/0.5 = 20 + 3 + 6.
  EXPECT_NEAR(in_usd_per_hour(price.rent), 29.0, 1e-9);
  ASSERT_TRUE(price.own);
  EXPECT_EQ(price.own->sources.at("power"), "a quotation, 2026-11-01");
}

TEST(OwnedPriceFile, RefusesThePueTwiceOrNever) {
  expect_book_error(with(owned_book(), "basis: server", "basis: all_in"), "E_VALUE",
                    {"/prices/0/own/pue", "count twice"});
  expect_book_error(with(owned_book(), "      pue: {value: 1.5, source: quote}\n", ""), "E_MISSING",
                    {"/prices/0/own", "pue"});
  expect_book_error(with(owned_book(), "value: 1.5", "value: 0.9"), "E_RANGE", {"/own/pue/value"});
  expect_book_error(with(owned_book(), "basis: server", "basis: tdp"), "E_VALUE",
                    {"boards", "server", "all_in"});
}

TEST(OwnedPriceFile, RefusesWhatIsNoMachine) {
  expect_book_error(with(owned_book(), "value: 0.5", "value: 50"), "E_RANGE",
                    {"/own/utilisation/value"});
  expect_book_error(with(owned_book(), "10 kW", "10"), "E_UNIT", {"/own/power/value", "kW"});
  expect_book_error(with(owned_book(), "0.10 USD/kWh", "0.10 USD/h"), "E_UNIT", {"USD/kWh"});
  expect_book_error(with(owned_book(), "1 USD/h, source: quote", "1 USD/h"), "E_MISSING",
                    {"/own/operations/source"});
  expect_book_error(with(owned_book(), "      licences: {value: 0 USD/h, source: quote}\n", ""),
                    "E_MISSING", {"licences"});
}

TEST(OwnedPriceFile, StatesEitherARentOrAMachine) {
  expect_book_error(with(kBook, "on_demand", "owned"), "E_MISSING", {"own"});
  expect_book_error(with(owned_book(), "    own:", "    rent: 3 USD/h\n    own:"), "E_UNKNOWN_KEY",
                    {"rent"});
  expect_book_error(with(owned_book(), "tier: owned", "tier: spot"), "E_UNKNOWN_KEY", {"own"});
}

const std::string kCurve = R"(schema: moeplan.accuracy_curve
schema_version: 1
name: Test
model: M
method: cut
metric: accuracy
pretrained_experts: 8
top_k: 2
router: sliced
band: binomial
sources:
  t: "a table"
tasks:
  - {name: a, samples: 100, source: t}
points:
  - {experts_kept: 8, values: {a: 0.5}, source: t}
  - {experts_kept: 4, values: {a: 0.4}, source: t}
)";

void expect_curve_error(const std::string& text, const std::string& code,
                        const std::vector<std::string>& parts) {
  const DataOverride data;
  const std::string path = data.write("curve.yaml", text);
  moeplan::tests::expect_input_error_with([&] { load_accuracy(path); }, code, parts);
}

TEST(AccuracyFile, LoadsAsWritten) {
  const DataOverride data;
  const AccuracyCurve curve = load_accuracy(data.write("mine.yaml", kCurve));
  EXPECT_EQ(curve.description().id, "mine");
  EXPECT_NEAR(*curve.unpruned()->standard_error, 0.05, 1e-12);  // sqrt(.25/100)
}

TEST(AccuracyFile, TakesAStatedBand) {
  const DataOverride data;
  const AccuracyCurve curve = load_accuracy(data.write(
      "mine.yaml", with(with(kCurve, "band: binomial",
                             "band: stated\nstandard_error: 0.004\nband_reason: three seeds"),
                        "samples: 100, ", "")));
  EXPECT_EQ(*curve.unpruned()->standard_error, 0.004);
  EXPECT_EQ(curve.description().band, "stated: three seeds");
}

TEST(AccuracyFile, RefusesWhatIsNoAccuracy) {
  expect_curve_error(with(kCurve, "a: 0.5", "a: 50"), "E_RANGE", {"/points/0/values/a", "0 to 1"});
  expect_curve_error(with(kCurve, "{a: 0.5}", "{b: 0.5}"), "E_MISSING", {"'a'"});
  expect_curve_error(with(kCurve, "{a: 0.5}", "{b: 0.5}"), "E_UNKNOWN_KEY", {"b"});
  expect_curve_error(with(kCurve, "experts_kept: 4", "experts_kept: 8"), "E_DUPLICATE",
                     {"/points/1"});
  expect_curve_error(with(kCurve, "experts_kept: 4", "experts_kept: 1"), "E_RANGE",
                     {"top_k 2 to pretrained_experts 8"});
  expect_curve_error(with(kCurve, "router: sliced", "router: slice"), "E_VALUE",
                     {"reinitialised", "sliced"});
}

TEST(AccuracyFile, RefusesABinomialBandWithoutSamples) {
  expect_curve_error(with(kCurve, "samples: 100, ", ""), "E_VALUE", {"samples of task 'a'"});
}

TEST(AccuracyFile, RefusesWeightsThatDoNotAddUp) {
  expect_curve_error(with(kCurve, "samples: 100,", "samples: 100, weight: 0.5,"), "E_VALUE",
                     {"/tasks", "summing to 1"});
}

const std::string kTable = R"(schema: moeplan.accuracy_table
schema_version: 1
name: Test
model: M
metric: accuracy
top_k: 2
router: sliced
sources: {t: "a table"}
tasks:
  - {name: a, samples: 100, source: t}
  - {name: b, source: t}
rows:
  - {name: M, method: none, pretrained: 8, kept: 8, source: t, values: {a: 0.5, b: 0.7}}
  - {name: cut, method: cut, pretrained: 8, kept: 4, source: t, values: {a: 0.4}}
)";

const std::string kPart = R"(schema: moeplan.accuracy_curve
schema_version: 1
name: Part
table: t
method: cut
pretrained_experts: 8
tasks:
  - {name: a}
)";

TEST(TableCurveFile, TakesTheTasksItNames) {
  const DataOverride data;
  data.write("accuracy/tables/t.yaml", kTable);
  data.write("accuracy/c.yaml", kPart + "router: merged_logits\n");
  const AccuracyCurve curve = load_accuracy("c");
  EXPECT_NEAR(curve.change(4)->value, -0.1, 1e-12);
  EXPECT_EQ(curve.description().router, "merged_logits");
  EXPECT_EQ(curve.description().band, "binomial");  // task b, without a count, is not in it
  data.write("accuracy/c.yaml", with(kPart, "name: a", "name: aa"));
  expect_input_error([] { load_accuracy("c"); }, "E_VALUE", "/tasks/0/name", "a, b");
  // Without the selection the row lacks task b: no mean is invented.
  data.write("accuracy/c.yaml", kPart.substr(0, kPart.find("tasks:")));
  expect_input_error([] { load_accuracy("c"); }, "E_VALUE", "no such row");
}

TEST(TopKFile, StaysBelowTheTrainedTopK) {
  const std::string file = with(
      with(with(kCurve, "accuracy_curve", "top_k_curve"), "pretrained_experts: 8", "experts: 8"),
      "router: sliced\n", "");
  const std::string points =
      with(with(file, "experts_kept: 8", "top_k: 2"), "experts_kept: 4", "top_k: 1");
  const DataOverride data;
  EXPECT_NEAR(load_top_k_curve(data.write("k.yaml", points)).change(1)->value, -0.1, 1e-12);
  const std::string wrong = data.write("k.yaml", with(points, "top_k: 1,", "top_k: 3,"));
  expect_input_error([&] { load_top_k_curve(wrong); }, "E_RANGE", "1 to the trained top_k 2");
}

TEST(AccuracyFile, RefusesATableForACurve) {
  expect_curve_error(with(kCurve, "accuracy_curve", "accuracy_table"), "E_SCHEMA",
                     {"moeplan.accuracy_curve"});
}

}  // namespace
}  // namespace moeplan::models
