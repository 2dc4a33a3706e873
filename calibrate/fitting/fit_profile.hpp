#pragma once
// fit_profile: measurement files of one device in, its profile and the report of all families out.

#include <string>
#include <vector>

#include "calibrate/fitting/family.hpp"
#include "models/hardware/gpu.hpp"
#include "models/latency/kernel_sample.hpp"
#include "models/text/json.hpp"

namespace moeplan::calibrate {

struct FittedProfile {
  models::Profile profile;
  std::vector<FamilyReport> families;  // sorted by kernel, source, dtype, distribution
  std::vector<std::string> notes;      // what was left out and why, for people
};

// Rows of different sources and precisions are never fitted together; the same source in several
// files is. Families that are reported but not kept in the profile, with the reason in notes:
// collectives of other than 16-bit elements (the same bytes again), eager-mode sources, dense
// laws that read faster than the memory can (the table times the host's launches) or that saw fewer
// than three shapes, and kernels that pass data where only one kind of them was timed. Laws of rows
// that hold the host's launches keep their rates and take the launch of the data-sheet law.
// Throws: InputError E_UNIT for a file that implies more than the device's peak bandwidth on most
// rows (names the likely unit mistake), E_DUPLICATE for the same file twice.
FittedProfile fit_profile(const std::vector<models::Measurements>& files, const models::Gpu& gpu);

// One of families[], as interface.md has it.
text::Json family_json(const FamilyReport& family);
// families[] exactly as interface.md has it.
text::Json families_json(const std::vector<FamilyReport>& families);
// The same as a table for people.
std::string families_table(const std::vector<FamilyReport>& families);

}  // namespace moeplan::calibrate
