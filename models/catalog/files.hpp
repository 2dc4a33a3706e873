#pragma once
// Names -> files of the catalog. Internal to models/catalog.

#include <filesystem>
#include <string>

namespace moeplan::models {

// True for names that are meant as a path: they contain '/' or end in .yaml, .yml or .json.
bool is_path(const std::string& name);

// data/<folder>/<id>.yaml or .json. Throws: InputError E_VALUE "unknown <what>" with the ids there.
std::filesystem::path catalog_path(const std::string& folder, const std::string& what,
                                   const std::string& id);

// The path itself, or as catalog_path.
std::filesystem::path named_path(const std::string& folder, const std::string& what,
                                 const std::string& name);

}  // namespace moeplan::models
