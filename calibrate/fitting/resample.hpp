#pragma once
// resample: how far a fit moves when other launches of the measuring program, and other points, had
// been drawn: the ensemble of a law (calibration.md A6).

#include <vector>

#include "calibrate/fitting/least_squares.hpp"

namespace moeplan::calibrate {

inline constexpr int kMembers = 64;

// [kMembers][determined parameters], ln(theta of the member / theta of the outcome). A member draws
// launch numbers with replacement, the same for all rows (what a launch shares, it shares with all
// its points), takes each row's median over them, then draws rows with replacement, and fits anew
// from the outcome. A parameter that such a draw does not determine stays as it is. Numbers come
// from fixed seeds. Empty when no row has two launches.
std::vector<std::vector<double>> resample(const FitProblem& problem, const FitOutcome& outcome);

}  // namespace moeplan::calibrate
