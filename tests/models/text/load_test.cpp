// tests.md C3 rows 1 to 3 and 15: files that are not there, not files, not readable, too large.

#include "models/text/load.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "models/text/csv.hpp"
#include "tests/support/expect_input_error.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::text {
namespace {

using tests::expect_input_error;
using tests::TemporaryDirectory;

TEST(ReadFile, ReturnsTheBytes) {
  const TemporaryDirectory directory;
  const auto path = directory.write("a.yaml", "name: x\r\n# end");
  EXPECT_EQ(read_file(path), "name: x\r\n# end");
}

TEST(ReadFile, MissingFileNamesItAndTheErrno) {
  const TemporaryDirectory directory;
  const auto path = directory / "absent.yaml";
  for (const auto& load : std::vector<std::function<void()>>{
           [&] { load_yaml(path); }, [&] { load_json(path); }, [&] { CsvTable::load(path); }}) {
    expect_input_error(load, "E_IO", path.string(), "No such file or directory");
  }
  expect_input_error([] { read_file(""); }, "E_IO", "file name is empty");
}

TEST(ReadFile, DirectoryIsNoFile) {
  const TemporaryDirectory directory;
  expect_input_error([&] { load_yaml(directory.path()); }, "E_IO", directory.path().string(),
                     "Is a directory");
}

TEST(ReadFile, ForbiddenFile) {
  if (::geteuid() == 0) {
    GTEST_SKIP() << "root may read every file";
  }
  const TemporaryDirectory directory;
  const auto path = directory.write("a.yaml", "a: 1\n");
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  expect_input_error([&] { load_yaml(path); }, "E_IO", path.string(), "Permission denied");
}

TEST(ReadFile, ReadErrorIsNotAnEmptyResult) {
  // Address 0 of a process is never mapped: open works, read fails with EIO.
  if (::access("/proc/self/mem", R_OK) != 0) {
    GTEST_SKIP() << "no /proc/self/mem here";
  }
  expect_input_error([] { read_file("/proc/self/mem"); }, "E_IO", "/proc/self/mem",
                     "Input/output error");
}

TEST(ReadFile, SizeLimitIsCheckedBeforeReading) {
  const TemporaryDirectory directory;
  const auto path = directory.write("big.json", "\"");
  std::filesystem::resize_file(path, std::uintmax_t{1} << 40);  // sparse: 1 TiB, no blocks
  expect_input_error([&] { load_json(path); }, "E_LIMIT", path.string(), "1099511627776 bytes",
                     "at most 64 MiB");
}

TEST(ReadFile, LimitIsInclusive) {
  const TemporaryDirectory directory;
  const auto path = directory.write("a.csv", std::string(kMaxFileBytes, 'a'));
  EXPECT_EQ(read_file(path).size(), kMaxFileBytes);
  std::filesystem::resize_file(path, kMaxFileBytes + 1);
  expect_input_error([&] { read_file(path); }, "E_LIMIT", "at most 64 MiB");
}

TEST(ReadFile, PipesAreReadToTheEndAndBounded) {
  const TemporaryDirectory directory;
  const auto path = directory / "pipe";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  std::thread writer([&] { directory.write("pipe", "a: 1\nb: 2\n"); });
  EXPECT_EQ(read_file(path), "a: 1\nb: 2\n");
  writer.join();
  expect_input_error([] { read_file("/dev/zero"); }, "E_LIMIT", "/dev/zero", "64 MiB");
}

TEST(Load, DocumentsKeepTheNameOfTheFile) {
  const TemporaryDirectory directory;
  const auto path = directory.write("a.json", "{\"a\": 1}");
  EXPECT_EQ(load_json(path).file, path.string());
  EXPECT_EQ(load_yaml(path).file, path.string());  // JSON is YAML
  expect_input_error([&] { load_json(directory.write("b.json", "{\"a\": }")); }, "E_SYNTAX",
                     (directory / "b.json").string() + ":1:7");
}

}  // namespace
}  // namespace moeplan::text
