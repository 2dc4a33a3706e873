#pragma once
// The points of an exchange sweep as the rows that fits read.

#include <string>

#include "calibrate/measure_all2all.hpp"
#include "models/latency/kernel_sample.hpp"

namespace moeplan::calibrate {

// One collective row for every measured uniform exchange, all-gather, reduce-scatter and
// all-reduce. Everything else the format has no row for; it stays in the journal, and `skipped`
// says how much and why. path, content: of the journal.
models::Measurements exchange_measurements(const JournalContents& journal,
                                           const PreparedExchanges& prepared,
                                           const RankWorld& world, const std::string& path,
                                           const std::string& content);

}  // namespace moeplan::calibrate
