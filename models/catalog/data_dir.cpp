#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

#include "models/catalog/catalog.hpp"
#include "models/catalog/catalog_file.hpp"
#include "models/catalog/files.hpp"
#include "models/text/input_error.hpp"

#ifndef MOEPLAN_SOURCE_DATA_DIR
#error "models/catalog/CMakeLists.txt defines MOEPLAN_SOURCE_DATA_DIR"
#endif

namespace moeplan::models {
namespace {

namespace fs = std::filesystem;

InputError wrong(const std::string& code, const std::string& what, const std::string& got,
                 const std::string& expected, const std::string& fix) {
  return InputError(Problem{.code = code,
                            .file = {},
                            .mark = {},
                            .pointer = {},
                            .what = what,
                            .got = got,
                            .expected = expected,
                            .fix = fix});
}

// The directory of the running program; empty where the system does not tell.
fs::path program_dir() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : program.parent_path();
}

}  // namespace

fs::path data_dir() {
  std::vector<fs::path> candidates;
  if (const char* named = std::getenv("MOEPLAN_DATA"); named != nullptr && *named != '\0') {
    candidates.emplace_back(named);
  } else {
    const fs::path program = program_dir();
    if (!program.empty()) {
      candidates.push_back((program / "../../models/data").lexically_normal());
      candidates.push_back((program / "../share/moeplan/data").lexically_normal());
    }
    candidates.emplace_back(MOEPLAN_SOURCE_DATA_DIR);
  }
  std::vector<std::string> tried;
  for (const fs::path& candidate : candidates) {
    std::error_code error;
    if (fs::is_directory(candidate, error)) {
      return candidate;
    }
    tried.push_back(candidate.string());
  }
  throw wrong("E_IO", "the catalog's data directory is nowhere", "", "one of " + joined(tried),
              "set MOEPLAN_DATA to the directory that holds gpus/, prices/ and the others");
}

bool is_path(const std::string& name) {
  return name.find('/') != std::string::npos || name.ends_with(".yaml") || name.ends_with(".yml") ||
         name.ends_with(".json");
}

std::vector<std::string> catalog_ids(const std::string& folder) {
  std::vector<std::string> ids;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(data_dir() / folder, error)) {
    const std::string extension = entry.path().extension().string();
    if (entry.is_regular_file() && (extension == ".yaml" || extension == ".json")) {
      ids.push_back(entry.path().stem().string());
    }
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

fs::path catalog_path(const std::string& folder, const std::string& what, const std::string& id) {
  const fs::path stem = data_dir() / folder / id;
  for (const char* extension : {".yaml", ".json"}) {
    fs::path path = stem;
    path += extension;
    std::error_code error;
    if (!id.empty() && id.find('/') == std::string::npos && fs::is_regular_file(path, error)) {
      return path;
    }
  }
  const std::vector<std::string> ids = catalog_ids(folder);
  throw wrong(
      "E_VALUE", fmt::format("unknown {}", what), id,
      ids.empty() ? fmt::format("a file in {}", (data_dir() / folder).string()) : joined(ids),
      did_you_mean(id, ids));
}

fs::path named_path(const std::string& folder, const std::string& what, const std::string& name) {
  return is_path(name) ? fs::path(name) : catalog_path(folder, what, name);
}

fs::path catalog_file(const std::string& folder, const std::string& id_or_path) {
  if (!is_path(id_or_path) && folder == "architectures") {
    std::string stem;  // the longest that begins a variant's id
    for (const std::string& id : catalog_ids(folder)) {
      if (id == id_or_path) {
        stem = id;
        break;
      }
      if (id_or_path.starts_with(id + "-") && id.size() > stem.size()) {
        stem = id;
      }
    }
    if (!stem.empty()) {
      return catalog_path(folder, folder, stem);
    }
  }
  return named_path(folder, "file of data/" + folder, id_or_path);
}

fs::path profile_path(const std::string& id_or_path) {
  return named_path("profiles", "profile", id_or_path);
}

}  // namespace moeplan::models
