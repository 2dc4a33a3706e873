#pragma once
// The laws a user means by --profile: a file, a shipped profile, or a bare GPU of the catalog.

#include <optional>
#include <string>

#include "models/hardware/gpu.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::app {

struct FoundProfile {
  models::Gpu gpu;
  std::optional<models::Profile> profile;  // nullopt: data-sheet laws only
};

// Throws: InputError for what is neither (lists the ids, did-you-mean), and for broken profiles.
FoundProfile find_profile(const std::string& id_or_path);

}  // namespace moeplan::app
