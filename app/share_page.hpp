#pragma once
// A comparison of strategies as a Page: what `moeplan share` prints.

#include "app/inspect_page.hpp"
#include "sim/share/share_uncertainty.hpp"

namespace moeplan::app {

inline constexpr int kShareSchemaVersion = 1;

// JSON: schema_version; recommendation = name of a strategy or null; tasks[], strategies[] (one
// entry of `tasks` per task, figures of the fleet, `why_not` where it does not work), hours[24],
// assumptions, reasons[], warnings[], provenance; with draws, uncertainty (of every strategy and of
// all). CSV: a row per strategy and task.
// uncertainty: nullptr without draws.
Page share_page(const sim::Share& share, const sim::ShareUncertainty* uncertainty = nullptr);

}  // namespace moeplan::app
