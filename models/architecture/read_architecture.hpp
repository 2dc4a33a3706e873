#pragma once
// Architectures from files: a path that a user names, or an id of the catalog's folder.

#include <filesystem>
#include <string>
#include <vector>

#include "models/architecture/smoe_architecture.hpp"

namespace moeplan::models {

// A Hugging Face config.json, a directory that holds one, YAML of the same keys, or our own YAML
// (architecture_yaml.hpp). The name is the file's stem, or the directory's name for config.json.
// Throws: InputError, as the readers of the file and of its format.
SmoeArchitecture read_architecture(const std::filesystem::path& path);

// Ids in a folder of .json and .yaml files, sorted: the stems; for a file with moe.variants
// <stem>-<experts>e each. Throws: InputError when a file cannot be read.
std::vector<std::string> architecture_ids(const std::filesystem::path& folder);

// The architecture with this id; a stem with variants alone means its own number of experts.
// Throws: InputError E_VALUE for an unknown id (lists the valid ones, did-you-mean), E_MISSING for
// a file that names no source.
SmoeArchitecture read_catalog_architecture(const std::filesystem::path& folder,
                                           const std::string& id);

}  // namespace moeplan::models
