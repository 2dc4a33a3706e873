// Architectures: data/architectures, or the file that the user names.

#include "models/architecture/read_architecture.hpp"
#include "models/catalog/catalog.hpp"
#include "models/catalog/files.hpp"

namespace moeplan::models {

SmoeArchitecture load_architecture(const std::string& id_or_path) {
  return is_path(id_or_path) ? read_architecture(id_or_path)
                             : read_catalog_architecture(data_dir() / "architectures", id_or_path);
}

}  // namespace moeplan::models
