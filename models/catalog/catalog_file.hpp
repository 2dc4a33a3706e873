#pragma once
// Which file a name of the catalog means, for saying where a value came from.

#include <filesystem>
#include <string>

namespace moeplan::models {

// The file that data/<folder> has for an id, or the path itself. A variant of an architecture
// ("paper-354m-128e") is in the file whose stem begins its id ("paper-354m.yaml").
// folder: as catalog_ids. Throws: InputError E_VALUE for an id that no file is of.
std::filesystem::path catalog_file(const std::string& folder, const std::string& id_or_path);

}  // namespace moeplan::models
