#include "app/write_files.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "models/text/load.hpp"

namespace moeplan::app {

namespace fs = std::filesystem;

void check_output(const fs::path& directory) {
  fs::path existing = directory;
  while (!existing.empty() && !fs::exists(existing)) {
    existing = existing.parent_path();
  }
  existing = existing.empty() ? "." : existing;
  if (!fs::is_directory(existing)) {
    throw std::system_error(std::make_error_code(std::errc::not_a_directory),
                            "cannot write to " + directory.string());
  }
  if (::access(existing.c_str(), W_OK | X_OK) != 0) {
    throw std::system_error(errno, std::generic_category(),
                            "cannot write to " + directory.string());
  }
}

void write_files(const fs::path& directory, const std::vector<OutputFile>& files) {
  const auto staged = [&](const OutputFile& file) {
    return directory / fmt::format(".{}.new-{}", file.name, ::getpid());
  };
  fs::create_directories(directory);
  try {
    for (const OutputFile& file : files) {
      text::write_file(staged(file), file.content);
    }
    for (const OutputFile& file : files) {
      fs::rename(staged(file), directory / file.name);
    }
  } catch (...) {
    for (const OutputFile& file : files) {
      std::error_code gone;
      fs::remove(staged(file), gone);
    }
    throw;
  }
}

}  // namespace moeplan::app
