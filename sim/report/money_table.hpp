#pragma once
// What each design pays, and for what: the offer, whole instances with their idle GPUs, the parts
// of owned machines, and the energy of a token.

#include <vector>

#include "sim/plan/design.hpp"
#include "sim/report/text_table.hpp"

namespace moeplan::sim {

// One row per design. Columns of owned machines only when a design has some.
TextTable money_table(const std::vector<const Design*>& designs, const Scenario& scenario);

}  // namespace moeplan::sim
