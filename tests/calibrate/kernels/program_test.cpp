// Does the program measure, stop, go on, and write what fits read?
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <fstream>
#include <thread>

#include "calibrate/cpu_hardware.hpp"
#include "calibrate/fitting/fit_profile.hpp"
#include "calibrate/import/measurements.hpp"
#include "calibrate/import/own_format.hpp"
#include "calibrate/kernel_measurements.hpp"
#include "calibrate/measurement/process.hpp"
#include "models/catalog/catalog.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::calibrate {
namespace {

using testing::HasSubstr;

// A device without kernels: everything but make.
class NamedDevice : public KernelDevice {
 public:
  MadeCase make(const KernelCase& /*wanted*/) override { return Skipped{"a name only"}; }
  std::string kernel_source(const KernelCase& /*wanted*/) const override { return "cpu_test"; }
  std::map<std::string, std::string> fingerprint() const override { return {}; }
  std::vector<models::Precision> precisions() const override { return {models::Precision::fp32}; }
  std::string name() const override { return "Test \"CPU\""; }
  Bytes memory() const override { return gigabytes(16.0); }
  Bytes last_level_cache() const override { return bytes(32e6); }
  int multiprocessors() const override { return 2; }
};

// A journal of the coarse CPU grid by planted rates: 10 GB/s and 0.05 TFLOP/s, joined as laws join
// them (p-norm of 3), behind 5 us.
JournalContents planted(const KernelGrid& grid) {
  JournalContents journal;
  journal.header = {.what = "kernels cpu fp32", .launches = 1, .visits = 1};
  for (const GridPoint& point : grid.points) {
    if (point.level > 0) {
      continue;
    }
    const KernelCase& wanted = grid.cases.at(point.id);
    const double memory = in_bytes(wanted.bytes()) / 10e9;
    const double compute = wanted.flops().value() / 0.05e12;
    PointRecord record{point.id, 0, 0, {}};
    record.outcome.samples = {5e-6 + std::cbrt(std::pow(memory, 3) + std::pow(compute, 3))};
    journal.header.plan.push_back(point.id);
    journal.records.push_back(record);
  }
  return journal;
}

TEST(KernelMeasurements, AreReadFittedAndGiveBackWhatWasPlanted) {
  const KernelGrid grid = kernel_grid({});
  const NamedDevice device;
  const JournalContents journal = planted(grid);
  const models::Measurements made =
      kernel_measurements(journal, grid, device, "cpu.jsonl", "content");
  EXPECT_EQ(made.rows(), static_cast<std::int64_t>(journal.header.plan.size()));
  const tests::TemporaryDirectory directory;
  const auto path = directory.write("measured.json", measurements_text({made}));
  const models::Measurements read = import_measurements(path);
  EXPECT_EQ(read.rows(), made.rows());
  EXPECT_EQ(read.device, "Test \"CPU\"");
  const auto hardware =
      directory.write("cpu-test.yaml", cpu_hardware_text(made, device, Watts(100.0)));
  const models::Gpu cpu = models::load_gpu(hardware.string());
  EXPECT_EQ(cpu.id, "cpu-test");
  // The rates less the launch: 134 MB take 13.4 ms, so 5 us are below 0.1 %.
  EXPECT_NEAR(cpu.bandwidth.value(), 10e9, 0.01e9);
  EXPECT_NEAR(cpu.peak_for(models::Precision::fp32).value(), 0.05e12, 0.0005e12);
  const FittedProfile fitted = fit_profile({read}, cpu);
  std::vector<std::string> kernels;
  for (const models::FittedLaw& law : fitted.profile.laws) {
    kernels.push_back(law.info.kernel);
  }
  EXPECT_THAT(kernels, testing::IsSupersetOf({"expert", "dense", "attention_decode",
                                              "attention_prefill", "permute"}));
  EXPECT_EQ(fitted.profile.hardware, "cpu-test");
}

TEST(KernelMeasurements, WhatWasNotMeasuredIsCountedWithItsReason) {
  const KernelGrid grid = kernel_grid({});
  JournalContents journal = planted(grid);
  journal.records[0].outcome = {
      .status = PointStatus::throttled, .reason = "hot", .samples = {}, .flags = {}};
  journal.records[1].outcome.flags = {"unconverged"};
  const auto made = kernel_measurements(journal, grid, NamedDevice(), "cpu.jsonl", "");
  EXPECT_EQ(made.rows(), static_cast<std::int64_t>(journal.header.plan.size()) - 1);
  EXPECT_EQ(made.skipped.at("throttled: hot"), 1);
  EXPECT_THAT(made.notes, testing::Contains("1 points are unconverged"));
}

std::string shell(const tests::TemporaryDirectory& directory, const std::string& more) {
  return std::string(MOEPLAN_MEASURE_PROGRAM) + " kernels --threads 1 --launches 1 --visits 1 " +
         "--budget 3s -q --journal " + (directory / "j.jsonl").string() + " " + more + " 2>" +
         (directory / "err").string();
}

int run(const std::string& command) { return run_process({"sh", "-c", command}).exit_code; }

TEST(Program, SaysWhatIsWrong) {
  const tests::TemporaryDirectory directory;
  EXPECT_EQ(run(shell(directory, "--device tpu --dry-run")), 3);
  EXPECT_THAT(tests::read_bytes(directory / "err"), HasSubstr("'tpu'"));
  EXPECT_EQ(run(shell(directory, "--precision fp4 --dry-run")), 3);
  EXPECT_EQ(run(shell(directory, "--hardware-file here.yaml --power 100W")), 2);
  EXPECT_EQ(run(shell(directory, "--hardware-file cpu-here.yaml")), 2);  // without --power
  EXPECT_EQ(run(shell(directory, "--budget 20parsecs")), 2);
  EXPECT_EQ(run(std::string(MOEPLAN_MEASURE_PROGRAM) + " points /nonexistent 2>/dev/null"), 3);
}

// One interrupt: the point that runs is finished, 130. The same command goes on.
TEST(Program, AnInterruptFinishesThePoint) {
  const tests::TemporaryDirectory directory;
  const std::string pid_file = (directory / "pid").string();
  std::thread interrupt([&] {
    const auto journal = directory / "j.jsonl";
    for (int tries = 0; tries < 2000; ++tries) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
      std::error_code none;
      int pid = 0;
      std::ifstream(pid_file) >> pid;
      if (pid > 0 && std::filesystem::exists(journal, none) &&
          !read_journal(journal).records.empty()) {
        ::kill(pid, SIGINT);
        return;
      }
    }
  });
  const int code = run("echo $$ > " + pid_file + "; exec " + shell(directory, ""));
  interrupt.join();
  EXPECT_EQ(code, 130);
  EXPECT_THAT(tests::read_bytes(directory / "err"), HasSubstr("goes on from"));
  const JournalContents contents = read_journal(directory / "j.jsonl", true);  // no torn line
  EXPECT_GT(contents.records.size(), 0U);
  EXPECT_LT(contents.records.size(), contents.header.plan.size());
}

TEST(Program, AFullDiskIsExitSixAndNamesTheJournal) {
  const tests::TemporaryDirectory directory;
  // 1024-byte blocks in dash, 512 with POSIX: room for the header and a few points at most.
  EXPECT_EQ(run("ulimit -f 12; " + shell(directory, "")), 6);
  EXPECT_THAT(tests::read_bytes(directory / "err"), HasSubstr("j.jsonl"));
  EXPECT_FALSE(read_journal(directory / "j.jsonl").torn);
}

}  // namespace
}  // namespace moeplan::calibrate
