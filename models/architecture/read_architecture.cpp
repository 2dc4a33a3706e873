#include "models/architecture/read_architecture.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <system_error>

#include "models/architecture/architecture_yaml.hpp"
#include "models/architecture/hf_config.hpp"
#include "models/text/load.hpp"

namespace moeplan::models {
namespace {

namespace fs = std::filesystem;

bool is_yaml(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

text::Document load(const fs::path& path) {
  return is_yaml(path) ? text::load_yaml(path) : text::load_json(path);
}

SmoeArchitecture read(const text::Document& document, const std::string& name,
                      std::optional<std::int64_t> experts) {
  return is_architecture_yaml(document) ? read_architecture_yaml(document, name, experts)
                                        : read_hf_config(document, name);
}

// One id of the folder: its file and, for a variant, the number of experts.
struct Entry {
  fs::path file;
  std::optional<std::int64_t> experts;
};

// Id -> entry; `listed` without the bare stems of files that have variants.
struct Folder {
  std::map<std::string, Entry> entries;
  std::vector<std::string> listed;
};

Folder scan(const fs::path& folder) {
  Folder result;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const fs::path& file = it->path();
    if (!is_yaml(file) && file.extension() != ".json") {
      continue;
    }
    const std::string stem = file.stem().string();
    result.entries[stem] = {file, std::nullopt};
    const std::vector<std::int64_t> variants =
        is_yaml(file) ? architecture_variants(text::load_yaml(file)) : std::vector<std::int64_t>{};
    if (variants.empty()) {
      result.listed.push_back(stem);
    }
    for (const std::int64_t experts : variants) {
      const std::string id = fmt::format("{}-{}e", stem, experts);
      result.entries[id] = {file, experts};
      result.listed.push_back(id);
    }
  }
  if (error) {
    throw InputError(Problem{.code = "E_IO",
                             .file = folder.string(),
                             .what = "cannot list the folder of architectures",
                             .got = error.message()});
  }
  std::sort(result.listed.begin(), result.listed.end());
  return result;
}

}  // namespace

SmoeArchitecture read_architecture(const fs::path& path) {
  std::error_code error;
  const fs::path file = fs::is_directory(path, error) ? path / "config.json" : path;
  const fs::path parent = file.parent_path().filename();
  const bool anonymous =
      file.stem() == "config" && !parent.empty() && parent != "." && parent != "..";
  return read(load(file), (anonymous ? parent : file.stem()).string(), std::nullopt);
}

std::vector<std::string> architecture_ids(const fs::path& folder) { return scan(folder).listed; }

SmoeArchitecture read_catalog_architecture(const fs::path& folder, const std::string& id) {
  const Folder all = scan(folder);
  const auto it = all.entries.find(id);
  if (it == all.entries.end()) {
    throw InputError(Problem{.code = "E_VALUE",
                             .file = folder.string(),
                             .what = "unknown architecture",
                             .got = id,
                             .expected = fmt::format("one of {}", joined(all.listed)),
                             .fix = did_you_mean(id, all.listed)});
  }
  SmoeArchitecture architecture = read(load(it->second.file), id, it->second.experts);
  if (architecture.source.empty()) {
    throw InputError(Problem{.code = "E_MISSING",
                             .file = it->second.file.string(),
                             .pointer = "/_source",
                             .what = "a catalog file names the source of its numbers"});
  }
  return architecture;
}

}  // namespace moeplan::models
