#pragma once
// Several files of one result in one directory: all of them or none.

#include <filesystem>
#include <string>
#include <vector>

namespace moeplan::app {

struct OutputFile {
  std::string name;  // in the directory
  std::string content;
};

// For before the work: seconds of it are not spent on a result that cannot be kept.
// Throws: std::system_error naming the directory that cannot be made or written.
void check_output(const std::filesystem::path& directory);

// Makes the directory where it is missing; writes each file whole under another name, then renames
// all. Throws: std::system_error naming the file; then old files stay as they were.
void write_files(const std::filesystem::path& directory, const std::vector<OutputFile>& files);

}  // namespace moeplan::app
