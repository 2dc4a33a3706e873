#pragma once
// Private to models/text: counts out of scalars and CSV cells, exact up to 2^53.

#include <cstdint>
#include <string_view>

namespace moeplan::text {

inline constexpr std::int64_t kMaxCount = std::int64_t{1} << 53;

struct WholeNumber {
  enum class State { ok, not_a_number, not_whole, too_large };
  State state = State::not_a_number;
  std::int64_t value = 0;
};

// "8", "8.0" and "1e6" are whole, "8.5" is not; beyond +-2^53 doubles skip integers: too_large.
WholeNumber parse_whole(std::string_view text);

}  // namespace moeplan::text
