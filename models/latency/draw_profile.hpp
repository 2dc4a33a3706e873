#pragma once
// draw_profile: one member of the ensemble of a profile's fits (calibration.md A6): every law's
// fitted parameters with a draw of their joint error. What a law's form gets wrong is no part of
// it: that is LawInfo::discrepancy_sd_log.

#include <cstddef>
#include <functional>

#include "models/latency/profile.hpp"

namespace moeplan::models {

// Standard normal number i of law `law` of the profile; independent of each other.
using NormalScores = std::function<double(std::size_t law, std::size_t i)>;

// Laws with an ensemble take its member floor(members Phi(z)), z their first score; z = 0 is the
// fit itself. Others: ln theta += L z for the parameters in covariance_of, L L' = covariance_log;
// parameters outside it (fixed by the fit) and laws without a covariance stay as they are. All
// scores 0: an equal profile.
Profile draw_profile(const Profile& profile, const NormalScores& scores);

}  // namespace moeplan::models
