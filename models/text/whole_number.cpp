#include "models/text/whole_number.hpp"

#include <charconv>
#include <cmath>

#include "models/units/parse.hpp"

namespace moeplan::text {
namespace {

// Digits with an optional sign: exact also where a double is not.
bool is_integer_text(std::string_view text) {
  const auto first = text.find_first_not_of("+-");
  return first <= 1 && text.find_first_not_of("0123456789", first) == std::string_view::npos;
}

}  // namespace

WholeNumber parse_whole(std::string_view text) {
  using enum WholeNumber::State;
  while (!text.empty() && text.front() == ' ') {
    text.remove_prefix(1);
  }
  while (!text.empty() && text.back() == ' ') {
    text.remove_suffix(1);
  }
  if (is_integer_text(text)) {
    std::int64_t value = 0;
    const char* begin = text.data() + (text.front() == '+' ? 1 : 0);
    const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
    const bool fits = error == std::errc{} && value >= -kMaxCount && value <= kMaxCount;
    return fits ? WholeNumber{ok, value} : WholeNumber{too_large, 0};
  }
  const std::optional<double> value = parse_number(text);
  if (!value) {
    return {not_a_number, 0};
  }
  if (std::floor(*value) != *value) {
    return {not_whole, 0};
  }
  if (std::abs(*value) > static_cast<double>(kMaxCount)) {
    return {too_large, 0};
  }
  return {ok, static_cast<std::int64_t>(*value)};
}

}  // namespace moeplan::text
