#pragma once
// Half of the measured points corrects or refits the laws, the other half judges them.

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "models/hardware/fabric.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/kernel_sample.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::calibrate {

// How halves() divides; printed with every result.
inline constexpr const char* kHalvesRule =
    "per kernel, source and dtype, shapes in sorted order alternate: the first, third, ... are "
    "fitted, the others validated; where there is one shape, and for collectives and kernels that "
    "pass data, the rows of each shape alternate in file order";

struct Halves {
  std::vector<models::Measurements> fitted;
  std::vector<models::Measurements> validated;
};
Halves halves(const std::vector<models::Measurements>& files);

// kernel, kernel source, dtype as sample_key has them.
using FamilyKey = std::tuple<std::string, std::string, std::string>;

struct HalfFit {
  models::Profile profile;               // the given laws, refitted families in place of theirs
  std::map<FamilyKey, double> scale;     // factor on predictions of families that were not refitted
  std::map<FamilyKey, std::string> how;  // "law": refitted, "scale": corrected by one factor
  std::vector<std::string> notes;
};

// A family is refitted where fit_profile keeps a law of at least kFewestToRefit rows whose error -
// on held-out shapes where there are three or more - is below what is left after one factor on the
// given law (median of measured / predicted); else it gets that factor.
// profile: nullptr for data-sheet laws. Throws: as fit_profile.
inline constexpr std::int64_t kFewestToRefit = 8;
HalfFit fit_half(const std::vector<models::Measurements>& fitted, const models::Gpu& gpu,
                 const models::Fabric& inside, const models::Fabric* between,
                 const models::Profile* profile);

}  // namespace moeplan::calibrate
