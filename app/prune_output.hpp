#pragma once
// What moeplan prune writes: a directory that appears only when it is complete, and a table.

#include <filesystem>
#include <string>

#include "models/pruning/plan_json.hpp"

namespace moeplan::app {

// A directory beside the wanted one, renamed to it at the end; gone when finish() was not reached.
class OutputDirectory {
 public:
  // Throws: InputError E_VALUE when something is there already (an empty directory may be).
  static void check_free(const std::filesystem::path& wanted);
  // Throws: as check_free; std::system_error.
  explicit OutputDirectory(const std::filesystem::path& wanted);
  ~OutputDirectory();
  OutputDirectory(const OutputDirectory&) = delete;
  OutputDirectory& operator=(const OutputDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void finish();

 private:
  std::filesystem::path wanted_;
  std::filesystem::path path_;
  bool finished_ = false;
};

std::string prune_table(const models::PrunedModelFile& file, bool markdown);

}  // namespace moeplan::app
