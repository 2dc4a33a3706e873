// house.md and tests.md C5: a write leaves the old or the new file, and failures name the path.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <system_error>
#include <thread>

#include "models/text/load.hpp"
#include "tests/support/temporary_directory.hpp"

namespace moeplan::text {
namespace {

using testing::HasSubstr;
using tests::read_bytes;
using tests::TemporaryDirectory;

std::size_t files_in(const std::filesystem::path& directory) {
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator(directory), {}));
}

void expect_write_error(const std::filesystem::path& path, const std::string& content, int error) {
  try {
    write_file(path, content);
    ADD_FAILURE() << "the failed write went unseen";
  } catch (const std::system_error& caught) {
    EXPECT_EQ(caught.code().value(), error) << caught.what();
    EXPECT_THAT(caught.what(), HasSubstr(path.string()));
    EXPECT_THAT(caught.what(), HasSubstr(std::to_string(content.size()) + " bytes"));
  }
}

TEST(WriteFile, MakesAndReplaces) {
  const TemporaryDirectory directory;
  const auto path = directory / "out.json";
  write_file(path, "first");
  EXPECT_EQ(read_bytes(path), "first");
  write_file(path, std::string("sec\0ond\n", 8));
  EXPECT_EQ(read_bytes(path), std::string("sec\0ond\n", 8));
  write_file(path, "");
  EXPECT_EQ(read_bytes(path), "");
  EXPECT_EQ(files_in(directory.path()), 1u);
}

TEST(WriteFile, MissingFolderIsNamed) {
  const TemporaryDirectory directory;
  expect_write_error(directory / "absent/out.json", "x", ENOENT);
}

TEST(WriteFile, FolderIsNotReplaced) {
  const TemporaryDirectory directory;
  expect_write_error(directory.path(), "x", EISDIR);
  EXPECT_EQ(files_in(directory.path()), 0u);
}

TEST(WriteFile, FullDiskKeepsTheOldFileAndLeavesNothingElse) {
  const TemporaryDirectory directory;
  const auto path = directory / "out.json";
  write_file(path, "old");
  // A file size limit of 1000 bytes makes write() fail with EFBIG once SIGXFSZ is ignored.
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  struct rlimit small = before;
  small.rlim_cur = 1000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  expect_write_error(path, std::string(5000, 'x'), EFBIG);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(read_bytes(path), "old");
  EXPECT_EQ(files_in(directory.path()), 1u);
}

TEST(WriteFile, DevicesAreWrittenInPlace) {
  if (!std::filesystem::is_character_file("/dev/full")) {
    GTEST_SKIP() << "no /dev/full here";
  }
  expect_write_error("/dev/full", "x", ENOSPC);
  write_file("/dev/null", "x");
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST(WriteFile, KeepsPermissionsAndSymbolicLinks) {
  const TemporaryDirectory directory;
  const auto path = directory.write("data/real.json", "old");
  ASSERT_EQ(::chmod(path.c_str(), 0640), 0);
  const auto link = directory / "link.json";
  std::filesystem::create_symlink("data/real.json", link);
  write_file(link, "new");
  EXPECT_TRUE(std::filesystem::is_symlink(link));
  EXPECT_EQ(read_bytes(path), "new");
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0640u);
}

TEST(WriteFile, SeveralWritersNeverMix) {
  const TemporaryDirectory directory;
  const auto path = directory / "out.json";
  constexpr std::size_t kSize = 100000;
  write_file(path, std::string(kSize, 'a'));
  const auto writer = [&](char letter) {
    for (int i = 0; i < 20; ++i) {
      write_file(path, std::string(kSize, letter));
    }
  };
  std::thread one(writer, 'a');
  std::thread two(writer, 'b');
  for (int i = 0; i < 50; ++i) {
    const std::string seen = read_bytes(path);
    ASSERT_EQ(seen.size(), kSize);
    ASSERT_EQ(seen, std::string(kSize, seen.front()));
  }
  one.join();
  two.join();
  EXPECT_EQ(files_in(directory.path()), 1u);
}

}  // namespace
}  // namespace moeplan::text
