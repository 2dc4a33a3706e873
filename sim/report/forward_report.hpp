#pragma once
// Static forward passes (`simulate` of a scenario with regime static_forward): every term of every
// design, as text, JSON and CSV.

#include <string>
#include <vector>

#include "models/text/json.hpp"
#include "sim/forward/forward_pass.hpp"
#include "sim/report/report_writer.hpp"

namespace moeplan::sim {

inline constexpr int kForwardSchemaVersion = 1;

// What a reader must know of the law: said wherever its numbers are printed.
inline constexpr const char* kNotAffine =
    "No law affine in the experts of a GPU passes through all points of figure 2a (21.32, 39.82, "
    "51.14, 101.98, 173.62 ms): per expert of a GPU the pass grows by 0.94, 3.18 and 2.24 ms from "
    "one point to the next. This one meets dense, 8 and 128 experts; its errors at 32 and 64, and "
    "on figures 4 and 5: ./moeplan bench --suite paper.";

std::string forward_text(const std::vector<ForwardPass>& passes, const StaticScenario& scenario,
                         const ReportContext& context, TextStyle style);
text::Json forward_json(const std::vector<ForwardPass>& passes, const StaticScenario& scenario,
                        const ReportContext& context);
// One row a design, keys with unit suffixes.
std::string forward_csv(const std::vector<ForwardPass>& passes, const StaticScenario& scenario);

}  // namespace moeplan::sim
