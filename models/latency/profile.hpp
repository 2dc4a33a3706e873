#pragma once
// Profile: the fitted laws of one device, as `moeplan fit` writes them and everything else reads
// them. The file is JSON, strict and versioned (unknown keys are errors), SI units, with the files
// and checksums the numbers came from. It carries parameters only, never measurements.

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/latency/law_info.hpp"

namespace moeplan::models {

// How well a law meets the rows it was fitted on. Errors are |t_law / t_measured - 1|.
struct FitErrors {
  std::int64_t points = 0;
  std::int64_t shapes = 0;
  double median_abs_error = 0.0;
  double p90_abs_error = 0.0;
  double max_abs_error = 0.0;
  double bias = 0.0;  // median of t_law / t_measured - 1
  // With each shape predicted by a fit to the others; absent below three shapes.
  struct HeldOut {
    double median = 0.0;
    double p90 = 0.0;
  };
  std::optional<HeldOut> leave_one_shape_out;
  // With all rows of one number of experts predicted by a fit to the others; absent below three.
  std::optional<HeldOut> leave_one_expert_count_out;
};

// One law of a profile: a form (law_forms.hpp) and its numbers.
struct FittedLaw {
  LawInfo info;
  std::string distribution;                     // routing of the rows: "balanced"; "" if none
  std::map<std::string, double> theta;          // fitted, > 0, SI units
  std::map<std::string, double> constants;      // not fitted
  std::vector<std::string> covariance_of;       // [n], theta names
  std::vector<std::vector<double>> covariance;  // [n x n], of ln theta
  // [members x n], ln(theta of a member / theta): fits to resampled launches and points, for
  // parameters in covariance_of. Empty where no launches were told apart: draws then come from the
  // covariance.
  std::vector<std::vector<double>> ensemble;
  FitErrors errors;
  std::vector<std::string> files;  // names in Profile::provenance

  // theta[name], or 0 when absent: the term is switched off.
  double value(std::string_view name) const;
};

struct ProfileFile {
  std::string file;    // name without directory
  std::string sha256;  // of its bytes
  std::string source;  // "imported: aiconfigurator" or "measured"
  std::int64_t rows = 0;
  std::map<std::string, std::string> fingerprint;  // of the machine that measured; may be empty
};

struct Profile {
  std::string id;
  std::string hardware;  // catalog id of the GPU it was measured on
  std::vector<ProfileFile> provenance;
  std::vector<FittedLaw> laws;

  // Laws of a family and dtype, the one with the most points first.
  std::vector<const FittedLaw*> find(std::string_view kernel, std::string_view dtype) const;
};

// Throws: InputError for files that are not such a profile: E_SCHEMA, E_UNKNOWN_KEY, a checksum
// that does not match (the file was edited), an unknown form (lists the known ones), a missing or
// unknown parameter, theta that is not finite and > 0, a domain with low > high, a covariance that
// is not positive semidefinite, an ensemble of another size, an error p90 below the median, no
// points, a law given twice.
Profile load_profile(const std::filesystem::path& path);
// The same for text in memory; `file` names it in errors.
Profile parse_profile(const std::string& content, const std::string& file);

// The text of a profile: pretty JSON, byte-stable, with its checksum.
std::string profile_text(const Profile& profile);

}  // namespace moeplan::models
