#pragma once
// What `moeplan inspect profile X` prints: the fitted laws of a device with their parameters,
// ranges and errors, the files they were fitted to, and what prices the families that are missing.

#include <string>
#include <vector>

#include "app/inspect_page.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/profile.hpp"

namespace moeplan::app {

// Throws: InputError for an unknown id (lists the others) and as load_profile.
Page inspect_profile(const std::string& id_or_path);

// One kernel family (interface.md) on a device: its fitted laws, or what stands in for them.
struct FamilyUse {
  std::string kernel;
  std::vector<const models::FittedLaw*> measured;  // of the profile; empty: not measured
  std::string otherwise;                           // the source of the law used then
};

// All families in the order of interface.md. profile: nullptr when there is none; outlives the
// result. Throws: InputError for a device whose fabric is not in the catalog.
std::vector<FamilyUse> families(const models::Gpu& gpu, const models::Profile* profile);

// The unit that a parameter's name carries: "B/s" of bandwidth_Bps, "" of a ratio.
std::string unit_of_parameter(const std::string& name);

// "5.1 %", or "-" when the figure is not known.
std::string percent_text(const std::optional<double>& fraction);

}  // namespace moeplan::app
