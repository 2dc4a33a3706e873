#include "calibrate/kernels/kernel_benchmarks.hpp"

#ifdef MOEPLAN_GOOGLE_BENCHMARK
#include <benchmark/benchmark.h>
#endif

#include "calibrate/measurement/device_error.hpp"
#include "models/text/input_error.hpp"

namespace moeplan::calibrate {
namespace {

InputError wrong(const std::string& what, const std::string& got, const std::string& expected) {
  return InputError({.code = "E_VALUE",
                     .file = "",
                     .mark = {},
                     .pointer = "",
                     .what = what,
                     .got = got,
                     .expected = expected,
                     .fix = ""});
}

}  // namespace

#ifdef MOEPLAN_GOOGLE_BENCHMARK
namespace {

void run_case(benchmark::State& state, KernelDevice& device, const KernelCase& wanted) {
  try {
    MadeCase made = device.make(wanted);
    if (const auto* skipped = std::get_if<Skipped>(&made)) {
      state.SkipWithError(skipped->reason.c_str());
      return;
    }
    TimedCase& timed = *std::get<std::unique_ptr<TimedCase>>(made);
    for (auto _ : state) {
      state.SetIterationTime(timed.sample());
    }
    using benchmark::Counter;
    state.counters["bytes_per_s"] =
        Counter(in_bytes(wanted.bytes()), Counter::kIsIterationInvariantRate);
    state.counters["flop_per_s"] =
        Counter(wanted.flops().value(), Counter::kIsIterationInvariantRate);
  } catch (const DeviceError& error) {
    state.SkipWithError(error.what());
  }
}

}  // namespace

void run_benchmarks(KernelDevice& device, const KernelGrid& grid,
                    const std::vector<std::string>& arguments, std::ostream& out) {
  std::vector<std::string> text = {"moeplan-measure"};
  text.insert(text.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  bool json = false;
  for (std::string& argument : text) {
    json = json || argument == "--benchmark_format=json";
    argv.push_back(argument.data());
  }
  int argc = static_cast<int>(argv.size());
  benchmark::Initialize(&argc, argv.data());
  if (argc > 1) {
    throw wrong("an argument that Google Benchmark does not know", argv[1],
                "--benchmark_... flags");
  }
  for (const auto& [key, value] : device.fingerprint()) {
    benchmark::AddCustomContext(key, value);
  }
  for (const GridPoint& point : grid.points) {
    const KernelCase& wanted = grid.cases.at(point.id);
    benchmark::RegisterBenchmark(point.id.c_str(), [&](benchmark::State& state) {
      run_case(state, device, wanted);
    })->UseManualTime();
  }
  benchmark::ConsoleReporter console(benchmark::ConsoleReporter::OO_Tabular);
  benchmark::JSONReporter as_json;
  benchmark::BenchmarkReporter* reporter = &console;
  if (json) {
    reporter = &as_json;
  }
  reporter->SetOutputStream(&out);
  reporter->SetErrorStream(&out);
  benchmark::RunSpecifiedBenchmarks(reporter);
  benchmark::ClearRegisteredBenchmarks();
}
#else
void run_benchmarks(KernelDevice& /*device*/, const KernelGrid& /*grid*/,
                    const std::vector<std::string>& /*arguments*/, std::ostream& /*out*/) {
  throw wrong("this build is without Google Benchmark", "",
              "libbenchmark-dev when configuring the build");
}
#endif

}  // namespace moeplan::calibrate
