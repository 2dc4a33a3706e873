#pragma once
// Time stamps of traces as exact picoseconds: no doubles, so that a written trace reads back to
// the same instants. Stamps may count from 1970, hence 128 bits.

#include <optional>
#include <string>
#include <string_view>

namespace moeplan::sim {

using WidePicoseconds = __int128;

enum class StampUnit { seconds, milliseconds, microseconds, nanoseconds, calendar };

// Decimal digits of picoseconds per unit (12 for seconds). Throws: std::logic_error for calendar.
int decimals_of(StampUnit unit);
// "seconds", ..., "a day and a time".
const char* name_of(StampUnit unit);

// "12.5", "1e-05" (as Python writes small floats) in a unit; below 1 ps rounded to the nearest.
// "YYYY-MM-DD HH:MM:SS[.fraction][Z|+HH:MM]" ('T' may stand for the blank), UTC without an offset.
// nullopt for anything else, and beyond 1e26 ps.
std::optional<WidePicoseconds> parse_stamp(std::string_view text, StampUnit unit);

// Exact decimal seconds without trailing zeros: "0", "0.5", "12.000000000001". ps >= 0.
std::string seconds_text(std::int64_t picoseconds);

}  // namespace moeplan::sim
